"""Cameras as commands plug them together."""

import pytest

from hlm.cli.cameras import simulated_cameras
from hlm.cli.sources import CAMERAS, EMBODIMENT
from hlm.core.clock import MonotonicClock
from hlm.sim.realtime.plant import PlantConfig
from hlm.sim.realtime.plant_process import PlantProcess
from hlm.sim.tasks.catalog import make_task

TASK = "shelf_cup_transfer"


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
