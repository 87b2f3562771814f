"""Units of the grippers in OpenHLM's recordings.

OpenHLM's commands are 1 for open and 0 for closed; the states are what the gripper's driver gives: openings from 0 to
1, percent, millimetres, angles. Nothing in a recording names the unit. But a gripper that was told to open, and had the
time to, is open: what it reads then is the full scale, whatever the unit. Where that is not seen, or contradicts the
values, a person has to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hlm.core.arrays import BoolArray, FloatArray
from hlm.core.errors import InputError
from hlm.datasets.checks import runs

# An opening is 0 to 1; sensors overshoot a little, other units by far.
MARGIN = 0.05
# A gripper that was told to open for this long is open.
SETTLING_S = 0.5
# A reading that lasts for fewer steps than half of these is a glitch, not a scale.
GLITCH_STEPS = 5
# No gripper of metres opens further; a gripper of openings that never does was never used, or is not one of openings.
LARGEST_M = 0.15
SMALLEST_M = 0.01
PERCENT = 100.0
# Share of the largest reading at which a gripper is open; below the second one, it is another gripper that is.
FULL = 0.9
ANOTHER = 0.2


class Hands(NamedTuple):
    """The hands of an episode.

    Attributes:
        state: [time, 2] left and right, as recorded; nan where there is none.
        action: [time, 2] likewise.
    """

    state: FloatArray
    action: FloatArray


@dataclass(frozen=True, slots=True)
class Scale:
    """What grippers read when they are closed, and when they are open."""

    closed: float = 0.0
    opened: float = 1.0

    def opening(self, values: FloatArray) -> FloatArray:
        """Openings from 0 to 1; values that already are openings stay the same, to the bit."""
        return values if self == OPENINGS else (values - self.closed) / (self.opened - self.closed)

    def covers(self, low: float, high: float) -> bool:
        """Whether values lie on the scale."""
        openings = (self.opening(np.array([low, high]))).tolist()
        return min(openings) >= -MARGIN and max(openings) <= 1.0 + MARGIN


OPENINGS = Scale()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scales:
    """Scales of a recording.

    Attributes:
        state: of the measured hands.
        action: of the commanded ones.
        notes: what was scaled, by how much, and why, in lines for people.
    """

    state: Scale = OPENINGS
    action: Scale = OPENINGS
    notes: tuple[str, ...] = ()


class _Range(NamedTuple):
    low: float
    high: float


def find_scales(episodes: Iterable[Hands], rate_hz: float, asked: tuple[float, float] | None = None) -> Scales:
    """Find the units of the hands of all episodes of a recording, which must have the same.

    Args:
        episodes: hands of each episode.
        rate_hz: steps per second.
        asked: what a person says that a closed and an open gripper read; None if nobody did.

    Raises:
        InputError: the unit is ambiguous; the text asks for `asked`.
    """
    hands = list(episodes)
    found = {kind: _range(kind, hands) for kind in Hands._fields}
    if asked is not None:
        if not np.isfinite(asked).all() or asked[0] == asked[1]:
            raise InputError(f"a closed and an open gripper read different numbers, got {asked[0]:g} and {asked[1]:g}.")
        scales = {kind: _asked(reach, Scale(*asked)) for kind, reach in found.items()}
        return _described(scales, found, f"for {asked[0]:g} is closed and {asked[1]:g} is open")
    action = _action(found["action"])
    opened = [_told_to_open(one, action, rate_hz) for one in hands]
    state = _state(found["state"], found["action"], np.concatenate([np.empty(0), *opened]))
    _must_be_one_unit(found["state"], state, opened)
    return _described({"state": state, "action": action}, found, "which is open")


def _action(reach: _Range | None) -> Scale:
    if reach is None or OPENINGS.covers(*reach):
        return OPENINGS
    if _is_percent(reach):
        return Scale(0.0, PERCENT)
    raise _ambiguous("action", reach, "commands should be 1 for open and 0 for closed")


def _state(reach: _Range | None, action: _Range | None, opened: FloatArray) -> Scale:
    if reach is None:
        return OPENINGS
    reads = float(np.median(opened)) if len(opened) else None
    told = "it is never told to open" if reads is None else f"where it was told to open, it reads {reads:.3g}"
    if OPENINGS.covers(*reach):
        return _small(reach, action, reads, told)
    is_full = reads is not None and reads >= FULL * reach.high and reach.low >= -MARGIN * reach.high
    if _is_percent(reach) and (is_full or reads is None):
        return Scale(0.0, PERCENT)
    if not is_full:
        raise _ambiguous("state", reach, told)
    return Scale(0.0, reach.high)


def _must_be_one_unit(reach: _Range | None, scale: Scale, opened: Sequence[FloatArray]) -> None:
    """Check that an open gripper reads the same in every episode; one that only ever reads 0 is broken, not another.

    Raises:
        InputError: it does not.
    """
    for reads in (float(np.median(one)) for one in opened if len(one)):
        if reach is not None and reads and float(scale.opening(np.array([reads]))[0]) < ANOTHER:
            why = (
                f"where it was told to open, it reads {reads:.3g} in one episode and up to {reach.high:.3g} in others: "
                "convert episodes with other grippers apart, see --episodes"
            )
            raise _ambiguous("state", reach, why)


def _small(reach: _Range, action: _Range | None, reads: float | None, told: str) -> Scale:
    """The scale of states from 0 to 1: openings, or metres, or an angle that is 0 when open."""
    is_large, is_tiny = reach.high >= 0.5, reach.high <= SMALLEST_M
    if reads is None:
        commanded = action is not None and action.high > LARGEST_M
        if is_large or is_tiny or commanded or reach.high > LARGEST_M:
            return OPENINGS
        raise _ambiguous("state", reach, f"{told}: openings or metres?")
    if is_large and reads >= 0.2 * reach.high:
        return OPENINGS
    if not is_tiny and reach.high <= LARGEST_M and reads >= FULL * reach.high:
        return Scale(0.0, reach.high)
    raise _ambiguous("state", reach, told)


def _asked(reach: _Range | None, scale: Scale) -> Scale:
    """The scale for a range of values; values that are openings stay what they are."""
    if reach is None:
        return OPENINGS
    used = bool(np.ptp(scale.opening(np.array([0.0, reach.low, reach.high]))) >= 0.5)
    return scale if scale.covers(*reach) and (used or not OPENINGS.covers(*reach)) else OPENINGS


def _is_percent(reach: _Range) -> bool:
    return Scale(0.0, PERCENT).covers(*reach) and reach.high >= (1.0 - MARGIN) * PERCENT


def _range(kind: str, episodes: Sequence[Hands]) -> _Range | None:
    """Least and largest value that lasts; None without any."""
    lasting = [_lasting(values) for one in episodes for values in getattr(one, kind).T]
    known = np.concatenate([values[np.isfinite(values)] for values in lasting]) if lasting else np.empty(0)
    return _Range(float(known.min()), float(known.max())) if len(known) else None


def _lasting(values: FloatArray) -> FloatArray:
    """[time] values without glitches: medians over a few steps."""
    if len(values) < GLITCH_STEPS:
        return values
    windows = np.lib.stride_tricks.sliding_window_view(values, GLITCH_STEPS)
    return np.asarray(np.median(windows[np.isfinite(windows).all(axis=1)], axis=1))


def _told_to_open(hands: Hands, action: Scale, rate_hz: float) -> FloatArray:
    """States of grippers that had been told to open for long enough."""
    settling, found = round(SETTLING_S * rate_hz), [np.empty(0)]
    for state, command in zip(hands.state.T, hands.action.T, strict=True):
        told: BoolArray = action.opening(command) > 0.9
        found += [state[start + settling : stop] for start, stop in runs(told)]
    reads = np.concatenate(found)
    return reads[np.isfinite(reads)]


def _described(scales: dict[str, Scale], found: dict[str, _Range | None], why: str) -> Scales:
    notes = []
    for kind, scale in scales.items():
        reach = found[kind]
        if scale != OPENINGS and reach is not None:
            note = f"the grippers' {kind} is {reach.low:.4g} to {reach.high:.4g}, "
            unit = "percent" if scale == Scale(0.0, PERCENT) and why == "which is open" else why
            offset = f"{scale.closed:g} is subtracted, then it is " if scale.closed else ""
            notes.append(f"{note}{unit}: {offset}scaled by {1.0 / (scale.opened - scale.closed):.6g} to openings")
    return Scales(**scales, notes=tuple(notes))


def _ambiguous(kind: str, reach: _Range, why: str) -> InputError:
    keep = ", or 0 1 to keep it as it is" if OPENINGS.covers(*reach) else ""
    return InputError(
        f"the unit of the grippers' {kind} is ambiguous: it is {reach.low:.4g} to {reach.high:.4g}, and {why}. "
        f"Say what a closed and an open one read, for example --gripper-range 0 85{keep}."
    )
