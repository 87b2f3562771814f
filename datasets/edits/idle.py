"""Where an episode starts and ends moving: pure functions on its states and actions."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray


def moving_steps(state: FloatArray, action: FloatArray, still: float, leave: int) -> tuple[int, int]:
    """(start, stop) of the steps that remain when stillness at both ends is cut down to `leave` steps.

    An end is still as long as no dimension of the state and none of the action ranges over more than `still` in it:
    measured over the whole end, so that a slow drift counts as motion as soon as it has gone that far.

    Args:
        state: [time, 34] measured.
        action: [time, 34] reference.
        still: in each dimension's unit: rad, rad/s, or share of a gripper's opening.
        leave: steps of stillness that remain at each end.

    Returns:
        Steps that remain; all of them when nothing moves from the first step to the last.
    """
    both = np.concatenate([state, action], axis=1)
    before, after = still_steps(both, still), still_steps(both[::-1], still)
    if before == len(both):
        return 0, len(both)
    return max(before - leave, 0), len(both) - max(after - leave, 0)


def still_steps(values: FloatArray, still: float) -> int:
    """How many steps of [time, dimension] values from the first on stay within a range of `still` in each dimension."""
    ranging = np.maximum.accumulate(values) - np.minimum.accumulate(values)
    moved = (ranging > still).any(axis=1)
    return int(moved.argmax()) if moved.any() else len(values)
