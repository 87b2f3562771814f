"""One episode on a body in real time, supervised: whatever happens, the body comes to rest before it is over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from hlm.core.body import BodyState, BodyStatus
from hlm.core.clock import NS_PER_S
from hlm.core.errors import HlmError, InputError
from hlm.core.task import Progress, TaskInstance
from hlm.datasets.schema import Step
from hlm.runtime.deployment_figures import DeploymentFigures
from hlm.runtime.loop import LoopConfig
from hlm.runtime.recording import recorded_step
from hlm.runtime.station import ScoredStep, Station, episode

_LOG = logging.getLogger(__name__)
_LOOK_NS = 20_000_000
# Ten pictures of a camera at 30 Hz: what a busy machine may cost, and a fifth of what a chunk of actions lasts.
MAX_IMAGE_AGE_S = 0.35

type Watch = Callable[[], str]
"""Says why something that the episode needs is gone; empty while it is there. Never waits."""


class StopRequests(Protocol):
    """How often somebody has asked to stop, and why the first time; both only grow."""

    @property
    def count(self) -> int:
        """Number of requests; the second means at once."""
        ...

    @property
    def why(self) -> str:
        """Why, in words; empty before the first."""
        ...


class StepRecorder(Protocol):
    """Takes steps without waiting."""

    def append(self, step: Step, stage: int | None = None) -> None:
        """Take a step."""
        ...


class Ended(StrEnum):
    """Why an episode is over."""

    DONE = "done"
    """The source, the task or its time limit ended it."""
    TIME = "time"
    """It was to last no longer."""
    STOPPED = "stopped"
    """Somebody asked to stop."""
    FAULT = "fault"
    """The body stopped following references, or what the episode needs is gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentConfig:
    """Limits of a deployment.

    Attributes:
        duration_s: longest time of the episode; None for as long as it takes.
        rest_s: longest time that the body is waited for to come to rest.
        loop: timing of the loop.
    """

    duration_s: float | None = None
    rest_s: float = 20.0
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(max_image_age_s=MAX_IMAGE_AGE_S, after_images=True))

    def __post_init__(self) -> None:
        """Check ranges."""
        if not (self.duration_s is None or self.duration_s > 0.0):
            raise InputError(f"a deployment lasts longer than 0 s, not {self.duration_s}.")
        if not self.rest_s > 0.0:
            raise InputError(f"rest_s must be positive, got {self.rest_s}.")


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stand, for people.

    Attributes:
        time_s: since the body was armed.
        status: of the body.
        scored: the step that was just taken; None while the body comes to rest.
        spare_s: until the next step is due.
    """

    time_s: float
    status: BodyStatus
    scored: ScoredStep | None
    spare_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of an episode.

    Attributes:
        ended: why it is over.
        fault: why the body did not follow references to the end, or why it was stopped; empty when neither.
        progress: at the end; None without a task or a step.
        steps: how many there were.
        duration_s: from the first to the last of them.
        status: of the body at the very end.
    """

    ended: Ended
    fault: str
    progress: Progress | None
    steps: int
    duration_s: float
    status: BodyStatus

    @property
    def success(self) -> bool:
        """Whether the task was done; False without one."""
        return self.progress is not None and self.progress.success and not self.fault


