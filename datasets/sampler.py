"""Order of training samples: weighted over datasets, exact in its shares, a function of seed and position alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from hlm.core.errors import InputError

type Numbers = np.ndarray[Any, np.dtype[np.int64]]

# Draws within which the datasets are shuffled.
BLOCK = 4096
# First numbers of the random keys, so that no two uses share a stream.
_PARTS, _STEPS = 0, 1


@dataclass(frozen=True, kw_only=True, slots=True)
class MixtureSampler:
    """Endless iterable of sample numbers, for the `sampler` of a PyTorch DataLoader or any other use.

    Datasets take turns so that after any number of draws each had its share to within a draw or two, in random order
    within blocks of 4096. Each sample of a dataset comes once, in random order, before any comes again.

    Draw number p depends on nothing but the seed. Process `rank` of `world_size` takes the draws rank, rank +
    world_size, ..., so that all processes together draw what one would. The number of DataLoader workers makes no
    difference. A run resumes exactly from `position`, the number of samples that all processes have consumed together:
    updates x batch size x world size.

    Attributes:
        sizes: number of samples of each dataset; they are numbered one dataset after the other.
        weights: relative share of the draws, > 0, by dataset.
        seed: seed of all random choices, >= 0.
        rank: rank of this process.
        world_size: number of processes.
        position: number of draws to skip.
    """

    sizes: tuple[int, ...]
    weights: tuple[float, ...]
    seed: int = 0
    rank: int = 0
    world_size: int = 1
    position: int = 0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a dataset without samples, a weight that is not positive, or a number out of range.
        """
        if not self.sizes or len(self.sizes) != len(self.weights) or min(self.sizes) < 1:
            raise InputError(
                f"every dataset needs samples and a weight, got sizes {self.sizes} and weights {self.weights}."
            )
        if not all(math.isfinite(weight) and weight > 0.0 for weight in self.weights):
            raise InputError(f"weights must be positive numbers, got {', '.join(map(str, self.weights))}.")
        if not 0 <= self.rank < self.world_size:
            raise InputError(f"rank must be from 0 to {self.world_size - 1}, got {self.rank}.")
        if self.position < 0 or self.seed < 0:
            raise InputError(f"position and seed must not be negative, got {self.position} and {self.seed}.")

    def __iter__(self) -> Iterator[int]:
        """Sample numbers from `position` on, without end."""
        orders: dict[int, tuple[int, Numbers]] = {}
        for block in count(self.position // BLOCK):
            start = block * BLOCK
            first = max(self.position - start, 0)
            first += (self.rank - start - first) % self.world_size
            yield from self._block(block, orders)[first :: self.world_size].tolist()

    @property
    def asked(self) -> tuple[float, ...]:
        """Requested share of the draws, by dataset; the sum is 1."""
        return tuple(weight / math.fsum(self.weights) for weight in self.weights)

    def drawn(self, position: int) -> tuple[int, ...]:
        """Number of the first `position` draws of all processes, by dataset."""
        block, rest = divmod(position, BLOCK)
        begun = np.bincount(self._parts(block)[:rest], minlength=len(self.sizes))
        return tuple((turns(self.asked, block * BLOCK) + begun).tolist())

    def _block(self, block: int, orders: dict[int, tuple[int, Numbers]]) -> Numbers:
        """[BLOCK] sample numbers; `orders` keeps each dataset's latest epoch and its order."""
        parts, before = self._parts(block), turns(self.asked, block * BLOCK)
        starts = np.cumsum([0, *self.sizes])
        numbers = np.empty(BLOCK, np.int64)
        for part, steps in enumerate(self.sizes):
            places = np.flatnonzero(parts == part)
            epochs, offsets = np.divmod(before[part] + np.arange(len(places)), steps)
            for epoch in np.unique(epochs).tolist():
                if orders.get(part, (-1,))[0] != epoch:
                    orders[part] = epoch, shuffled(steps, (_STEPS, self.seed, part, epoch))
                now = epochs == epoch
                numbers[places[now]] = starts[part] + orders[part][1][offsets[now]]
        return numbers

    def _parts(self, block: int) -> Numbers:
        """[BLOCK] dataset of each draw."""
        had = turns(self.asked, (block + 1) * BLOCK) - turns(self.asked, block * BLOCK)
        return np.repeat(np.arange(len(self.sizes)), had)[shuffled(BLOCK, (_PARTS, self.seed, block))]


def turns(shares: Sequence[float], position: int) -> Numbers:
    """[dataset] number of the first `position` turns, when datasets alternate as evenly as possible.

    Turn n of a dataset is due at time (n + 1/2) / share. All turns are taken in the order of these times, and in the
    order of the datasets among equals. So no dataset is ever ahead or behind by more than about a turn.

    Args:
        shares: share of each dataset, > 0; the sum is 1.
        position: number of turns.
    """
    share = np.asarray(shares)
    had = np.floor(share * position + 0.5).astype(np.int64)
    while had.sum() < position:
        had[np.argmin((had + 0.5) / share)] += 1
    while had.sum() > position:
        last = (had - 0.5) / share
        had[len(last) - 1 - np.argmax(last[::-1])] -= 1
    return had


def shuffled(size: int, key: Sequence[int]) -> Numbers:
    """[size] permutation of the numbers below `size`, determined by the key in any version of NumPy.

    NumPy guarantees the streams of its bit generators, but not those of its `permutation`.
    """
    return np.argsort(np.random.PCG64(np.random.SeedSequence(list(key))).random_raw(size), kind="stable")
