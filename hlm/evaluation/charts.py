"""Bars of a report: shares of the rollouts with the interval that they leave room for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hlm.evaluation.results import EvalResult, by_instruction, wilson_interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A bar of a chart: a fraction of trials with its 95 % interval, all 0 to 1."""

    name: str
    count: int
    trials: int
    rate: float
    low: float
    high: float


def bar(name: str, count: int, trials: int) -> Bar:
    """The bar of a count among trials."""
    low, high = wilson_interval(count, trials)
    return Bar(name=name, count=count, trials=trials, rate=count / trials, low=low, high=high)


def stage_bars(result: EvalResult) -> tuple[Bar, ...]:
    """Fraction of rollouts that reached each stage, then the fraction that succeeded."""
    names = list(result.stage_rates)
    counts = [sum(rollout.stage >= number for rollout in result.rollouts) for number in range(1, len(names) + 1)]
    rows = [*zip(names, counts, strict=True), ("success", result.successes)]
    return tuple(bar(name, count, len(result.rollouts)) for name, count in rows)


def instruction_bars(result: EvalResult) -> tuple[Bar, ...]:
    """Fraction of rollouts that succeeded, by instruction."""
    groups = by_instruction(result.rollouts)
    return tuple(bar(name, sum(rollout.success for rollout in group), len(group)) for name, group in groups.items())


def ending_bars(result: EvalResult) -> Mapping[str, Bar]:
    """Fractions of rollouts that ended well, and in each bad way; that of broken ones only where there are any."""
    rollouts = result.rollouts
    counts = {
        "success": result.successes,
        "wrong object": sum(rollout.wrong_object for rollout in rollouts),
        "falls": sum(rollout.fell for rollout in rollouts),
        "broken": sum(bool(rollout.fault) for rollout in rollouts),
    }
    shown = {name: count for name, count in counts.items() if count or name != "broken"}
    return {name: bar(name, count, len(rollouts)) for name, count in shown.items()}
