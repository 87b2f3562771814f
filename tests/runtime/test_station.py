"""Episodes of a fake task, then a second of the real one."""

from itertools import islice

import numpy as np
import pytest
from fakes import ListSource

from hlm.cli.stations import StationConfig, open_station
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.task import Progress, TaskInstance
from hlm.runtime.station import AFTER_SUCCESS_S, Station, episode


def run(station, seed=0, **options):
    return list(episode(station, station.task.reset(seed), **options))


def test_every_step_is_scored_in_turn(make_station):
    station = make_station(steps=5, script=lambda seed, step: Progress(stage=step // 2 % 3))
    scored = run(station)
    assert [one.step.index for one in scored] == list(range(5))
    assert [one.progress.stage for one in scored] == [0, 0, 1, 1, 2]


def test_the_source_is_made_for_the_scene_and_told_its_instruction(make_station):
    station = make_station(steps=2)
    for seed, words in ((0, "take red"), (1, "take blue")):
        scored = run(station, seed)
        assert {one.step.observation.instruction for one in scored} == {words}


def test_a_fall_ends_it(make_station):
    scored = run(make_station(steps=20, script=lambda seed, step: Progress(fell=step >= 7)))
    assert len(scored) == 8
    assert scored[-1].progress.fell


def test_the_tasks_time_limit_ends_it(make_station):
    scored = run(make_station(steps=60, time_limit_s=1.0))
    assert len(scored) == 31


def succeeding(seed, step):
    return Progress(stage=2, success=True) if step >= 10 else Progress()


def test_a_demonstration_goes_on_after_success(make_station):
    assert len(run(make_station(steps=60, script=succeeding))) == 60


def test_a_policys_episode_ends_a_while_after_success(make_station):
    scored = run(make_station(steps=60, script=succeeding), until_success=True)
    assert len(scored) == 10 + 1 + round(AFTER_SUCCESS_S * 30)
    assert scored[-1].progress.success


def test_what_falls_over_in_that_while_was_no_success(make_station):
    def toppling(seed, step):
        return Progress(stage=2, success=10 <= step < 20)

    scored = run(make_station(steps=60, script=toppling), until_success=True)
    assert len(scored) == 41
    assert not scored[-1].progress.success


def test_leaving_a_station_damps_the_motors_and_then_stops_the_cameras(make_rig, vectors):
    rig = make_rig()
    parts = {"clock": rig.clock, "body": rig.body, "cameras": rig.cameras, "embodiment": UNITREE_G1}
    station = Station(**parts, make_source=lambda instance: ListSource(vectors(5)))
    with pytest.raises(KeyboardInterrupt), station:
        assert (rig.robot.entered, rig.cameras.entered) == (1, 1)
        for scored in episode(station, TaskInstance(seed=None, candidates=("wave",), candidate=0)):
            if scored.step.index == 2:
                raise KeyboardInterrupt
    assert (rig.robot.entered, rig.cameras.entered) == (0, 0)
    assert not rig.robot.commands[-1].kp_nm_rad.any()
    assert (rig.robot.commands[-1].kd_nm_s_rad > 0.0).all()


def test_a_body_that_cannot_be_connected_stops_the_cameras_again(make_rig, monkeypatch):
    rig = make_rig()

    def refuse(self):
        raise InputError("no robot there")

    monkeypatch.setattr(type(rig.body), "__enter__", refuse)
    parts = {"clock": rig.clock, "body": rig.body, "cameras": rig.cameras, "embodiment": UNITREE_G1}
    with pytest.raises(InputError, match="no robot there"), Station(**parts, make_source=lambda instance: None):
        pass
    assert rig.cameras.entered == 0


@pytest.fixture(scope="module")
def simulated():
    with open_station(StationConfig(task="shelf_cup_transfer", cameras=("head",), image_size=(24, 32))) as opened:
        yield opened


def begun(simulated, seed, steps=12):
    """The first steps of a scripted episode, as numbers."""
    found, (station, task) = [], simulated
    for scored in islice(episode(station, task.reset(seed)), steps):
        observation, privileged = scored.step.observation, task.privileged()
        numbers = np.concatenate([observation.state, scored.step.reference.vector, *privileged["candidate_in_hand_m"]])
        found.append((observation.stamp_ns, numbers, observation.frames["head"].image, dict(scored.step.age_s)))
    return found


def test_a_real_episode_is_the_same_in_every_bit_when_it_is_run_again(simulated):
    first = begun(simulated, 2)
    begun(simulated, 5, steps=3)
    again = begun(simulated, 2)
    for (stamp_ns, numbers, image, ages), (other_ns, others, image_again, old) in zip(first, again, strict=True):
        assert stamp_ns == other_ns
        assert ages == old
        np.testing.assert_array_equal(numbers, others)
        np.testing.assert_array_equal(image, image_again)


def test_real_steps_are_fresh_and_on_the_grid(simulated):
    steps = begun(simulated, 2)
    start_ns = steps[0][0]
    assert start_ns == 590_000_000
    for number, (stamp_ns, _, _, ages) in enumerate(steps):
        assert stamp_ns == start_ns + round(number * 1e9 / 30)
        # The world moves in steps of 2 ms: a measurement is younger than one.
        assert ages.keys() == {"state", "image_head"}
        assert all(0.0 <= age_s < 0.002 for age_s in ages.values())


def test_a_real_robot_moves_as_it_is_told(simulated):
    steps = begun(simulated, 2, steps=20)
    states, actions = np.array([one[1][:34] for one in steps]), np.array([one[1][34:68] for one in steps])
    assert np.abs(actions[-1] - actions[0]).max() > 0.1
    # What was asked for 0.2 s, six steps, ago.
    assert np.abs(states[-1] - actions[-7]).max() < 0.1
    assert simulated.task.robot.pelvis_uprightness() > 0.95
