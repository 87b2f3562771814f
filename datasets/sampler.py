"""Which sample comes when: weighted over parts, exact in its shares, and a function of seed and position alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from hlm.core.errors import InputError

type Numbers = np.ndarray[Any, np.dtype[np.int64]]

# Parts are shuffled among each other within so many draws.
BLOCK = 4096
# First words of the random keys, so that no two uses share a stream.
_PARTS, _STEPS = 0, 1


@dataclass(frozen=True, kw_only=True, slots=True)
class MixtureSampler:
    """An endless iterable of sample numbers for a PyTorch DataLoader (`sampler=`), or anything else.

    Parts take turns so that after any number of draws each had its share to within a draw or two per part, in random
    order within blocks of 4096. Within a part every step comes once, in random order, before any comes again.

    Draw number p is the same in whatever process and after whatever history: process `rank` of `world_size` takes the
    draws rank, rank + world_size, ...; together they draw what one process would. DataLoader workers fetch what the
    process' own sampler drew, so that their number changes nothing. A run goes on exactly where it was from one number,
    `position` = samples that all processes have consumed together: updates x batch x world_size.

    Attributes:
        sizes: samples of each part; parts follow each other in `Samples`.
        weights: relative shares of the parts' draws, any positive scale.
        seed: of every random choice.
        rank: of this process.
        world_size: number of processes.
        position: draws to skip.
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
            InputError: no steps, a weight that is not positive, or a rank, position or seed out of range.
        """
        if not self.sizes or len(self.sizes) != len(self.weights) or min(self.sizes) < 1:
            raise InputError(
                f"every part needs samples and a weight, got sizes {self.sizes} and weights {self.weights}."
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
        """Share of the draws that each part is to have; they add up to 1."""
        return tuple(weight / math.fsum(self.weights) for weight in self.weights)

    def drawn(self, position: int) -> tuple[int, ...]:
        """How many of the first `position` draws of all processes come from each part."""
        block, rest = divmod(position, BLOCK)
        begun = np.bincount(self._parts(block)[:rest], minlength=len(self.sizes))
        return tuple((turns(self.asked, block * BLOCK) + begun).tolist())

    def _block(self, block: int, orders: dict[int, tuple[int, Numbers]]) -> Numbers:
        """[BLOCK] sample numbers; `orders` keeps each part's latest epoch and its order."""
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
        """[BLOCK] part of each draw."""
        had = turns(self.asked, (block + 1) * BLOCK) - turns(self.asked, block * BLOCK)
        return np.repeat(np.arange(len(self.sizes)), had)[shuffled(BLOCK, (_PARTS, self.seed, block))]


def turns(shares: Sequence[float], position: int) -> Numbers:
    """[part] how many of the first `position` turns each part has, when they alternate as evenly as can be.

    Turn n of a part is due at time (n + 1/2) / share, and all turns are taken in the order of their times, lower parts
    first among equals. So no part is ever ahead or behind by more than about a turn, and the numbers only grow.

    Args:
        shares: of the parts, positive, sum 1.
        position: turns in all.
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
    """[size] the numbers below `size` in an order that the key's numbers determine, in any version of NumPy.

    The streams of NumPy's bit generators are promised to stay as they are; those of its `permutation` are not.
    """
    return np.argsort(np.random.PCG64(np.random.SeedSequence(list(key))).random_raw(size), kind="stable")
