"""Nothing but the last instants of the open episode is lost, however a recording ends."""

import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hlm.core.errors import MissingFileError
from hlm.core.files import write_atomic
from hlm.core.serialization import json_bytes, read_json
from hlm.core.wording import counted
from hlm.datasets.command import commanders, in_command
from hlm.datasets.reader import open_dataset
from hlm.datasets.recover import recover
from hlm.datasets.store import packing
from hlm.datasets.store.attributes import sealed
from hlm.datasets.store.journal import STEPS_FILE
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def partial(maker, path) -> Path:
    """A dataset with one episode, and a second of 20 steps that nobody ended."""
    maker.dataset(path, (4,))
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info(1))
        for step in range(20):
            episode.append(maker.step(1, step))
    return path / "episode_000001.partial"


def check_steps(episode, number):
    """The episode's steps are its own, from the first on."""
    values = 1000 * number + np.arange(len(episode))
    assert np.array_equal(episode.stamp_ns, values * 10_000_000_000 // 300)
    assert np.abs(episode.images("head")[..., 1].astype(int) - (values % 250)[:, None, None]).max() <= 3


def test_a_partial_episode_becomes_one(path, partial):
    before = snapshot(path / "episode_000000")
    [kept] = recover(path)
    assert (kept.number, kept.steps, kept.episode) == (1, 20, path / "episode_000001")
    episode = open_dataset(path).episodes[1]
    check_steps(episode, 1)
    assert episode.info.outcome == "unlabelled"
    assert episode.info.instruction == "do 1"
    assert episode.attributes["recovered"] is True
    assert snapshot(path / "episode_000000") == before
    assert not partial.exists()
    assert verify(path) == []
    assert recover(path) == []


def test_recovering_equals_committing(maker, path, partial):
    recover(path)
    maker.dataset(path, (20,), lambda step, _: maker.step(1, step))
    kept, committed = (snapshot(path / f"episode_00000{number}") for number in (1, 2))
    assert kept.keys() == committed.keys()
    assert [name for name in kept if kept[name] != committed[name]] == ["zarr.json"]


@pytest.mark.parametrize("file", ["journal.steps", "image_head/c.0.0.0.0", "image_left_wrist/c.0.0.0.0"])
def test_any_torn_tail_costs_only_what_was_torn(path, partial, file):
    data = (partial / file).read_bytes()
    original = path.with_name("original.zarr")
    shutil.copytree(path, original)
    for share in (0.999, 0.8, 0.33, 0.02):
        shutil.rmtree(path)
        shutil.copytree(original, path)
        (partial / file).write_bytes(data[: int(share * len(data))])
        [kept] = recover(path)
        assert abs(kept.steps - int(share * 20)) <= 1
        if kept.steps:
            check_steps(open_dataset(path).episodes[1], 1)
            assert verify(path) == []
        else:
            assert kept.episode is None
            assert "has no complete step" in kept.text
            assert partial.is_dir()


def test_a_damaged_byte_ends_the_episode_before_it(path, partial):
    file = partial / "journal.steps"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert [item.steps for item in recover(path)] == [10]


def test_an_empty_partial_episode_is_reported(maker, path):
    maker.dataset(path, (1,))
    (path / "episode_000001.partial").mkdir()
    [lost] = recover(path)
    assert lost.episode is None
    assert "has no steps" in lost.text
    assert len(open_dataset(path)) == 1


def test_a_taken_number_is_never_overwritten(path, partial):
    shutil.copytree(path / "episode_000000", path / "episode_000001")
    before = snapshot(path / "episode_000001")
    [lost] = recover(path)
    assert lost.episode is None
    assert "already there" in lost.text
    assert snapshot(path / "episode_000001") == before
    assert partial.is_dir()


@pytest.mark.parametrize("call", ["write_image_metadata", "write_array", "write_attributes", "finish"])
def test_a_commit_that_dies_half_way_can_be_finished(maker, path, monkeypatch, call):
    def dies(*_args, **_kwargs):
        raise SystemExit

    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info())
        for step in range(5):
            episode.append(maker.step(0, step))
        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(packing, call, dies)
            episode.commit(outcome="success")
    [kept] = recover(path)
    assert kept.steps == 5
    read = open_dataset(path).episodes[0]
    check_steps(read, 0)
    assert read.info.outcome == ("success" if call == "finish" else "unlabelled")
    assert sorted(file.name for file in read.path.iterdir() if file.is_file()) == ["zarr.json"]
    assert verify(path) == []


