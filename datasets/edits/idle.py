"""Detection of idle time at the ends of an episode: pure functions on states and actions."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray


def moving_steps(state: FloatArray, action: FloatArray, still: float, leave: int) -> tuple[int, int]:
    """(start, stop) of the steps that remain when idle time at both ends is cut down to `leave` steps.

    An end is idle while no dimension of state or action has a range of more than `still` over the whole end, so a slow
    drift counts as motion once it has gone that far.

    Args:
        state: [time, 34] measured state.
        action: [time, 34] reference.
        still: largest idle range in each dimension's unit: rad, rad/s, or share of a gripper's opening.
        leave: number of idle steps to leave at each end.

    Returns:
        The steps that remain; all of them if nothing moves during the whole episode.
    """
    both = np.concatenate([state, action], axis=1)
    before, after = still_steps(both, still), still_steps(both[::-1], still)
    if before == len(both):
        return 0, len(both)
    return max(before - leave, 0), len(both) - max(after - leave, 0)


def still_steps(values: FloatArray, still: float) -> int:
    """Number of steps of [time, dimension] values, from the first on, that stay within a range of `still`."""
    ranging = np.maximum.accumulate(values) - np.minimum.accumulate(values)
    moved = (ranging > still).any(axis=1)
    return int(moved.argmax()) if moved.any() else len(values)
