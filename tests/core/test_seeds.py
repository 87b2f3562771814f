from itertools import pairwise

import numpy as np
import pytest

from hlm.core.seeds import seed_ranges, seeds_within


@pytest.mark.parametrize("count", [0, 1, 7, 60])
def test_ranges_hold_what_they_were_made_of_and_nothing_else(count):
    seeds = np.random.default_rng(count).integers(0, 80, count).tolist()
    ranges = seed_ranges(seeds)
    assert seeds_within(range(-1, 82), ranges) == sorted(set(seeds))
    assert all(first <= last for first, last in ranges)
    # As few as there can be.
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(ranges))


def test_seeds_keep_their_order():
    assert seeds_within([9, 3, 5], ((3, 4), (9, 9))) == [9, 3]
