"""Figures of an episode in real time: how punctual it was, how old its inputs were, and what the safety did."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hlm.core.body import BodyState, BodyStatus
from hlm.runtime.loop import LoopStep

_MS_PER_S = 1000.0


@dataclass(frozen=True, slots=True)
class SafetyEvent:
    """A change of the body's state.

    Attributes:
        time_s: since the body was armed.
        state: from then on.
        fault: why; empty while it follows references.
    """

    time_s: float
    state: BodyState
    fault: str


class DeploymentFigures:
    """Takes in steps and states as they come.

    Args:
        rate_hz: steps per second that there should be.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._late_s = array("d")
        self._age_s: dict[str, array[float]] = {}
        self._last = -1
        self._events: list[SafetyEvent] = []
        self._commanders: list[tuple[float, str]] = []
        self.missed = 0
        """Slots of the loop's grid that were missed."""

    @property
    def steps(self) -> int:
        """How many steps there were."""
        return len(self._late_s)

    @property
    def events(self) -> tuple[SafetyEvent, ...]:
        """Changes of the body's state."""
        return tuple(self._events)

    def step(self, step: LoopStep, late_s: float) -> None:
        """Add a step, whose reference reached the body `late_s` after the step was due."""
        self.missed += step.index - self._last - 1
        self._last = step.index
        self._late_s.append(late_s)
        for name, age_s in step.age_s.items():
            self._age_s.setdefault(name, array("d")).append(age_s)

    @property
    def commanders(self) -> tuple[tuple[float, str], ...]:
        """Who was in command from when on, in seconds since the body was armed; empty where one source always was."""
        return tuple(self._commanders)

    def command(self, time_s: float, name: str) -> None:
        """Note who is in command, if that has changed; an empty name notes nothing."""
        if name and (not self._commanders or self._commanders[-1][1] != name):
            self._commanders.append((time_s, name))

    def event(self, time_s: float, status: BodyStatus) -> None:
        """Note the state of the body, if it has changed."""
        last = self._events[-1] if self._events else None
        if last is None or (last.state, last.fault) != (status.state, status.fault):
            self._events.append(SafetyEvent(time_s, status.state, status.fault))

    def late_ms(self) -> Mapping[str, float]:
        """How long after each step was due its reference reached the body, ms; see `spread_ms`."""
        return spread_ms(self._late_s)

    def ages_ms(self) -> dict[str, Mapping[str, float]]:
        """How old each input was when its step was due, ms; see `spread_ms`."""
        return {name: spread_ms(ages_s) for name, ages_s in self._age_s.items()}


def spread_ms(durations_s: Iterable[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum of durations, ms; empty without any."""
    values = np.fromiter(durations_s, float)
    if not len(values):
        return {}
    p50, p99, most = np.percentile(values * _MS_PER_S, [50, 99, 100])
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "max": round(float(most), 3)}
