"""Exact statistics of states and actions over many episodes; images are never read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from hlm.core.arrays import FloatArray, frozen
from hlm.core.errors import CorruptError, InputError
from hlm.core.layout import DIMENSIONS, NAMES
from hlm.datasets.reader import Episode

# Both in rad, rad/s or gripper opening. A dimension whose 1 % and 99 % quantiles are nearer than STILL_RANGE is held
# constant by the task: stretched to [-1, 1] it would be nothing but noise. Between it and SMALLEST_RANGE it may mean
# something, but one outlier would be many times the range of every other dimension. Source of the latter: OpenHLM's
# normalisation statistics.
STILL_RANGE = 0.02
SMALLEST_RANGE = 0.04


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class VectorStatistics:
    """Statistics of a 34-D vector, each [34] float64, in the vector's units.

    Attributes:
        q01: 1 % quantile, linear between neighbours.
        q99: 99 % quantile.
        mean: mean.
        std: population standard deviation.
        min: smallest.
        max: largest.
    """

    q01: FloatArray
    q99: FloatArray
    mean: FloatArray
    std: FloatArray
    min: FloatArray
    max: FloatArray

    def __post_init__(self) -> None:
        """Check shapes and make the arrays read-only copies."""
        for item in fields(self):
            object.__setattr__(self, item.name, frozen(getattr(self, item.name), (DIMENSIONS,), item.name))

    def fault(self) -> str | None:
        """What no data can have, in words.

        A value that is not finite, a 1 % quantile above the 99 % one, or a negative standard deviation.
        """
        for item in fields(self):
            if not (finite := np.isfinite(values := getattr(self, item.name))).all():
                place = int(np.argmin(finite))
                return f"{item.name} of {NAMES[place]} is {values[place]}"
        if (crossed := self.q01 > self.q99).any():
            place = int(np.argmax(crossed))
            return f"q01 of {NAMES[place]} is {self.q01[place]:g}, above its q99 {self.q99[place]:g}"
        if (negative := self.std < 0.0).any():
            place = int(np.argmax(negative))
            return f"std of {NAMES[place]} is {self.std[place]:g}"
        return None

    @property
    def still(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """[34] bool, whether the values hardly move."""
        return np.asarray(self.q99 - self.q01 < STILL_RANGE)

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """[34] values to map to -1 and 1: the quantiles, moved apart to `SMALLEST_RANGE` where they are nearer."""
        middle, half = 0.5 * (self.q01 + self.q99), 0.5 * (self.q99 - self.q01)
        near = 2.0 * half < SMALLEST_RANGE
        low, high = middle - 0.5 * SMALLEST_RANGE, middle + 0.5 * SMALLEST_RANGE
        return np.where(near, low, self.q01), np.where(near, high, self.q99)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Statistics:
    """Statistics of a set of episodes.

    Attributes:
        steps: number of steps.
        state: statistics of the states.
        action: statistics of the actions.
    """

    steps: int
    state: VectorStatistics
    action: VectorStatistics

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; inverse of `from_dict`, exactly."""
        vectors = {name: asdict(getattr(self, name)) for name in ("state", "action")}
        lists = {name: {key: array.tolist() for key, array in vector.items()} for name, vector in vectors.items()}
        return {"steps": self.steps, **lists}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Read statistics from their JSON-able form.

        Raises:
            CorruptError: a value is missing, has the wrong type, or is one that no data can have.
        """
        try:
            state, action = VectorStatistics(**value["state"]), VectorStatistics(**value["action"])
            # Checkpoints of hlm 0.1 say `rows`.
            steps = value["steps"] if "steps" in value else value["rows"]
            found = cls(steps=int(steps), state=state, action=action)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise CorruptError(f"statistics cannot be read ({error!r}).") from error
        for name, vector in (("state", state), ("action", action)):
            if fault := vector.fault():
                raise CorruptError(f"{name} {fault}.")
        return found


def statistics(episodes: Iterable[Episode], step_weights: Sequence[float] | None = None) -> Statistics:
    """Exact statistics over all steps of some episodes.

    Args:
        episodes: at least one.
        step_weights: weight of each step of an episode, > 0, by episode. All the same by default.

    Raises:
        InputError: no episodes, or a value that is not finite.
    """
    chosen = finite_episodes(episodes)
    state = np.concatenate([episode.state for episode in chosen])
    action = np.concatenate([episode.action for episode in chosen])
    weights = weights_of_steps(chosen, step_weights)
    return Statistics(
        steps=len(state), state=vector_statistics(state, weights), action=vector_statistics(action, weights)
    )


def finite_episodes(episodes: Iterable[Episode]) -> list[Episode]:
    """The episodes as a list, after checking their states and actions.

    Raises:
        InputError: no episodes, or a value that is not finite.
    """
    chosen = list(episodes)
    if not chosen:
        raise InputError("statistics need at least one episode.")
    for episode in chosen:
        for name, vectors in (("state", episode.state), ("action", episode.action)):
            bad = ~np.isfinite(vectors).all(-1)
            if bad.any():
                where = f"{episode.path} step {int(bad.argmax())}"
                raise InputError(f"{where} holds nan or infinity in its {name}; leave the episode out.")
    return chosen


def weights_of_steps(episodes: Sequence[Episode], step_weights: Sequence[float] | None) -> FloatArray | None:
    """[time] weight of each step of the episodes; None if all are the same."""
    if step_weights is None or len(set(step_weights)) == 1:
        return None
    return np.repeat(np.asarray(step_weights, np.float64), [len(episode) for episode in episodes])


def vector_statistics(vectors: FloatArray, weights: FloatArray | None = None) -> VectorStatistics:
    """Statistics of [time, 34] vectors with [time] weights; all weigh the same by default.

    A weighted quantile is the smallest value with at least that share of the weight at or below it.
    """
    exact = np.asarray(vectors, dtype=np.float64)
    low, high = exact.min(0), exact.max(0)
    if weights is None:
        q01, q99 = np.quantile(exact, (0.01, 0.99), axis=0)
        return VectorStatistics(q01=q01, q99=q99, mean=exact.mean(0), std=exact.std(0), min=low, max=high)
    q01, q99 = np.stack([_weighted_quantiles(column, weights, (0.01, 0.99)) for column in exact.T], axis=1)
    share = weights / weights.sum()
    mean = share @ exact
    std = np.sqrt(share @ np.square(exact - mean))
    return VectorStatistics(q01=q01, q99=q99, mean=mean, std=std, min=low, max=high)


def _weighted_quantiles(values: FloatArray, weights: FloatArray, shares: tuple[float, ...]) -> FloatArray:
    """[share] smallest of [n] values with at least this share of the weight at or below it."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    # Rounding can leave a sum of weights slightly below the share that it equals. `np.quantile` ignores that.
    wanted = (1.0 - 1e-12) * below[-1] * np.asarray(shares)
    return np.asarray(values[order[np.searchsorted(below, wanted)]])
