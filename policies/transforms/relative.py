"""Actions relative to where the body is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.layout import DIMENSIONS, GRIPPERS, ROOT
from hlm.datasets.reader import Episode
from hlm.datasets.statistics import VectorStatistics, finite_episodes, vector_statistics, weights_of_steps

# As many as OpenHLM's statistics look at.
SAMPLES = 500_000

RELATIVE = np.ones(DIMENSIONS, bool)
"""[dimension] True for arms, legs and waist. Openings of grippers and the root's angles and turning stay absolute: what
they are now says little about what they are to be (OpenHLM's masks)."""
RELATIVE[list(GRIPPERS)] = False
RELATIVE[ROOT] = False
RELATIVE.flags.writeable = False


def relative(actions: FloatArray, state: FloatArray) -> FloatArray:
    """[..., time, 34] actions less the [..., 34] state that they start from, where `RELATIVE`."""
    return actions - _origin(state)


def undo_relative(actions: FloatArray, state: FloatArray) -> FloatArray:
    """[..., time, 34] absolute actions of which `relative` makes these."""
    return actions + _origin(state)


def relative_statistics(
    episodes: Sequence[Episode], horizon: int, row_weights: Sequence[float] | None = None, *, samples: int = SAMPLES
) -> VectorStatistics:
    """Statistics of the relative actions of all chunks; beyond an episode's end its last action is held.

    Exact when there are no more than `samples` actions in all chunks together. Else they are taken at even distances,
    equally often from each place in the chunk.

    Args:
        episodes: at least one.
        horizon: actions of a chunk.
        row_weights: for each episode, how often each of its rows counts, > 0; all the same by default.
        samples: to look at, about.

    Raises:
        InputError: no episodes, or a value that is not finite.
    """
    chosen = finite_episodes(episodes)
    lengths = [len(episode) for episode in chosen]
    weights = weights_of_steps(chosen, row_weights)
    last = np.repeat(np.cumsum(lengths) - 1, lengths)
    row, offset = np.divmod(np.arange(0, len(last) * horizon, _stride(len(last) * horizon, horizon, samples)), horizon)
    state = np.concatenate([episode.state for episode in chosen])
    action = np.concatenate([episode.action for episode in chosen])
    vectors = relative(action[np.minimum(row + offset, last[row]), None], state[row])[:, 0]
    return vector_statistics(vectors, None if weights is None else weights[row])


def _stride(total: int, horizon: int, samples: int) -> int:
    """The distance that takes about `samples` of `total`, coprime with the horizon so that every place comes up."""
    stride = max(1, math.ceil(total / samples))
    while math.gcd(stride, horizon) > 1:
        stride += 1
    return stride


def _origin(state: FloatArray) -> FloatArray:
    """[..., 1, 34] what relative actions count from."""
    return np.where(RELATIVE, np.asarray(state, np.float32), np.float32(0.0))[..., None, :]