class Deployment:
    """Runs one episode and brings the body to rest; a fault is an outcome and never an exception.

    Args:
        station: entered, on a clock that does not wait.
        instance: what is to be done.
        stops: requests to stop.
        watches: what the episode needs, by name.
        recorder: takes the steps; None for none.
        config: limits.
    """

    def __init__(
        self,
        station: Station,
        instance: TaskInstance,
        stops: StopRequests,
        watches: Mapping[str, Watch],
        recorder: StepRecorder | None = None,
        config: DeploymentConfig | None = None,
    ) -> None:
        self._station = station
        self._instance = instance
        self._stops = stops
        self._watches = watches
        self._recorder = recorder
        self._config = DeploymentConfig() if config is None else config
        self._armed_ns = 0
        self._sent = 0
        self._first_ns = self._last_ns = 0
        self._progress: Progress | None = None
        self.figures = DeploymentFigures(self._config.loop.rate_hz)

    def run(self, show: Callable[[Moment], None], hang: Callable[[], None] | None = None) -> Outcome:
        """Run the episode, and bring the body to rest.

        Args:
            show: called after every step, and while the body hangs or comes to rest.
            hang: arms a robot that hangs from a crane; the episode begins once its feet carry it. None for one that
                stands.
        """
        self._armed_ns = self._station.clock.now_ns()
        ended, why = (None if hang is None else self._let_down(hang, show)) or self._episode(show)
        fault = "" if ended in (Ended.DONE, Ended.TIME) else why
        self._come_to_rest(why, show)
        return Outcome(
            ended=ended,
            fault=fault,
            progress=self._progress,
            steps=self.figures.steps,
            duration_s=(self._last_ns - self._first_ns) / NS_PER_S,
            status=self._station.body.status,
        )

    def _let_down(self, hang: Callable[[], None], show: Callable[[Moment], None]) -> tuple[Ended, str] | None:
        """Wait until the feet of a robot that hangs carry it; None once they do, else what ended that, and why."""
        clock, body = self._station.clock, self._station.body
        try:
            hang()
        except HlmError as error:
            return Ended.FAULT, str(error)
        while body.status.state is BodyState.HANGING:
            self.figures.event(self._time_s(), body.status)
            if why := self._stops.why if self._stops.count else self._trouble():
                self._stop(why)
                return Ended.STOPPED if self._stops.count else Ended.FAULT, why
            show(self._moment(None))
            clock.wait_until(clock.now_ns() + _LOOK_NS)
        self.figures.event(self._time_s(), body.status)
        return None if body.status.tracking else (Ended.FAULT, body.status.fault)

    def _episode(self, show: Callable[[Moment], None]) -> tuple[Ended, str]:
        """Take steps until something ends them; what, and why."""
        body = self._station.body
        try:
            steps = episode(self._station, self._instance, until_success=True, config=self._config.loop)
            for scored in steps:
                self._note(scored)
                if self._stops.count:
                    return Ended.STOPPED, self._stops.why
                if why := self._trouble():
                    body.hold(why)
                    break
                if self._over(scored):
                    return Ended.TIME, f"{self._config.duration_s:g} s are over"
                show(self._moment(scored))
        except HlmError as error:
            body.hold(" ".join(str(error).split()))
        except Exception as error:  # noqa: BLE001 - whatever a source, a task or a driver raises, the robot must rest
            _LOG.debug("the episode broke", exc_info=True)
            body.hold(f"{type(error).__name__}: {' '.join(str(error).split())}")
        if self._stops.count:
            return Ended.STOPPED, self._stops.why
        self.figures.event(self._time_s(), body.status)
        if not body.status.tracking:
            return Ended.FAULT, body.status.fault or "the body does not follow references"
        return Ended.DONE, "the episode is over"

    def _note(self, scored: ScoredStep) -> None:
        """Count, record and keep the progress of a step."""
        now_ns, stamp_ns = self._station.clock.now_ns(), scored.step.observation.stamp_ns
        self._first_ns = self._first_ns if self.figures.steps else stamp_ns
        self._last_ns, self._progress = stamp_ns, scored.progress
        self.figures.step(scored.step, (now_ns - stamp_ns) / NS_PER_S)
        self.figures.event(self._time_s(), self._station.body.status)
        self.figures.command(self._time_s(), scored.in_command)
        if self._recorder is not None:
            stage = None if scored.progress is None else scored.progress.stage
            self._recorder.append(recorded_step(scored, self._station.task), stage)

    def _trouble(self) -> str:
        return next((why for watch in self._watches.values() if (why := watch())), "")

    def _over(self, scored: ScoredStep) -> bool:
        limit_s = self._config.duration_s
        return limit_s is not None and scored.step.observation.stamp_ns - self._first_ns >= limit_s * NS_PER_S

    def _come_to_rest(self, why: str, show: Callable[[Moment], None]) -> None:
        """Stop the body, unless it is stopping, and wait; a second request to stop reaches it at once."""
        clock, body = self._station.clock, self._station.body
        until_ns = clock.now_ns() + round(self._config.rest_s * NS_PER_S)
        if body.status.tracking:
            self._stop(why)
        while not body.status.at_rest and clock.now_ns() < until_ns:
            self.figures.event(self._time_s(), body.status)
            if self._stops.count > self._sent:
                self._stop(self._stops.why)
            show(self._moment(None))
            clock.wait_until(clock.now_ns() + _LOOK_NS)
        self.figures.event(self._time_s(), body.status)

    def _stop(self, why: str) -> None:
        self._sent += 1
        self._station.body.stop(why)

    def _moment(self, scored: ScoredStep | None) -> Moment:
        spare_s = _LOOK_NS / NS_PER_S
        if scored is not None:
            late_s = (self._station.clock.now_ns() - scored.step.observation.stamp_ns) / NS_PER_S
            spare_s = 1.0 / self._config.loop.rate_hz - late_s
        return Moment(self._time_s(), self._station.body.status, scored, spare_s)

    def _time_s(self) -> float:
        return (self._station.clock.now_ns() - self._armed_ns) / NS_PER_S
