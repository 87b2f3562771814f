"""Cameras as commands plug them together."""

from dataclasses import replace

import pytest
from fakes_camera_servers import film_of

from hlm.cameras.config import open_cameras, parse_cameras
from hlm.cli.cameras import must_fit, simulated_cameras
from hlm.cli.sources import CAMERAS, EMBODIMENT
from hlm.core.clock import MonotonicClock
from hlm.core.errors import MismatchError, UnknownNameError
from hlm.core.policy import PolicySpec
from hlm.sim.realtime.plant import PlantConfig
from hlm.sim.realtime.plant_process import PlantProcess
from hlm.sim.tasks.catalog import make_task

TASK = "shelf_cup_transfer"


SPEC = PolicySpec(
    policy_type="fake",
    embodiment="unitree_g1",
    rate_hz=30.0,
    cameras=("head",),
    image_size=(128, 128),
    horizon=50,
    execution_horizon=25,
)


def test_named_cameras_deliver_and_are_held_against_the_policy(tmp_path):
    film, other = film_of(tmp_path / "film.mp4", 12), film_of(tmp_path / "other.mp4", 12, first=24)
    with open_cameras(parse_cameras([f"head=video:{film}", f"left_wrist=video:{other}"], CAMERAS)) as cameras:
        assert len(set(cameras.pids)) == 2
        assert "black bars fill 25% of its image" in must_fit(SPEC, cameras)[0]
        with pytest.raises(MismatchError, match="the policy needs camera 'right_wrist', and these deliver: "):
            must_fit(replace(SPEC, cameras=("head", "right_wrist")), cameras)


def test_cameras_that_the_robot_does_not_have_are_one_line():
    with pytest.raises(UnknownNameError, match="no camera 'hed'"):
        parse_cameras(["hed=opencv:0"], CAMERAS)


@pytest.mark.slow
def test_a_plant_is_seen_by_cameras_in_a_process_of_their_own():
    clock = MonotonicClock()
    with (
        PlantProcess(PlantConfig(task=TASK, seed=100003), make_task(TASK, EMBODIMENT).world) as plant,
        simulated_cameras(TASK, plant.worlds, CAMERAS, (48, 64)) as cameras,
    ):
        first = cameras.capture()
        assert set(first) == set(CAMERAS)
        until_ns = clock.now_ns() + 30_000_000_000
        while cameras.health()["head"].frames < 40 and clock.now_ns() < until_ns:
            clock.wait_until(clock.now_ns() + 50_000_000)
        newest = cameras.capture()
        for name, frame in newest.items():
            assert frame.image.shape == (48, 64, 3)
            assert frame.image.std() > 5.0
            assert first[name].stamp_ns < frame.stamp_ns <= clock.now_ns()
        # A robot that stands still is looked at by cameras in which no pixel changes: they are not frozen.
        assert {health.fault for health in cameras.health().values()} == {""}
        assert cameras.health()["head"].frames >= 40
