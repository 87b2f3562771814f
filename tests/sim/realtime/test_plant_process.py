"""The plant in its process, in real time."""

import os
import signal

import numpy as np
import pytest
from conformance.robots import stay

from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import UnknownNameError, WorkerDiedError
from hlm.sim.realtime.mirrored_task import MirroredTask
from hlm.sim.realtime.plant import PlantConfig
from hlm.sim.realtime.plant_process import PlantProcess

CLOCK = MonotonicClock()


def wait_for(condition, timeout_s=20.0):
    until_ns = CLOCK.now_ns() + round(timeout_s * NS_PER_S)
    while not condition():
        assert CLOCK.now_ns() < until_ns
        CLOCK.wait_until(CLOCK.now_ns() + 2_000_000)


def test_a_plant_runs_scores_begins_again_and_says_that_it_was_killed(task):
    scene = task.world
    with PlantProcess(PlantConfig(task=task.name, seed=2), scene) as plant, plant.make_robot()() as robot:
        mirror = plant.mirror(scene)
        scored = MirroredTask(task, mirror, plant.restart)
        instance = scored.reset(9)
        assert (instance.seed, mirror.refresh().seed) == (9, 9)
        started_ns = mirror.refresh().stamp_ns
        assert abs(CLOCK.now_ns() - started_ns) < 5 * NS_PER_S  # absolute instants
        height_m = task.robot.pelvis_height_m()
        robot.command(stay(robot.read(), CLOCK.now_ns()))
        wait_for(lambda: mirror.refresh().stamp_ns > started_ns + NS_PER_S)
        assert robot.read().stamp_ns > started_ns + NS_PER_S
        assert np.isfinite(scored.privileged()["goal_in_hand_m"]).all()
        assert not scored.update().success
        assert task.robot.pelvis_height_m() != height_m
        plant.check()
        os.kill(plant.pid, signal.SIGKILL)
        with pytest.raises(WorkerDiedError, match="the simulation process was killed by SIGKILL"):
            wait_for(lambda: plant.check())
        with pytest.raises(WorkerDiedError, match="killed by SIGKILL"):
            plant.restart(3)


def test_a_task_that_does_not_exist_is_named(task):
    with pytest.raises(UnknownNameError, match="no task 'shelf'"):
        PlantProcess(PlantConfig(task="shelf", seed=2), task.world).__enter__()
