"""The control loop: the same for teleoperation, replay, scripted recording, evaluation and deployment.

Steps lie on an absolute grid of the dataset's rate. At each step the source sees the robot and says where the body
should be; between steps the body moves on its own. On a simulated clock time passes only in `wait_until`, so the loop
is deterministic; on a real clock nothing here differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.body import Body
from hlm.core.clock import NS_PER_S, STEP_HZ, Clock, due_ns, ticks
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.inputs import DEVICE, STATE
from hlm.core.proprioception import measured_state
from hlm.core.protocols import Cameras, FollowsDevice, ReferenceSource, ReportsCameras
from hlm.core.values import CameraFrame, Observation, Reference, RobotState
from hlm.core.yaw_rate import YawRate
from hlm.runtime.chunks.source import StarvedError
from hlm.runtime.image_arrivals import ImageArrival, image_arrivals, slot_after_images
from hlm.runtime.safety.checks import reference_fault
from hlm.runtime.safety.reference_limits import ReferenceLimits
from hlm.runtime.swapped_cameras import SwapWatch


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopConfig:
    """Timing of the loop.

    Attributes:
        rate_hz: steps per second, of the dataset and of the source.
        settle_s: time in which the body stands still before the first step.
        max_age_s: an older measurement puts the body on hold.
        max_image_age_s: an older image does; in lockstep, images are never old.
        after_images: steps come right after the images of cameras that have a clock of their own and the same rate.
    """

    rate_hz: float = STEP_HZ
    settle_s: float = 0.6
    max_age_s: float = 0.1
    max_image_age_s: float = 0.1
    after_images: bool = False

    def __post_init__(self) -> None:
        """Check ranges."""
        if not self.rate_hz > 0.0:
            raise InputError(f"rate_hz must be positive, got {self.rate_hz}.")
        if not (self.settle_s >= 0.0 and self.max_age_s > 0.0 and self.max_image_age_s > 0.0):
            raise InputError(
                f"settle_s {self.settle_s} must not be negative, max_age_s {self.max_age_s} and max_image_age_s "
                f"{self.max_image_age_s} positive."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopStep:
    """One step of an episode.

    Attributes:
        index: on the grid; a gap shows that slots were missed.
        observation: what the source saw.
        reference: what the body was told, after the limits.
        age_s: how old each input was when the step was due.
    """

    index: int
    observation: Observation
    reference: Reference
    age_s: Mapping[str, float] = field(default_factory=dict)


class SeenStep(NamedTuple):
    """What is seen at one step.

    Attributes:
        observation: what the source sees.
        age_s: how old each of its inputs was when the step was due.
    """

    observation: Observation
    age_s: Mapping[str, float]


class ControlLoop:
    """Runs one episode at a time on a body.

    Args:
        clock: the session's.
        body: what moves; already entered.
        cameras: the robot's; already entered.
        embodiment: the robot's table.
        config: timing.
    """

    def __init__(
        self, clock: Clock, body: Body, cameras: Cameras, embodiment: Embodiment, config: LoopConfig | None = None
    ) -> None:
        self._clock = clock
        self._body = body
        self._cameras = cameras
        self._config = LoopConfig() if config is None else config
        self._limits = ReferenceLimits(embodiment)
        self._yaw_rate: YawRate | None = None
        self._previous: FloatArray = np.zeros(0)
        self._arrivals: list[ImageArrival] = []
        self._delivering: set[str] = set()
        self._swaps = SwapWatch()

    def steps(self, source: ReferenceSource, instruction: str) -> Iterator[LoopStep]:
        """Settle, then yield each step once its reference is with the body.

        The steps end when the source ends the episode, or when the body stops following: an input was stale or missing,
        a policy gave no more chunks, a reference was not a number, or the body itself failed. `Body.status` then says
        which. Callers may stop at any step; nothing advances the body after that.

        Args:
            source: says where the body should be.
            instruction: what the source is told.
        """
        clock, body, rate_hz = self._clock, self._body, self._config.rate_hz
        seen = self.begin(instruction)
        if seen is None:
            return
        source.reset(seen.observation)
        start_ns = slot_after_images(self._arrivals, clock.now_ns(), rate_hz)
        for tick in ticks(clock, rate_hz, start_ns):
            seen = self.observe(tick.due_ns, instruction)
            if seen is None:
                return
            asked_ns = clock.now_ns()
            try:
                wanted = source.reference(seen.observation)
            except StarvedError as error:
                body.hold(str(error))
                return
            if wanted is None:
                return
            allowed = self.allowed(wanted.vector, (1 + tick.skipped) / rate_hz)
            if allowed is None:
                return
            reference = Reference(tick.due_ns, allowed)
            if not self.push(reference):
                return
            age_s = {**seen.age_s, **_device_age_s(source, _age_s(asked_ns, tick.due_ns))}
            yield LoopStep(index=tick.index, observation=seen.observation, reference=reference, age_s=age_s)
            body.advance(tick.due_ns + due_ns(0, 1, rate_hz))

    def begin(self, instruction: str) -> SeenStep | None:
        """Arm the body and let it settle; what is seen then, or None when the body does not follow references.

        `steps` does this by itself. Who paces the steps from outside calls `begin` once, and then for each step
        `observe`, `allowed` and `push`, and advances the body to the next.
        """
        clock, body, config = self._clock, self._body, self._config
        body.reset()
        if not body.status.tracking:
            return None
        self._delivering.clear()
        self._swaps = SwapWatch()
        self._previous, self._yaw_rate = measured_state(body.read(), None)
        settled_ns = clock.now_ns() + round(config.settle_s * NS_PER_S)
        self._arrivals = image_arrivals(self._cameras, clock, settled_ns) if config.after_images else []
        body.advance(settled_ns)
        return self.observe(clock.now_ns(), instruction)

    def observe(self, due_ns: int, instruction: str) -> SeenStep | None:
        """What is measured for the step due at `due_ns`; None when the body stopped or stops because of it."""
        state, frames = self._body.read(), self._capture()
        if not self._body.status.tracking:
            return None
        vector, self._yaw_rate = measured_state(state, self._yaw_rate)
        age_s = ages_s(due_ns, state, frames)
        for name, age in age_s.items():
            limit_s = self._config.max_age_s if name == STATE else self._config.max_image_age_s
            if age > limit_s:
                self._body.hold(f"input '{name}' is {age:.3f} s old, more than {limit_s} s")
                return None
        return SeenStep(Observation(due_ns, vector, frames, instruction), age_s)

    def allowed(self, wanted: FloatArray, dt_s: float) -> FloatArray | None:
        """The [34] reference that the body may have; None, and it holds, when it is no number or no sensible one.

        Args:
            wanted: [34] what the source asks for.
            dt_s: since the last reference that was pushed.
        """
        if fault := reference_fault(wanted) or self._limits.fault(wanted):
            self._body.hold(fault)
            return None
        return self._limits.limited(wanted, self._previous, dt_s)

    def push(self, reference: Reference) -> bool:
        """Give the body a reference that is allowed; whether the body follows it."""
        self._previous = reference.vector
        self._body.push(reference)
        return self._body.status.tracking

    def _capture(self) -> Mapping[str, CameraFrame]:
        """The newest images; the body holds when a camera fails, or one that delivered in this episode does not."""
        try:
            frames = self._cameras.capture()
        except Exception as error:  # noqa: BLE001 - a driver may raise anything, and the body must not go on blind
            self._body.hold(f"the cameras failed: {type(error).__name__}: {error}")
            return {}
        if gone := sorted(self._delivering - frames.keys()):
            faults = self._cameras.faults() if isinstance(self._cameras, ReportsCameras) else {}
            self._body.hold(f"camera '{gone[0]}' {faults.get(gone[0], 'stopped delivering images')}")
        self._delivering |= frames.keys()
        if swapped := self._swaps.look(frames):
            self._body.hold(swapped)
        return frames


def ages_s(due_ns: int, state: RobotState, frames: Mapping[str, CameraFrame]) -> dict[str, float]:
    """How old each input is at an instant."""
    age_s = {STATE: _age_s(due_ns, state.stamp_ns)}
    return age_s | {f"image_{name}": _age_s(due_ns, frame.stamp_ns) for name, frame in frames.items()}


def _age_s(due_ns: int, stamp_ns: int) -> float:
    return max(0.0, (due_ns - stamp_ns) * 1e-9)


def _device_age_s(source: ReferenceSource, late_s: float) -> dict[str, float]:
    """How old a person's device was when a step was due; empty for a source that follows none.

    Args:
        source: that was just asked for a reference.
        late_s: how long after the step was due it was asked.
    """
    return {DEVICE: max(0.0, source.device_age_s - late_s)} if isinstance(source, FollowsDevice) else {}
