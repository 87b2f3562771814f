"""Nothing but the last instants of the open episode is lost, however a recording ends."""

import random
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hlm.core.errors import MissingFileError
from hlm.datasets import packing
from hlm.datasets.reader import open_dataset
from hlm.datasets.recover import recover
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter

LOSS_ROWS = 15  # 0.5 s at 30 Hz


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def partial(maker, path) -> Path:
    """A dataset with one episode, and a second of 20 rows that nobody ended."""
    maker.dataset(path, (4,))
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info(1))
        for row in range(20):
            episode.append(maker.row(1, row))
    return path / "episode_000001.partial"


def check_rows(episode, number):
    """The episode's rows are its own, from the first on."""
    values = 1000 * number + np.arange(len(episode))
    assert np.array_equal(episode.stamp_ns, values * 10_000_000_000 // 300)
    assert np.abs(episode.images("head")[..., 1].astype(int) - (values % 250)[:, None, None]).max() <= 3


def test_a_partial_episode_becomes_one(path, partial):
    before = snapshot(path / "episode_000000")
    [kept] = recover(path)
    assert (kept.number, kept.rows, kept.episode) == (1, 20, path / "episode_000001")
    episode = open_dataset(path).episodes[1]
    check_rows(episode, 1)
    assert episode.info.outcome == "unlabelled"
    assert episode.info.instruction == "do 1"
    assert episode.attributes["recovered"] is True
    assert snapshot(path / "episode_000000") == before
    assert not partial.exists()
    assert verify(path) == []
    assert recover(path) == []


def test_recovering_equals_committing(maker, path, partial):
    recover(path)
    maker.dataset(path, (20,), lambda row, _: maker.row(1, row))
    kept, committed = (snapshot(path / f"episode_00000{number}") for number in (1, 2))
    assert kept.keys() == committed.keys()
    assert [name for name in kept if kept[name] != committed[name]] == ["zarr.json"]


@pytest.mark.parametrize("file", ["journal.rows", "image_head/c.0.0.0.0", "image_left_wrist/c.0.0.0.0"])
def test_any_torn_tail_costs_only_what_was_torn(path, partial, file):
    data = (partial / file).read_bytes()
    original = path.with_name("original.zarr")
    shutil.copytree(path, original)
    for share in (0.999, 0.8, 0.33, 0.02):
        shutil.rmtree(path)
        shutil.copytree(original, path)
        (partial / file).write_bytes(data[: int(share * len(data))])
        [kept] = recover(path)
        assert abs(kept.rows - int(share * 20)) <= 1
        if kept.rows:
            check_rows(open_dataset(path).episodes[1], 1)
            assert verify(path) == []
        else:
            assert kept.episode is None
            assert "holds no complete row" in kept.text
            assert partial.is_dir()


def test_a_damaged_byte_ends_the_episode_before_it(path, partial):
    file = partial / "journal.rows"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert [item.rows for item in recover(path)] == [10]


def test_an_empty_partial_episode_is_reported(maker, path):
    maker.dataset(path, (1,))
    (path / "episode_000001.partial").mkdir()
    [lost] = recover(path)
    assert lost.episode is None
    assert "holds no row" in lost.text
    assert len(open_dataset(path)) == 1


def test_a_taken_number_is_never_overwritten(path, partial):
    shutil.copytree(path / "episode_000000", path / "episode_000001")
    before = snapshot(path / "episode_000001")
    [lost] = recover(path)
    assert lost.episode is None
    assert "already there" in lost.text
    assert snapshot(path / "episode_000001") == before
    assert partial.is_dir()


@pytest.mark.parametrize("step", ["write_image_metadata", "write_array", "write_attributes", "finish"])
def test_a_commit_that_dies_half_way_can_be_finished(maker, path, monkeypatch, step):
    def dies(*_args, **_kwargs):
        raise SystemExit

    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info())
        for row in range(5):
            episode.append(maker.row(0, row))
        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(packing, step, dies)
            episode.commit(outcome="success")
    [kept] = recover(path)
    assert kept.rows == 5
    read = open_dataset(path).episodes[0]
    check_rows(read, 0)
    assert read.info.outcome == ("success" if step == "finish" else "unlabelled")
    assert sorted(file.name for file in read.path.iterdir() if file.is_file()) == ["zarr.json"]
    assert verify(path) == []


@pytest.mark.parametrize("seed", range(5))
def test_kill_at_any_moment(maker, path, seed):
    """Killed while appending or committing: finished episodes stay, the open one loses under half a second."""
    random.seed(seed)
    recorder = subprocess.Popen([sys.executable, "-c", RECORD, str(path)], stdout=subprocess.PIPE, text=True)
    appended: list[tuple[int, int]] = []
    committed: dict[int, dict[str, bytes]] = {}
    for _ in range(random.randrange(20, 220)):
        word, number, row = recorder.stdout.readline().split()
        if word == "appended":
            appended.append((int(number), int(row)))
        else:
            committed[int(number)] = snapshot(path / f"episode_{int(number):06d}")
    recorder.send_signal(signal.SIGKILL)
    for line in recorder.stdout:
        if not line.endswith("\n"):
            break  # it died in the middle of its word
        word, number, row = line.split()
        appended += [(int(number), int(row))] * (word == "appended")
    recorder.wait()
    recorder.stdout.close()
    recover(path)
    episodes = {episode.number: episode for episode in open_dataset(path)}
    for number, files in committed.items():
        assert snapshot(path / f"episode_{number:06d}") == files
    last, row = appended[-1]
    rows = len(episodes[last]) if last in episodes else 0
    assert rows >= row + 1 - LOSS_ROWS
    for number, episode in episodes.items():
        check_rows(episode, number)
    assert [problem for problem in verify(path) if "unfinished" not in problem.text] == []
    with DatasetWriter.open(path, replace(maker.spec, cameras={"head": (16, 24)})) as writer:
        assert writer.episode(maker.info()).number > last


def test_no_dataset_no_recovery(path):
    with pytest.raises(MissingFileError, match="there is nothing"):
        recover(path)


RECORD = """
import sys
import numpy as np
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Row
from hlm.datasets.writer import DatasetWriter
spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (16, 24)})
with DatasetWriter.open(sys.argv[1], spec) as writer:
    while True:
        with writer.episode(EpisodeInfo(instruction="x", source="teleop")) as episode:
            for row in range(60):
                value = 1000 * episode.number + row
                picture = np.full((16, 24, 3), value % 250, np.uint8)
                stamp_ns = value * 10_000_000_000 // 300
                state = np.full(34, value) * 1e-6
                episode.append(Row(stamp_ns, state, -state, {"head": picture}, {"head": 0.0}))
                print("appended", episode.number, row, flush=True)
            episode.commit(outcome="success")
            print("committed", episode.number, 60, flush=True)
"""
