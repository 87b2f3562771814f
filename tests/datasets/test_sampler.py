"""Draws are a function of seed and position: exact in their shares, and the same however they are divided up."""

from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hlm.core.errors import InputError
from hlm.datasets.sampler import BLOCK, MixtureSampler, shuffled, turns

SIZES, WEIGHTS = (700, 90, 11), (1.0, 2.0, 0.5)
FAR = BLOCK + 37

shares = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6).map(lambda raw: np.array(raw) / np.sum(raw))


def sampler(**changes):
    return MixtureSampler(**{"sizes": SIZES, "weights": WEIGHTS, "seed": 5, **changes})


def take(source, count):
    return list(islice(source, count))


def parts_of(numbers):
    return np.searchsorted(np.cumsum(SIZES), numbers, side="right")


@given(shares, st.integers(0, 10**7))
def test_turns_are_shared_out_as_evenly_as_can_be(share, position):
    had = turns(share, position)
    assert had.sum() == position
    assert (np.abs(had - share * position) <= 1.0 + 0.5 * len(share)).all()


@given(shares, st.integers(0, 5000))
def test_turns_only_grow_one_by_one(share, start):
    counts = [turns(share, position) for position in range(start, start + 20)]
    for now, then in pairwise(counts):
        assert sorted((then - now).tolist()) == [0] * (len(share) - 1) + [1]


def test_turns_of_shares_by_length_end_with_an_epoch():
    assert turns(np.array(SIZES) / sum(SIZES), sum(SIZES)).tolist() == list(SIZES)
    assert turns(np.array(SIZES) / sum(SIZES), 1000 * sum(SIZES)).tolist() == [1000 * steps for steps in SIZES]


@pytest.mark.parametrize("position", [0, 1, 100, BLOCK, FAR])
def test_what_was_drawn_is_what_it_says(position):
    drawn = np.bincount(parts_of(take(sampler(), position)), minlength=3)
    assert sampler().drawn(position) == tuple(drawn.tolist())


def test_realised_shares_are_the_asked_ones():
    realised = np.array(sampler().drawn(100 * BLOCK)) / (100 * BLOCK)
    assert sampler().asked == pytest.approx((1 / 3.5, 2 / 3.5, 0.5 / 3.5))
    assert np.abs(realised - sampler().asked).max() < 3 / (100 * BLOCK)


def test_within_a_part_every_step_comes_once_before_any_comes_again():
    numbers = np.array(take(sampler(), FAR))
    for part, steps in enumerate(SIZES):
        mine = numbers[parts_of(numbers) == part]
        epochs = [mine[start : start + steps] for start in range(0, len(mine), steps)]
        assert len(epochs) > 1
        assert all(len(set(epoch.tolist())) == len(epoch) for epoch in epochs)
        assert not np.array_equal(epochs[0], epochs[1])
        assert epochs[0].tolist() != sorted(epochs[0].tolist())


def test_one_dataset_is_an_epoch_after_the_other():
    numbers = take(MixtureSampler(sizes=(1000,), weights=(3.0,)), 5000)
    assert all(sorted(numbers[start : start + 1000]) == list(range(1000)) for start in range(0, 5000, 1000))


def test_parts_are_mixed_within_a_batch():
    parts = parts_of(take(sampler(), 64 * 40)).reshape(40, 64)
    assert all(len(set(batch.tolist())) == 3 for batch in parts)


@pytest.mark.parametrize("world_size", [2, 3, 5])
def test_processes_share_out_what_one_would_draw(world_size):
    alone = take(sampler(), FAR * world_size)
    for rank in range(world_size):
        assert take(sampler(rank=rank, world_size=world_size), FAR) == alone[rank::world_size]


def test_processes_never_draw_the_same_step_in_an_epoch():
    draws = [take(MixtureSampler(sizes=(6000,), weights=(1.0,), rank=rank, world_size=3), 2000) for rank in range(3)]
    assert sorted(number for draw in draws for number in draw) == list(range(6000))


@pytest.mark.parametrize("position", [0, 6, 4092, FAR])
@pytest.mark.parametrize("world_size", [1, 3])
def test_a_run_goes_on_exactly_where_it_was(position, world_size):
    for rank in range(world_size):
        mine = take(sampler(rank=rank, world_size=world_size), position + 50)
        first = len([draw for draw in range(position) if draw % world_size == rank])
        again = sampler(rank=rank, world_size=world_size, position=position)
        assert take(again, 50) == mine[first : first + 50]


def test_the_same_iterable_can_be_iterated_again():
    one = sampler()
    assert take(one, 100) == take(one, 100)


def test_seeds_differ():
    assert take(sampler(seed=1), 100) != take(sampler(seed=2), 100)


def test_draws_stay_the_same_from_version_to_version():
    assert shuffled(8, (1, 2, 3)).tolist() == [1, 3, 7, 5, 2, 0, 4, 6]
    assert take(sampler(), 8) == [297, 767, 761, 711, 713, 528, 746, 783]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"weights": (1.0, 0.0, 1.0)}, "weights must be positive numbers, got 1.0, 0.0, 1.0"),
        ({"weights": (1.0, -1.0, 1.0)}, "weights must be positive"),
        ({"weights": (1.0, float("nan"), 1.0)}, "weights must be positive"),
        ({"weights": (1.0,)}, "every dataset needs samples and a weight"),
        ({"sizes": (), "weights": ()}, "every dataset needs samples"),
        ({"sizes": (3, 0, 1)}, "every dataset needs samples"),
        ({"rank": 2, "world_size": 2}, "rank must be from 0 to 1, got 2"),
        ({"position": -1}, "position and seed must not be negative"),
        ({"seed": -1}, "position and seed must not be negative"),
    ],
)
def test_what_cannot_be_drawn(changes, text):
    with pytest.raises(InputError, match=text):
        sampler(**changes)
