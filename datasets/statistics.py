"""Exact statistics of states and actions over the frames of many episodes; pictures are never read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from hlm.core.arrays import FloatArray, frozen
from hlm.core.errors import CorruptError, InputError
from hlm.core.layout import DIMENSIONS
from hlm.datasets.reader import Episode


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


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Statistics:
    """Statistics of a set of episodes.

    Attributes:
        rows: frames that were counted.
        state: of the states.
        action: of the actions.
    """

    rows: int
    state: VectorStatistics
    action: VectorStatistics

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; inverse of `from_dict`, exactly."""
        vectors = {name: asdict(getattr(self, name)) for name in ("state", "action")}
        lists = {name: {key: array.tolist() for key, array in vector.items()} for name, vector in vectors.items()}
        return {"rows": self.rows, **lists}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Statistics of their JSON-able form.

        Raises:
            CorruptError: something is missing.
        """
        try:
            state, action = VectorStatistics(**value["state"]), VectorStatistics(**value["action"])
            return cls(rows=int(value["rows"]), state=state, action=action)
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptError(f"statistics cannot be read ({error!r}).") from error


def statistics(episodes: Iterable[Episode]) -> Statistics:
    """Exact statistics over all rows of some episodes.

    Raises:
        InputError: no episodes, or a value that is not finite.
    """
    chosen = list(episodes)
    if not chosen:
        raise InputError("statistics need at least one episode.")
    for episode in chosen:
        if not (np.isfinite(episode.state).all() and np.isfinite(episode.action).all()):
            raise InputError(f"{episode.path} holds nan or infinity; `hlm data verify` tells where. Leave it out.")
    state = np.concatenate([episode.state for episode in chosen])
    action = np.concatenate([episode.action for episode in chosen])
    return Statistics(rows=len(state), state=vector_statistics(state), action=vector_statistics(action))


def vector_statistics(vectors: FloatArray) -> VectorStatistics:
    """Statistics of [time, 34] vectors."""
    exact = np.asarray(vectors, dtype=np.float64)
    q01, q99 = np.quantile(exact, (0.01, 0.99), axis=0)
    return VectorStatistics(q01=q01, q99=q99, mean=exact.mean(0), std=exact.std(0), min=exact.min(0), max=exact.max(0))
