"""A robot that stands still, for as long as a test needs things to come to rest."""

from collections.abc import Callable

import pytest

from hlm.control.tracker.whole_body import WholeBodyTracker
from hlm.core.clock import NS_PER_S, ticks
from hlm.sim.tasks.simulated_task import SimulatedTask


@pytest.fixture
def stand(task: SimulatedTask) -> Callable[[float], None]:
    """Let the robot of `task` stand for some seconds; `each`, if given, is called after every control step."""
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
