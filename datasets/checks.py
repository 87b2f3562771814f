"""Checks of recorded arrays: pure functions that yield what is wrong, step by step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.inputs import DEVICE, MAX_DEVICE_AGE_S
from hlm.core.layout import JOINT_INDEX, NAMES

GAP_PERIODS = 1.5
# A longer gap ends what belongs together. After one lost step, the actions that follow come 33 ms early, little beside
# the 0.2 s by which the body follows them; after more, they are no longer those that were due.
SPLIT_PERIODS = 2.5
STALE_S = 0.1
# Of inputs that may be older than that.
STALE_INPUTS_S = {DEVICE: MAX_DEVICE_AGE_S}
LIMIT_MARGIN_RAD = 0.05
FROZEN_CAMERA_S = 0.5
FROZEN_ACTION_S = 1.0
# The body goes on towards a reference that stands still; the tracker arrives about 0.2 s later and then settles.
SETTLING_S = 0.5
MOVING_RAD = 0.05


class Finding(NamedTuple):
    """A problem in an array.

    Attributes:
        step: first affected step; None if the problem is not about one step.
        array: name of the array; empty if the problem is not about one array.
        text: description of the problem.
    """

    step: int | None
    array: str
    text: str


def stamp_findings(
    stamp_ns: npt.NDArray[np.int64], rate_hz: float, pauses_ns: Collection[tuple[int, int]] = ()
) -> Iterator[Finding]:
    """Find stamps that do not increase, and gaps in the grid.

    Args:
        stamp_ns: [time] instants of the steps.
        rate_hz: steps per second.
        pauses_ns: last and first instants around pauses that the operator made: no gaps.
    """
    interval_s = np.diff(stamp_ns) * 1e-9
    for step in np.flatnonzero(interval_s <= 0.0) + 1:
        yield Finding(int(step), "stamp_ns", "stamp does not increase")
    for step in np.flatnonzero(interval_s > GAP_PERIODS / rate_hz) + 1:
        if (int(stamp_ns[step - 1]), int(stamp_ns[step])) in pauses_ns:
            continue
        yield Finding(
            int(step), "stamp_ns", f"gap of {interval_s[step - 1]:.3f} s, steps should be {1 / rate_hz:.3f} s apart"
        )


def finite_findings(name: str, values: FloatArray) -> Iterator[Finding]:
    """Find values that are nan or infinite."""
    bad = np.any(~np.isfinite(values.reshape(len(values), -1)), axis=1)
    for start, stop in runs(bad):
        yield Finding(start, name, f"nan or infinity in {_steps(start, stop)}")


def age_findings(name: str, age_s: FloatArray) -> Iterator[Finding]:
    """Find inputs that were too old, or of unknown age.

    Args:
        name: of the array, `age_<input>_s`.
        age_s: [time] ages of the input.
    """
    limit_s = STALE_INPUTS_S.get(name.removeprefix("age_").removesuffix("_s"), STALE_S)
    for start, stop in runs(~(age_s <= limit_s)):
        worst = float(np.max(age_s[start:stop]))
        yield Finding(start, name, f"input up to {worst:.3f} s old in {_steps(start, stop)}, limit {limit_s:g} s")


def limit_findings(name: str, vectors: FloatArray, embodiment: Embodiment) -> Iterator[Finding]:
    """Find joints outside their limits by more than the margin: one finding per joint, at its worst step."""
    joints = vectors[:, JOINT_INDEX]
    over_rad = np.maximum(joints - embodiment.upper_rad, embodiment.lower_rad - joints)
    over_rad = np.where(np.isfinite(over_rad), over_rad, 0.0)
    for joint in np.flatnonzero(over_rad.max(axis=0) > LIMIT_MARGIN_RAD):
        step = int(over_rad[:, joint].argmax())
        text = f"{NAMES[JOINT_INDEX[joint]]} is {over_rad[step, joint]:.3f} rad outside its limits"
        yield Finding(step, name, text)


def camera_findings(name: str, images: Sequence[bytes], state: FloatArray, rate_hz: float) -> Iterator[Finding]:
    """Find stretches over which a camera shows the very same image while the body moves.

    Args:
        name: name of the array.
        images: checksum of each step's image.
        state: [time, 34].
        rate_hz: steps per second.
    """
    same = np.array([False, *(now == last for last, now in pairwise(images))])
    for start, stop in runs(same):
        duration_s = (stop - start) / rate_hz
        if duration_s > FROZEN_CAMERA_S and moves(state[start - 1 : stop]):
            yield Finding(start - 1, name, f"same image for {duration_s:.2f} s while the body moves")


def action_findings(action: FloatArray, state: FloatArray, rate_hz: float) -> Iterator[Finding]:
    """Find stretches over which the reference stands still while the body goes on moving."""
    same = np.concatenate([[False], (action[1:] == action[:-1]).all(axis=1)])
    settling = round(SETTLING_S * rate_hz)
    for start, stop in runs(same):
        duration_s = (stop - start) / rate_hz
        if duration_s > FROZEN_ACTION_S and moves(state[start - 1 + settling : stop]):
            yield Finding(start - 1, "action", f"constant for {duration_s:.2f} s while the body moves")


def length_findings(lengths: Mapping[str, int], steps: int) -> Iterator[Finding]:
    """Find arrays whose number of steps differs from the one in the episode's attributes."""
    for name, length in lengths.items():
        if length != steps:
            yield Finding(min(length, steps), name, f"{length} steps, the episode has {steps}")


def moves(state: FloatArray) -> bool:
    """Whether any joint moves noticeably over [time, 34] states."""
    joints = state[:, JOINT_INDEX]
    return bool(len(joints)) and float(np.ptp(joints, axis=0).max()) > MOVING_RAD


def runs(mask: npt.ArrayLike) -> Iterator[tuple[int, int]]:
    """(start, stop) of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.asarray(mask), [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _steps(start: int, stop: int) -> str:
    return f"step {start}" if stop == start + 1 else f"steps {start} to {stop - 1}"
