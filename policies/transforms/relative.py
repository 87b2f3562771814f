"""Actions relative to the state at the start of the chunk."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.layout import DIMENSIONS, GRIPPERS, ROOT
from hlm.datasets.reader import Episode
from hlm.datasets.statistics import VectorStatistics, finite_episodes, vector_statistics, weights_of_steps

# As many as OpenHLM computes its statistics from.
SAMPLES = 500_000

RELATIVE = np.ones(DIMENSIONS, bool)
"""[dimension] True for arms, legs and waist. Gripper openings and the root's angles and yaw rate stay absolute: their
current values say little about their targets (OpenHLM's masks)."""
RELATIVE[list(GRIPPERS)] = False
RELATIVE[ROOT] = False
RELATIVE.flags.writeable = False


def relative(actions: FloatArray, state: FloatArray) -> FloatArray:
    """[..., time, 34] actions minus the [..., 34] state that they start from, where `RELATIVE`."""
    return actions - _origin(state)


def undo_relative(actions: FloatArray, state: FloatArray) -> FloatArray:
    """[..., time, 34] absolute actions; undoes `relative`."""
    return actions + _origin(state)


def relative_statistics(
    episodes: Sequence[Episode], horizon: int, step_weights: Sequence[float] | None = None, *, samples: int = SAMPLES
) -> VectorStatistics:
    """Statistics of the relative actions of all chunks. Beyond an episode's end, its last action is held.

    Exact when all chunks together have no more than `samples` actions. Otherwise actions are taken at a regular stride,
    equally often from each position in the chunk.

    Args:
        episodes: at least one.
        horizon: actions of a chunk.
        step_weights: for each episode, weight of each of its steps, > 0; by default, all steps weigh the same.
        samples: approximate number of actions to compute the statistics from.

    Raises:
        InputError: no episodes, or a value that is not finite.
    """
    chosen = finite_episodes(episodes)
    lengths = [len(episode) for episode in chosen]
    weights = weights_of_steps(chosen, step_weights)
    last = np.repeat(np.cumsum(lengths) - 1, lengths)
    step, offset = np.divmod(np.arange(0, len(last) * horizon, _stride(len(last) * horizon, horizon, samples)), horizon)
    state = np.concatenate([episode.state for episode in chosen])
    action = np.concatenate([episode.action for episode in chosen])
    vectors = relative(action[np.minimum(step + offset, last[step]), None], state[step])[:, 0]
    return vector_statistics(vectors, None if weights is None else weights[step])


def _stride(total: int, horizon: int, samples: int) -> int:
    """The stride that takes about `samples` of `total`, coprime with the horizon so that every position comes up."""
    stride = max(1, math.ceil(total / samples))
    while math.gcd(stride, horizon) > 1:
        stride += 1
    return stride


def _origin(state: FloatArray) -> FloatArray:
    """[..., 1, 34] origin of relative actions."""
    return np.where(RELATIVE, np.asarray(state, np.float32), np.float32(0.0))[..., None, :]
