"""Weighted statistics are those of steps that come up so often; the cache never gives another content's."""

import json
import shutil

import numpy as np
import pytest

from hlm.core.errors import CorruptError
from hlm.datasets import statistics_cache
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import EpisodeInfo
from hlm.datasets.statistics import SMALLEST_RANGE, STILL_RANGE, VectorStatistics, statistics, vector_statistics
from hlm.datasets.statistics_cache import cached_statistics
from hlm.datasets.writer import DatasetWriter


def random_dataset(maker, path, lengths=(40, 25, 60), seed=0):
    rng = np.random.default_rng(seed)
    return open_dataset(
        maker.dataset(
            path, lengths, lambda step, _: maker.step(0, step, state=rng.normal(size=34), action=rng.normal(size=34))
        )
    )


@pytest.fixture
def dataset(maker, path):
    return random_dataset(maker, path)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "statistics"


@pytest.fixture
def computed(monkeypatch):
    """Counts how often statistics were computed."""
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return statistics(*arguments)

    monkeypatch.setattr(statistics_cache, "statistics", counted)
    return calls


def entry_of(folder):
    (entry,) = folder.iterdir()
    return entry


def test_a_weight_is_how_often_a_step_comes_up():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(500, 34)).astype(np.float32)
    times = rng.integers(1, 5, 500)
    weighted = vector_statistics(vectors, 0.3 * times)
    repeated = np.repeat(vectors, times, axis=0).astype(np.float64)
    q01, q99 = np.quantile(repeated, (0.01, 0.99), axis=0, method="inverted_cdf")
    assert np.array_equal(weighted.q01, q01)
    assert np.array_equal(weighted.q99, q99)
    np.testing.assert_allclose(weighted.mean, repeated.mean(0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(weighted.std, repeated.std(0), rtol=0, atol=1e-12)
    assert np.array_equal(weighted.min, vectors.min(0))
    assert np.array_equal(weighted.max, vectors.max(0))


def test_quantiles_hold_exactly_their_share():
    vectors = np.tile(np.arange(100.0)[::-1, None], (1, 34))
    weights = np.full(100, 0.1)
    assert vector_statistics(vectors, weights).q01[0] == 0.0
    assert vector_statistics(vectors, weights).q99[0] == 98.0


def test_equal_weights_change_nothing(dataset):
    plain = statistics(dataset.episodes)
    assert statistics(dataset.episodes, [0.7] * 3).to_dict() == plain.to_dict()
    assert statistics(dataset.episodes, [1.0, 9.0, 1.0]).to_dict() != plain.to_dict()
    assert statistics(dataset.episodes, [1.0, 9.0, 1.0]).steps == plain.steps == 125


def test_only_dimensions_that_move_are_stretched():
    ranges = np.linspace(0.0, 2.0 * SMALLEST_RANGE, 34)
    middle = np.linspace(-1.0, 1.0, 34)
    zero = np.zeros(34)
    vector = VectorStatistics(
        q01=middle - 0.5 * ranges, q99=middle + 0.5 * ranges, mean=zero, std=zero, min=zero, max=zero
    )
    low, high = vector.bounds
    np.testing.assert_allclose(high - low, np.maximum(ranges, SMALLEST_RANGE), atol=1e-12)
    np.testing.assert_allclose(0.5 * (low + high), middle, atol=1e-12)
    moving = ranges > SMALLEST_RANGE
    assert np.array_equal(low[moving], vector.q01[moving])
    assert np.array_equal(high[moving], vector.q99[moving])
    assert np.array_equal(vector.still, vector.q99 - vector.q01 < STILL_RANGE)
    assert vector.still.sum() == 9


def test_the_second_time_nothing_is_computed(path, dataset, folder, computed):
    first = cached_statistics(dataset.episodes, folder=folder)
    assert first.to_dict() == statistics(dataset.episodes).to_dict()
    again = cached_statistics(open_dataset(path).episodes, folder=folder)
    assert again.to_dict() == first.to_dict()
    assert len(computed) == 1


def test_equal_weights_share_an_entry_other_weights_do_not(dataset, folder, computed):
    cached_statistics(dataset.episodes, folder=folder)
    cached_statistics(dataset.episodes, [2.0] * 3, folder=folder)
    assert len(computed) == 1
    weighted = cached_statistics(dataset.episodes, [1.0, 2.0, 3.0], folder=folder)
    assert weighted.to_dict() == statistics(dataset.episodes, [1.0, 2.0, 3.0]).to_dict()
    assert len(computed) == 2


def test_a_copy_elsewhere_is_the_same_content(path, dataset, folder, computed, tmp_path):
    cached_statistics(dataset.episodes, folder=folder)
    shutil.copytree(path, tmp_path / "copy.zarr")
    cached_statistics(open_dataset(tmp_path / "copy.zarr").episodes, folder=folder)
    assert len(computed) == 1


def test_a_changed_episode_is_noticed(maker, path, dataset, folder, computed, tmp_path):
    before = cached_statistics(dataset.episodes, folder=folder)
    other = random_dataset(maker, tmp_path / "other.zarr", seed=1)
    shutil.rmtree(path / "episode_000001" / "action")
    shutil.copytree(other.path / "episode_000001" / "action", path / "episode_000001" / "action")
    after = cached_statistics(open_dataset(path).episodes, folder=folder)
    assert after.to_dict() == statistics(open_dataset(path).episodes).to_dict()
    assert np.array_equal(after.state.mean, before.state.mean)
    assert not np.array_equal(after.action.mean, before.action.mean)


def test_episodes_that_come_and_go_are_noticed(maker, path, dataset, folder):
    assert cached_statistics(dataset.episodes, folder=folder).steps == 125
    assert cached_statistics(dataset.episodes[1:], folder=folder).steps == 85
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(EpisodeInfo(instruction="more", source="teleop"))
        episode.append(maker.step(3, 0))
        episode.commit()
    assert cached_statistics(open_dataset(path).episodes, folder=folder).steps == 126


def test_a_damaged_entry_is_computed_anew(dataset, folder, computed):
    right = cached_statistics(dataset.episodes, folder=folder).to_dict()
    whole = entry_of(folder).read_bytes()
    changed = json.loads(whole)
    changed["statistics"]["state"]["q01"][3] += 1e-9
    short = json.loads(whole)
    short["statistics"]["state"]["q01"].pop()
    for content in (b"", whole[:1000], b"\xff" + whole[1:], b"[]", b"{}", json.dumps(changed), json.dumps(short)):
        entry_of(folder).write_bytes(content if isinstance(content, bytes) else content.encode())
        calls = len(computed)
        assert cached_statistics(dataset.episodes, folder=folder).to_dict() == right
        assert len(computed) == calls + 1
        assert entry_of(folder).read_bytes() == whole


def test_every_flipped_bit_of_an_entry_is_noticed_or_harmless(dataset, folder):
    right = cached_statistics(dataset.episodes, folder=folder).to_dict()
    entry = entry_of(folder)
    whole = entry.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 100):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << rng.integers(0, 8)
        entry.write_bytes(flipped)
        assert cached_statistics(dataset.episodes, folder=folder).to_dict() == right


def test_a_cache_that_cannot_be_written_is_done_without(dataset, tmp_path):
    (tmp_path / "file").write_text("")
    found = cached_statistics(dataset.episodes, folder=tmp_path / "file" / "cache")
    assert found.to_dict() == statistics(dataset.episodes).to_dict()


def test_the_cache_lies_in_the_user_s_cache_folder(dataset, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    cached_statistics(dataset.episodes)
    assert len(list((tmp_path / "xdg" / "hlm" / "statistics").iterdir())) == 1
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    cached_statistics(dataset.episodes)
    assert len(list((tmp_path / "home" / ".cache" / "hlm" / "statistics").iterdir())) == 1


def test_a_missing_array_is_an_error(path, dataset, folder):
    shutil.rmtree(path / "episode_000001" / "state")
    with pytest.raises(CorruptError, match=r"episode_000001/state.*is missing"):
        cached_statistics(dataset.episodes, folder=folder)
