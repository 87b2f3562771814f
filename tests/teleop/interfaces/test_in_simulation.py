"""A squat reach through the interfaces, on the simulated robot."""

import numpy as np
import pytest

from hlm.cli.rendering import load_simulator
from hlm.cli.sources import EMBODIMENT, scripted_source
from hlm.cli.stations import StationConfig, open_station
from hlm.control.model import BodyModel
from hlm.runtime.station import episode
from hlm.sim.operators.stance import true_configuration
from hlm.teleop.interfaces.interfaced_source import interfaced
from hlm.teleop.interfaces.odometry import ReferenceOdometry

pytestmark = pytest.mark.slow
# Before the fourth second the hand waits at the cup on the low shelf; the tracker is 0.2 s behind.
STEPS = 100
MODEL = BodyModel(EMBODIMENT)


class Heard:
    """A source whose references are kept."""

    def __init__(self, source):
        self.source, self.vectors = source, []

    def reset(self, observation):
        self.source.reset(observation)

    def reference(self, observation):
        reference = self.source.reference(observation)
        self.vectors.append(reference.vector)
        return reference


@pytest.mark.parametrize("interface", ["decoupled", "three_point"])
def test_the_hand_of_a_squat_reach_is_where_the_operator_had_it(interface):
    load_simulator()
    with open_station(StationConfig(task="shelf_cup_transfer", cameras=())) as (station, task):
        heard = Heard(scripted_source(task, task.reset(0)))
        station.make_source = lambda _: interfaced(heard, interface, EMBODIMENT)
        steps = [scored.step for scored, _ in zip(episode(station, task.reset(0)), range(STEPS), strict=False)]
        true = true_configuration(task.robot)
    odometry = ReferenceOdometry(MODEL)
    odometry.start(steps[0].observation.state)
    wanted = [odometry.moved(vector) for vector in heard.vectors][-10]
    soles = [MODEL.pose_world_from(f"{side}_sole", true)[:3, 3] for side in ("left", "right")]
    reached_m = MODEL.pose_world_from("right_grip", true)[:3, 3] - np.mean(soles, axis=0)
    asked = np.linalg.inv(wanted.pose_world_from_stance) @ MODEL.pose_world_from("right_grip", wanted.configuration)
    assert np.linalg.norm(reached_m - asked[:3, 3]) < 0.04
