"""One simulated task for all tests of a module, which each test resets, and a robot that stands still."""

from collections.abc import Callable

import pytest

from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.clock import NS_PER_S, ticks
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.sim.tasks.shelf_cup_transfer.stages import ShelfCupTransfer, make_task
from hlm.sim.tasks.simulated_task import SimulatedTask


@pytest.fixture(scope="module")
def task() -> ShelfCupTransfer:
    made = make_task(UNITREE_G1)
    made.reset(0)
    return made


@pytest.fixture
def stand(task: SimulatedTask) -> Callable[..., None]:
    """Let the robot of `task` stand for some seconds; calls `each` after every control step."""
    tracker = WholeBodyTracker(task.robot.embodiment)

    def wait(duration_s: float, each: Callable[[], object] = lambda: None) -> None:
        with task.robot as robot:
            tracker.reset(robot.read())
            end_ns = task.world.now_ns() + round(duration_s * NS_PER_S)
            for tick in ticks(task.world, 100.0):
                if tick.due_ns >= end_ns:
                    break
                robot.command(tracker.step(robot.read()))
                each()
            task.world.wait_until(end_ns)

    return wait
