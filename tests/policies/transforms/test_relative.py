import numpy as np
import pytest

from hlm.core.errors import InputError
from hlm.core.layout import DIMENSIONS, NAMES
from hlm.datasets.statistics import vector_statistics
from hlm.policies.transforms.relative import RELATIVE, relative, relative_statistics, undo_relative


class Recorded:
    """States and actions of an episode."""

    path = "made.zarr/episode_0"

    def __init__(self, rows, seed):
        rng = np.random.default_rng(seed)
        self.state = rng.normal(size=(rows, DIMENSIONS)).astype(np.float32)
        self.action = rng.normal(size=(rows, DIMENSIONS)).astype(np.float32)

    def __len__(self):
        return len(self.state)


def all_chunks(episode, horizon):
    """[row * horizon, 34] relative actions of every chunk, one by one."""
    found = []
    for row in range(len(episode)):
        for offset in range(horizon):
            action = episode.action[min(row + offset, len(episode) - 1)].copy()
            action[RELATIVE] -= episode.state[row][RELATIVE]
            found.append(action)
    return np.array(found)


def assert_same(found, expected):
    for name in ("q01", "q99", "mean", "std", "min", "max"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6, atol=1e-6, err_msg=name)


def test_undo_adds_the_state_again():
    rng = np.random.default_rng(0)
    actions, state = rng.normal(size=(4, 7, DIMENSIONS)), rng.normal(size=(4, DIMENSIONS)).astype(np.float32)
    before = actions.copy()
    np.testing.assert_allclose(undo_relative(relative(actions, state), state), actions, rtol=0.0, atol=1e-12)
    np.testing.assert_array_equal(actions, before)


def test_every_action_counts_from_the_state_that_the_chunk_starts_from():
    rng = np.random.default_rng(0)
    actions, state = rng.normal(size=(7, DIMENSIONS)), rng.normal(size=DIMENSIONS).astype(np.float32)
    moved = relative(actions, state)
    np.testing.assert_allclose(moved[:, RELATIVE], actions[:, RELATIVE] - state[RELATIVE])
    np.testing.assert_array_equal(moved[:, ~RELATIVE], actions[:, ~RELATIVE])


def test_grippers_and_root_stay_absolute():
    absolute = [name for name, moves in zip(NAMES, RELATIVE, strict=True) if not moves]
    assert absolute == ["left_gripper", "right_gripper", "root_roll", "root_pitch", "root_yaw_rate"]


def test_statistics_are_of_all_chunks_with_the_last_action_held():
    recorded = [Recorded(9, 1), Recorded(3, 2), Recorded(1, 3)]
    chunks = np.concatenate([all_chunks(episode, 5) for episode in recorded])
    assert_same(relative_statistics(recorded, 5), vector_statistics(chunks))


def test_weights_count_rows_as_often_as_they_say():
    recorded = [Recorded(9, 1), Recorded(6, 2)]
    chunks = np.concatenate([all_chunks(recorded[0], 5), *[all_chunks(recorded[1], 5)] * 3])
    found, expected = relative_statistics(recorded, 5, (1.0, 3.0)), vector_statistics(chunks)
    for name in ("mean", "std", "min", "max"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6, atol=1e-6)
    assert np.abs(found.q99 - expected.q99).max() < 0.3


def test_a_subset_is_even_over_the_places_of_a_chunk():
    # States and actions are the row's number, so that a relative action is its place in the chunk.
    episode = Recorded(1000, 0)
    episode.state = np.tile(np.arange(1000.0, dtype=np.float32)[:, None], (1, DIMENSIONS))
    episode.action = episode.state
    whole, part = (relative_statistics([episode], 50, samples=samples) for samples in (50_000, 1_000))
    # 50 000 actions in 1 000 would be every 50th, always the chunk's first.
    for name in ("q01", "q99", "min", "max"):
        np.testing.assert_allclose(getattr(part, name)[RELATIVE], getattr(whole, name)[RELATIVE], atol=1.0)
    np.testing.assert_allclose(part.mean, whole.mean, rtol=0.02)
    np.testing.assert_allclose(part.std, whole.std, rtol=0.02)


def test_numbers_that_are_none_are_refused():
    episode = Recorded(5, 0)
    episode.state[2, 3] = np.nan
    with pytest.raises(InputError, match="holds nan or infinity"):
        relative_statistics([episode], 5)
    with pytest.raises(InputError, match="at least one episode"):
        relative_statistics([], 5)
