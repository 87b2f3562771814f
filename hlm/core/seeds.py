"""Sets of seeds as ranges, which a few numbers describe however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LAST_SEED = 2**63 - 1  # seeds are 64-bit integers in datasets and messages

type SeedRanges = tuple[tuple[int, int], ...]


def seed_ranges(seeds: Iterable[int]) -> SeedRanges:
    """(first, last) of each run of consecutive seeds, in ascending order."""
    ranges: list[tuple[int, int]] = []
    for seed in sorted(set(seeds)):
        if ranges and seed == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], seed)
        else:
            ranges.append((seed, seed))
    return tuple(ranges)


def seeds_within(seeds: Iterable[int], ranges: Sequence[tuple[int, int]]) -> list[int]:
    """Those of the seeds that the ranges hold, in the order given."""
    return [seed for seed in seeds if any(first <= seed <= last for first, last in ranges)]
