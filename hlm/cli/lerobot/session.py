"""A simulated station whose steps somebody else paces: each action that is sent moves it on by one step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from hlm.cli.rendering import load_simulator
from hlm.cli.stations import StationConfig, open_station
from hlm.core.clock import STEP_HZ, Tick, due_ns, ticks
from hlm.core.errors import TrackingError
from hlm.core.values import Reference
from hlm.runtime.loop import ControlLoop

if TYPE_CHECKING:
    from hlm.core.arrays import FloatArray
    from hlm.core.task import Progress, TaskInstance
    from hlm.core.values import Observation
    from hlm.runtime.loop import SeenStep
    from hlm.runtime.station import Station
    from hlm.sim.tasks.simulated_task import SimulatedTask


class SteppedSession:
    """One episode in simulation, the same as `hlm.runtime.station.episode` makes of the same references.

    Args:
        station: entered.
        task: the station's.
        instance: the scene, which was just drawn.

    Raises:
        TrackingError: the body does not follow references.
    """

    def __init__(self, station: Station, task: SimulatedTask, instance: TaskInstance) -> None:
        self.task = task
        self.instance = instance
        self.progress: Progress | None = None
        self._body = station.body
        self._loop = ControlLoop(station.clock, station.body, station.cameras, station.embodiment)
        self._seen: SeenStep | None = None
        self._following(self._loop.begin(instance.instruction))
        self._ticks = ticks(station.clock, STEP_HZ, station.clock.now_ns())
        self._tick: Tick = next(self._ticks)

    def observation(self) -> Observation:
        """What is seen at the current step; time does not pass until `act`.

        Raises:
            TrackingError: the body no longer follows references.
        """
        if self._seen is None:
            self._seen = self._following(self._loop.observe(self._tick.due_ns, self.instance.instruction))
        return self._seen.observation

    def allowed(self, wanted: FloatArray) -> FloatArray:
        """The [34] reference that would be sent if `wanted` was: limited in range and speed, so a label is true.

        Raises:
            TrackingError: it is no number, or no sensible reference.
        """
        self.observation()
        return self._following(self._loop.allowed(wanted, 1.0 / STEP_HZ))

    def act(self, vector: FloatArray) -> FloatArray:
        """Send a reference and let one step pass; the [34] that was sent.

        Raises:
            TrackingError: the body no longer follows references, or the task says that the robot has fallen.
        """
        limited = self.allowed(vector)
        # What was limited before differs by rounding when it is limited again.
        sent = vector if np.allclose(vector, limited, rtol=0.0, atol=1e-12) else limited
        self._following(self._loop.push(Reference(self._tick.due_ns, sent)) or None)
        self.progress = self.task.update()
        self._body.advance(self._tick.due_ns + due_ns(0, 1, STEP_HZ))
        self._tick, self._seen = next(self._ticks), None
        if self.progress.fell:
            raise TrackingError("the robot has fallen.")
        return sent

    def _following[Found](self, found: Found | None) -> Found:
        if found is None:
            self._seen = None
            raise TrackingError(f"the robot no longer follows: {self._body.status.fault}.")
        return found


@contextmanager
def open_session(config: StationConfig, seed: int) -> Iterator[SteppedSession]:
    """A robot that stands in the scene of this seed; `sessions` has it until it is left.

    Raises:
        HlmError: a part cannot be had.
    """
    load_simulator()
    with open_station(config) as (station, task):
        session = SteppedSession(station, task, task.reset(seed))
        _OPEN.append(session)
        try:
            yield session
        finally:
            _OPEN.remove(session)


def newest_session() -> SteppedSession | None:
    """The session that was opened last in this process and is still open.

    LeRobot makes robot and teleoperator apart and lets neither know the other, but a script that moves a simulated
    robot must see its world.
    """
    return _OPEN[-1] if _OPEN else None


_OPEN: list[SteppedSession] = []
