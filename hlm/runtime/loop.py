"""The control loop: the same for teleoperation, replay, scripted recording, evaluation and deployment.

Rows lie on an absolute grid of the dataset's rate. At each row the source sees the robot and says where the body
should be; between rows the tracker runs on its own absolute grid. On a simulated clock time passes only in
`wait_until`, so the loop is deterministic; on a real clock nothing here differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import Clock, due_ns, slot_at, ticks
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.proprioception import measured_state
from hlm.core.protocols import Cameras, ReferenceSource, Robot, Tracker
from hlm.core.values import Observation, Reference
from hlm.core.yaw_rate import YawRate
from hlm.runtime.safety import ReferenceLimits


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopConfig:
    """Rates of the loop.

    Attributes:
        row_hz: rows of the dataset and references of the source.
        control_hz: steps of the tracker.
        settle_s: time in which the tracker stands still before the first row.
        stale_s: an input older than this ends the episode.
    """

    row_hz: float = 30.0
    control_hz: float = 100.0
    settle_s: float = 0.6
    stale_s: float = 0.1

    def __post_init__(self) -> None:
        """Check ranges."""
        if not 0.0 < self.row_hz <= self.control_hz:
            raise InputError(f"row_hz {self.row_hz} must be positive and at most control_hz {self.control_hz}.")
        if not (self.settle_s >= 0.0 and self.stale_s > 0.0):
            raise InputError(f"settle_s {self.settle_s} must not be negative, and stale_s {self.stale_s} positive.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rig:
    """A body with everything that moves it and looks out of it.

    Attributes:
        clock: of the session.
        robot: already entered.
        cameras: the robot's.
        tracker: plays references.
        embodiment: the robot's table.
    """

    clock: Clock
    robot: Robot
    cameras: Cameras
    tracker: Tracker
    embodiment: Embodiment


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopRow:
    """One row of an episode.

    Attributes:
        index: on the grid; a gap tells that slots were missed.
        observation: what the source saw.
        reference: what was let through to the tracker.
        age_s: how old each input was when the row was due.
    """

    index: int
    observation: Observation
    reference: Reference
    age_s: Mapping[str, float] = field(default_factory=dict)


class ControlLoop:
    """Runs one episode at a time on a rig.

    Args:
        rig: what to run on.
        config: rates.
    """

    def __init__(self, rig: Rig, config: LoopConfig | None = None) -> None:
        self._rig = rig
        self._config = LoopConfig() if config is None else config
        self._limits = ReferenceLimits(rig.embodiment)
        self._yaw_rate: YawRate | None = None
        self._previous: FloatArray = np.zeros(0)
        self._control_origin_ns = 0
        self._control_index = 0

    def rows(self, source: ReferenceSource, instruction: str) -> Iterator[LoopRow]:
        """Settle, then yield each row after its reference went to the tracker, until the source has ended.

        Whoever iterates may stop at any row; the robot then holds its last reference's command.

        Args:
            source: says where the body should be.
            instruction: what the source is told.

        Raises:
            InputError: an input is stale, or the source gave no number.
        """
        clock, config = self._rig.clock, self._config
        self._start()
        self._control_until(clock.now_ns() + round(config.settle_s * 1e9))
        grid = ticks(clock, config.row_hz)
        observation, _ = self._observe(clock.now_ns(), instruction)
        source.reset(observation)
        for tick in grid:
            observation, ages = self._observe(tick.due_ns, instruction)
            wanted = source.reference(observation)
            if wanted is None:
                return
            vector = self._limits.limited(wanted.vector, self._previous, (1 + tick.skipped) / config.row_hz)
            reference = Reference(tick.due_ns, vector)
            self._previous = vector
            self._rig.tracker.push(reference)
            yield LoopRow(index=tick.index, observation=observation, reference=reference, age_s=ages)
            self._control_until(tick.due_ns + due_ns(0, 1, config.row_hz))

    def _start(self) -> None:
        state = self._rig.robot.read()
        self._yaw_rate = None
        self._previous, self._yaw_rate = measured_state(state, None)
        self._rig.tracker.reset(state)
        self._control_origin_ns = self._rig.clock.now_ns()
        self._control_index = 0

    def _observe(self, row_ns: int, instruction: str) -> tuple[Observation, dict[str, float]]:
        """What is measured for the row due at `row_ns`, and how old it is."""
        state = self._rig.robot.read()
        frames = self._rig.cameras.capture()
        vector, self._yaw_rate = measured_state(state, self._yaw_rate)
        ages = {"state": _age_s(row_ns, state.stamp_ns)}
        ages |= {f"image_{name}": _age_s(row_ns, frame.stamp_ns) for name, frame in frames.items()}
        for name, age_s in ages.items():
            if age_s > self._config.stale_s:
                raise InputError(f"input '{name}' is {age_s:.3f} s old, more than {self._config.stale_s} s; stopped.")
        return Observation(row_ns, vector, dict(frames), instruction), ages

    def _control_until(self, end_ns: int) -> None:
        """Step the tracker at every slot of its grid before `end_ns`; slots that a slow source cost are skipped."""
        clock, rig, control_hz = self._rig.clock, self._rig, self._config.control_hz
        while True:
            newest = slot_at(self._control_origin_ns, clock.now_ns(), control_hz)
            self._control_index = max(self._control_index, newest)
            slot_ns = due_ns(self._control_origin_ns, self._control_index, control_hz)
            if slot_ns >= end_ns:
                return
            clock.wait_until(slot_ns)
            rig.robot.command(rig.tracker.step(rig.robot.read()))
            self._control_index += 1


def _age_s(row_ns: int, stamp_ns: int) -> float:
    return max(0.0, (row_ns - stamp_ns) * 1e-9)
