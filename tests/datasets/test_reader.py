"""Opening what is no dataset says what it is; statistics and summaries agree with NumPy and the files."""

import json

import numpy as np
import pytest

from hlm.core.errors import CorruptError, HlmError, InputError, MismatchError, MissingFileError
from hlm.datasets.reader import open_dataset
from hlm.datasets.statistics import Statistics, statistics
from hlm.datasets.store.version import SCHEMA_VERSION
from hlm.datasets.summary import summarize
from hlm.datasets.writer import DatasetWriter


def edit_attributes(path, **changes):
    metadata = json.loads((path / "zarr.json").read_bytes())
    metadata["attributes"].update(changes)
    (path / "zarr.json").write_text(json.dumps(metadata))


def test_nothing_there_suggests_a_neighbour(maker, path):
    maker.dataset(path, (1,))
    with pytest.raises(MissingFileError, match=r"there is nothing\. Did you mean '.*demo\.zarr'\?"):
        open_dataset(path.with_name("dem.zarr"))
    with pytest.raises(MissingFileError, match=r"there is nothing\.$"):
        open_dataset(path.parent / "nowhere" / "x")


def test_other_things_are_named(maker, path, tmp_path):
    maker.dataset(path, (1,))
    (tmp_path / "file").write_text("x")
    (tmp_path / "lerobot" / "meta").mkdir(parents=True)
    (tmp_path / "lerobot" / "meta" / "info.json").write_text("{}")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / ".zgroup").write_text("{}")
    (tmp_path / "empty").mkdir()
    (tmp_path / "group").mkdir()
    (tmp_path / "group" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    for place, text in {
        tmp_path / "file": "this is a file",
        tmp_path / "lerobot": "this is a LeRobot dataset",
        tmp_path / "old": "this is a Zarr v2 group",
        tmp_path / "empty": "this folder is no Zarr group",
        tmp_path / "group": "this is a Zarr group",
        tmp_path: "this folder holds demo.zarr, group; name one",
        path / "episode_000000": "this is an episode",
    }.items():
        with pytest.raises(MissingFileError, match=text):
            open_dataset(place)


def test_a_newer_schema_is_refused(maker, path):
    maker.dataset(path, (1,))
    newer = SCHEMA_VERSION + 1
    edit_attributes(path, schema_version=newer)
    with pytest.raises(MismatchError, match=f"has schema {newer}, this hlm reads up to {SCHEMA_VERSION}"):
        open_dataset(path)


def test_a_broken_description_is_refused(maker, path):
    maker.dataset(path, (1,))
    edit_attributes(path, cameras=3)
    with pytest.raises(CorruptError, match="attributes cannot be read"):
        open_dataset(path)
    (path / "zarr.json").write_text("")
    with pytest.raises(CorruptError, match="is not valid JSON"):
        open_dataset(path)


def test_an_empty_dataset_is_an_error(maker, path):
    with DatasetWriter.open(path, maker.spec) as writer:
        with pytest.raises(InputError, match=r"has no episodes\. Record some first"):
            open_dataset(path)
        writer.episode(maker.info()).append(maker.step(0, 0))
    with pytest.raises(InputError, match=r"has no episodes\. 1 unfinished: run `hlm data recover"):
        open_dataset(path)


def test_statistics_are_those_of_numpy(maker, path):
    rng = np.random.default_rng(0)
    episodes = [rng.normal(size=(length, 2, 34)).astype(np.float32) for length in (50, 3, 120)]
    with DatasetWriter.open(path, maker.spec) as writer:
        for vectors in episodes:
            episode = writer.episode(maker.info())
            for step, (state, action) in enumerate(vectors):
                episode.append(maker.step(0, step, state=state, action=action))
            episode.commit()
    dataset = open_dataset(path)
    found = statistics(dataset.episodes)
    frames = np.concatenate(episodes).astype(np.float64)
    assert found.steps == 173
    for index, vector in enumerate((found.state, found.action)):
        values = frames[:, index]
        assert np.allclose(vector.q01, np.quantile(values, 0.01, axis=0), atol=1e-12)
        assert np.allclose(vector.q99, np.quantile(values, 0.99, axis=0), atol=1e-12)
        assert np.allclose(vector.mean, values.mean(0), atol=1e-12)
        assert np.allclose(vector.std, values.std(0), atol=1e-12)
        assert np.array_equal(vector.min, values.min(0))
        assert np.array_equal(vector.max, values.max(0))
    part = statistics(dataset.episodes[:1])
    assert part.steps == 50
    assert not np.array_equal(part.state.mean, found.state.mean)


def test_statistics_round_trip_through_json(maker, path):
    found = statistics(open_dataset(maker.dataset(path)).episodes)
    again = Statistics.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again.to_dict() == found.to_dict()
    with pytest.raises(CorruptError, match="statistics cannot be read"):
        Statistics.from_dict({"steps": 1})


def test_statistics_refuse_what_is_not_finite(maker, path):
    maker.dataset(path, (3,), lambda step, whole: maker.step(0, step, state=np.full(34, np.nan)))
    with pytest.raises(InputError, match="holds nan or infinity"):
        statistics(open_dataset(path))
    with pytest.raises(InputError, match="at least one episode"):
        statistics([])


def test_summary_counts(maker, path):
    maker.dataset(path, (30, 60))
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info(1, source="teleop"))
        episode.append(maker.step(2, 0))
        episode.commit(outcome="failure", stage=1)
        writer.episode(maker.info()).append(maker.step(3, 0))
    summary = summarize(open_dataset(path))
    assert [line.steps for line in summary.episodes] == [30, 60, 1]
    assert summary.steps == 91
    assert summary.duration_s == pytest.approx(91 / 30)
    assert dict(summary.outcomes) == {"success": 2, "failure": 1}
    assert dict(summary.instructions) == {"do 0": 2, "do 1": 1}
    assert summary.unfinished == 1
    assert summary.episodes[2].stage == 1
    files = [file for folder in path.glob("episode_00000?") for file in folder.rglob("*") if file.is_file()]
    assert summary.size_bytes == sum(file.stat().st_size for file in files)


def test_an_episode_of_a_newer_schema_says_so(maker, path):
    """Its description may be one that this version cannot read."""
    maker.dataset(path)
    edit_attributes(path / "episode_000001", schema_version=9, source="telepathy")
    with pytest.raises(MismatchError, match=r"episode_000001 has schema 9, .* Install a newer hlm"):
        open_dataset(path)


def test_links_in_a_circle_are_no_dataset(tmp_path):
    (tmp_path / "circle.zarr").symlink_to(tmp_path / "circle.zarr")
    with pytest.raises(HlmError, match=r"circle\.zarr") as raised:
        open_dataset(tmp_path / "circle.zarr")
    assert "\n" not in str(raised.value)