def test_every_flipped_bit_of_a_journal_is_noticed(path, partial):
    """What is recovered is the episode's true beginning, or nothing, whatever was damaged."""
    original = path.with_name("original.zarr")
    path.rename(original)
    rng = np.random.default_rng(0)
    files = [str(file.relative_to(original)) for file in original.glob("*.partial/**/*") if file.is_file()]
    assert len(files) == 4
    kept_steps = []
    for flip in range(24):
        shutil.copytree(original, path)
        file = path / files[flip % 4]
        data = bytearray(file.read_bytes())
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        file.write_bytes(data)
        [kept] = recover(path)
        kept_steps.append(kept.steps)
        if kept.episode is not None:
            episode = open_dataset(path).episodes[1]
            check_steps(episode, 1)
            assert episode.info.instruction == "do 1"
            damage = f"; {20 - kept.steps} after them were damaged" if kept.steps < 20 else ""
            assert kept.text == f"recovered, {counted(kept.steps, 'step')}{damage}"
            assert verify(path) == []
        shutil.rmtree(path)
    assert len(set(kept_steps)) > 5


def test_a_recovery_killed_at_any_moment_can_be_run_again(path, partial):
    """Killed before each of its calls of the system that change a file name, cut a file, or wait for the disk."""
    original = path.with_name("original.zarr")
    shutil.copytree(path, original)
    before = snapshot(path / "episode_000000")
    unfinished = 0
    for calls in range(0, 200, 16):
        shutil.rmtree(path)
        shutil.copytree(original, path)
        killed = subprocess.run([sys.executable, "-c", KILLED, str(path), str(calls)], check=False)
        unfinished += killed.returncode == -signal.SIGKILL
        recover(path)
        check_steps(open_dataset(path).episodes[1], 1)
        assert len(open_dataset(path).episodes[1]) == 20
        assert snapshot(path / "episode_000000") == before
        assert verify(path) == []
        if killed.returncode == 0:
            break
    assert killed.returncode == 0
    assert unfinished > 3


def test_a_discarded_episode_does_not_come_back(maker, path, monkeypatch):
    """Not even when the process is killed while it deletes the episode."""

    def dies(_folder):
        raise SystemExit

    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info())
        episode.append(maker.step(0, 0))
        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr("hlm.datasets.writer.shutil.rmtree", dies)
            episode.discard()
    [lost] = recover(path)
    assert lost.episode is None
    assert "has no steps; delete" in lost.text


def test_a_partial_episode_of_another_dataset_is_left_alone(maker, path, partial):
    other = path.with_name("other.zarr")
    with DatasetWriter.open(other, replace(maker.spec, cameras={"head": (16, 24)})):
        pass
    shutil.copytree(partial, other / partial.name)
    [lost] = recover(other)
    assert lost.episode is None
    assert "camera 'left_wrist' gives 8x8 images; the dataset has: head 16x24" in lost.text
    assert (other / partial.name).is_dir()


def test_a_journal_from_elsewhere_cannot_name_other_folders(path, partial):
    header = read_json(partial / "journal.json")
    header["columns"]["privileged"] = {"../../../outside": [3]}
    write_atomic(partial / "journal.json", json_bytes(sealed(header)))
    [lost] = recover(path)
    assert "privileged quantity name '../../../outside' must be" in lost.text


def test_no_dataset_no_recovery(path):
    with pytest.raises(MissingFileError, match="there is nothing"):
        recover(path)


KILLED = """
import os, signal, sys
from hlm.datasets.recover import recover
left = int(sys.argv[2])
def counting_calls(call):
    def wrapped(*args, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return call(*args, **kwargs)
    return wrapped
for name in ("fsync", "write", "rename", "replace", "unlink", "mkdir", "open"):
    setattr(os, name, counting_calls(getattr(os, name)))
recover(sys.argv[1])
"""


