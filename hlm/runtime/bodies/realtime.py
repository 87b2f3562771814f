"""A tracker on a robot in a process of its own, in real time."""

from __future__ import annotations

from collections.abc import Callable

from hlm.core.embodiment import Embodiment
from hlm.core.protocols import Robot, Tracker
from hlm.runtime.bodies.body_process import BodyParts, run_body
from hlm.runtime.bodies.guard_process import run_guard
from hlm.runtime.bodies.process_body import BodyJobs, ProcessBody, RealtimeBodyConfig


class RealtimeBody(ProcessBody):
    """A tracker on a robot in a process of its own, in real time.

    Args:
        make_robot: makes a robot link; called in both processes, so it is picklable.
        make_tracker: makes the tracker in the body's process; picklable.
        embodiment: the robot's table.
        config: of the processes.
    """

    def __init__(
        self,
        make_robot: Callable[[], Robot],
        make_tracker: Callable[[], Tracker],
        embodiment: Embodiment,
        config: RealtimeBodyConfig | None = None,
    ) -> None:
        parts = BodyParts(make_robot, make_tracker, embodiment)
        super().__init__(BodyJobs(run_body, (parts,), run_guard, (make_robot, embodiment)), config)