COMMANDERS = ["policy"] * 8 + ["keyboard"] * 6 + ["policy"] * 6

# A program that writes steps with the name of who commands, says so, and waits to be killed.
COMMANDED = """
import sys, threading
from pathlib import Path
from hlm.datasets.reader import read_spec
from hlm.datasets.schema import EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter
import numpy as np
path, names = Path(sys.argv[1]), sys.argv[2].split(",")
with DatasetWriter.open(path, read_spec(path)) as writer:
    episode = writer.episode(EpisodeInfo(instruction="do it", source="policy"))
    for step, name in enumerate(names):
        episode.append(Step(1 + step, np.zeros(34), np.zeros(34), {}, {"state": 0.0}, in_command=name))
    print("written", flush=True)
    threading.Event().wait()
"""


def test_who_was_in_command_survives_kill_9(maker, path):
    maker.dataset(path, (4,))
    command = [sys.executable, "-c", COMMANDED, str(path), ",".join(COMMANDERS)]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert program.stdout.readline() == "written\n"
    program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdout.close()
    [kept] = recover(path)
    episode = open_dataset(path).episodes[1]
    assert kept.steps > 12, "at most a quarter of a second is lost"
    assert in_command(episode) == COMMANDERS[: kept.steps]
    assert "in_command" not in open_dataset(path).episodes[0].info.extra
    assert verify(path) == []


def test_who_would_have_commanded_steps_that_are_lost_is_left_out(maker, path):
    maker.dataset(path, (4,))
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info(1))
        for step, name in enumerate(COMMANDERS):
            episode.append(maker.step(1, step, in_command=name))
    steps_file = path / "episode_000001.partial" / STEPS_FILE
    steps_file.write_bytes(steps_file.read_bytes()[: steps_file.stat().st_size * 10 // 20])
    [kept] = recover(path)
    assert kept.steps == 10
    assert commanders(open_dataset(path).episodes[1].info) == ("policy", "keyboard")


# A program that writes steps with a pause of a second, says so, and waits to be killed.
PAUSED = """
import sys, threading
from pathlib import Path
from hlm.datasets.reader import read_spec
from hlm.datasets.schema import EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter
import numpy as np
path = Path(sys.argv[1])
with DatasetWriter.open(path, read_spec(path)) as writer:
    episode = writer.episode(EpisodeInfo(instruction="do it", source="teleop"))
    for step in [0, 1, 2, 3, 34, 35, *range(36, 60)]:
        if step == 34:
            episode.pause()
        state = np.full(34, 0.001 * step)
        episode.append(Step(step * 33_333_333, state, state, {}, {"state": 0.0}))
    print("written", flush=True)
    threading.Event().wait()
"""


def test_a_pause_survives_kill_9_and_is_no_gap(maker, path):
    maker.dataset(path, (4,))
    program = subprocess.Popen([sys.executable, "-c", PAUSED, str(path)], stdout=subprocess.PIPE, text=True)
    assert program.stdout.readline() == "written\n"
    program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdout.close()
    [kept] = recover(path)
    assert kept.steps > 10, "at most a quarter of a second is lost"
    assert open_dataset(path).episodes[1].info.extra["pauses_ns"] == [[3 * 33_333_333, 34 * 33_333_333]]
    assert verify(path) == []


def test_a_pause_before_a_step_that_is_lost_is_left_out(maker, path):
    maker.dataset(path, (4,))
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info(1))
        for step in range(20):
            if step in (5, 15):
                episode.pause()
            episode.append(maker.step(1, step))
    steps_file = path / "episode_000001.partial" / STEPS_FILE
    steps_file.write_bytes(steps_file.read_bytes()[: steps_file.stat().st_size * 10 // 20])
    recover(path)
    [(before_ns, after_ns)] = open_dataset(path).episodes[1].info.extra["pauses_ns"]
    assert (before_ns, after_ns) == (maker.step(1, 4).stamp_ns, maker.step(1, 5).stamp_ns)
