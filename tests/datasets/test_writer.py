"""What a writer refuses, and what happens when the system refuses."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hlm.core.errors import ExistsError, InputError, MismatchError, StorageError, UnknownNameError
from hlm.datasets.reader import open_dataset
from hlm.datasets.recover import recover
from hlm.datasets.store.journal import STEPS_FILE
from hlm.datasets.store.lock import FolderLock, LockedError
from hlm.datasets.store.version import SCHEMA_VERSION
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rate_hz": 25.0}, "has rate_hz 30, asked for 25"),
        ({"embodiment": "h1"}, "has embodiment 'unitree_g1', asked for 'h1'"),
        ({"cameras": {"head": (16, 24)}}, "has cameras head 16x24, left_wrist 8x8, asked for head 16x24"),
        ({"cameras": {"head": (32, 24), "left_wrist": (8, 8)}}, "asked for head 32x24, left_wrist 8x8"),
    ],
)
def test_another_kind_of_dataset_is_refused(maker, path, changes, text):
    maker.dataset(path, (1,))
    with pytest.raises(MismatchError, match=text):
        DatasetWriter.open(path, replace(maker.spec, **changes))
    with DatasetWriter.open(path, maker.spec):
        pass  # the refusal did not keep the lock


def test_the_order_of_cameras_does_not_matter(maker, path):
    maker.dataset(path, (1,))
    turned = dict(reversed(maker.spec.cameras.items()))
    with DatasetWriter.open(path, replace(maker.spec, cameras=turned)) as writer:
        assert writer.spec == maker.spec


def test_a_folder_with_something_else_is_refused(maker, path):
    path.mkdir()
    (path / "thesis.tex").write_text("x")
    with pytest.raises(ExistsError, match=r"holds thesis\.tex"):
        DatasetWriter.open(path, maker.spec)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"images": {}}, MismatchError, "step 1 has cameras none, the episode's first step has head 16x24"),
        ({"age_s": {"state": 0.0}}, MismatchError, "step 1 has inputs state, the episode's first step has head, state"),
        ({"privileged": {}}, MismatchError, "step 1 has privileged none"),
        ({"stamp_ns": 0}, InputError, "step 1 has stamp 0 ns, not after 0 ns"),
    ],
)
def test_steps_must_be_alike(maker, path, changes, error, text):
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info())
        episode.append(maker.step(0, 0))
        with pytest.raises(error, match=text):
            episode.append(maker.step(0, 1, **changes))
        episode.append(maker.step(0, 1))
        episode.commit()
    assert len(open_dataset(path).episodes[0]) == 2
    assert verify(path) == []


def test_a_camera_that_the_dataset_lacks_is_refused(maker, path):
    with DatasetWriter.open(path, maker.spec) as writer:
        step = maker.step(0, 0, images={"chest": maker.image("head", 0)})
        with pytest.raises(MismatchError, match="camera 'chest' gives 16x24 images; the dataset has: head 16x24, left"):
            writer.episode(maker.info()).append(step)


def test_discard_leaves_nothing(maker, path):
    maker.dataset(path, (3,))
    before = snapshot(path)
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info())
        episode.append(maker.step(1, 0))
        episode.discard()
        with pytest.raises(InputError, match="episode 1 has ended"):
            episode.append(maker.step(1, 1))
        empty = writer.episode(maker.info())
        with pytest.raises(InputError, match="has no steps to commit"):
            empty.commit()
        empty.discard()
    assert snapshot(path) == before


def test_an_exception_leaves_a_recoverable_episode(maker, path):
    def record() -> None:
        with DatasetWriter.open(path, maker.spec) as writer, writer.episode(maker.info()) as episode:
            for step in range(9):
                episode.append(maker.step(0, step))
            raise KeyError

    with pytest.raises(KeyError):
        record()
    assert [item.steps for item in recover(path)] == [9]


def test_a_second_writer_is_told_the_first_ones_process(maker, path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "locked\n"
        for attempt in (lambda: DatasetWriter.open(path, maker.spec), lambda: recover(path)):
            with pytest.raises(LockedError, match=f"is being written by process {holder.pid}"):
                attempt()
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
        holder.stdin.close()
    with DatasetWriter.open(path, maker.spec):
        assert (path / ".lock").read_text() == f"process {os.getpid()} on {socket.gethostname()}\n"
    assert not (path / ".lock").exists()


def test_two_writers_of_one_process_exclude_each_other(path):
    path.mkdir()
    with FolderLock(path), pytest.raises(LockedError, match=str(os.getpid())):
        FolderLock(path).acquire()


def test_a_full_disk_is_reported_and_harms_nothing(maker, path):
    maker.dataset(path, (3,))
    before = snapshot(path)
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    assert "could not write to" in done.stdout
    assert "file too large" in done.stdout
    assert "hlm data recover" in done.stdout
    [kept] = recover(path)
    assert kept.steps > 10
    assert {name: data for name, data in snapshot(path).items() if "episode_000001" not in name} == before
    assert verify(path) == []


def test_a_disk_that_is_really_full(maker, small_disk):
    path = small_disk / "demo.zarr"
    maker.dataset(path, (3,))
    before = snapshot(path)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(300_000))
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info(1))
        with pytest.raises(StorageError, match=r"could not write to .*: no space left on device\. Free some space"):
            for step in range(10_000):
                episode.append(maker.step(1, step))
        with pytest.raises(StorageError, match="no space left on device"):
            episode.commit()
    [lost] = recover(path)
    assert lost.episode is None
    assert "could not recover" in lost.text
    assert "no space left on device" in lost.text
    filler.unlink()
    [kept] = recover(path)
    assert kept.steps > 10
    assert {name: data for name, data in snapshot(path).items() if "episode_000001" not in name} == before
    assert verify(path) == []


def test_a_folder_that_becomes_read_only_costs_nothing(maker, path, unwritable):
    maker.dataset(path, (3,))
    before = snapshot(path)
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info(1))
        for step in range(9):
            episode.append(maker.step(1, step))
        with unwritable(episode.path, path):
            with pytest.raises(StorageError, match=r"could not finish .*not permitted|denied"):
                episode.commit()
            with pytest.raises(StorageError, match="could not start an episode in"):
                writer.episode(maker.info(2))
    assert [kept.steps for kept in recover(path)] == [9]
    assert {name: data for name, data in snapshot(path).items() if "episode_000001" not in name} == before
    assert verify(path) == []


def test_a_folder_deleted_under_the_writer_is_reported(maker, path):
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info())
        episode.append(maker.step(0, 0))
        until_s = time.monotonic() + 60.0
        while not list(path.glob(f"*/{STEPS_FILE}")) and time.monotonic() < until_s:
            time.sleep(0.01)  # noqa: TID251 - the writer's thread makes the files, and would refill a folder half deleted
        shutil.rmtree(path)
        with pytest.raises(StorageError, match=r"was deleted while it was being written|deleted meanwhile"):
            episode.commit()
        with pytest.raises(StorageError, match=r"could not start an episode in .*deleted meanwhile"):
            writer.episode(maker.info())


def test_an_episode_without_steps_leaves_nothing(maker, path):
    with DatasetWriter.open(path, maker.spec) as writer:
        writer.episode(maker.info())
    assert [entry.name for entry in path.iterdir()] == ["zarr.json"]
    with DatasetWriter.open(path, maker.spec) as writer:
        writer.episode(maker.info())
        shutil.rmtree(path)


def test_a_newer_schema_is_not_written_to(maker, path):
    maker.dataset(path, (1,))
    description = path / "zarr.json"
    text = description.read_text()
    newer = SCHEMA_VERSION + 1
    description.write_text(text.replace(f'"schema_version": {SCHEMA_VERSION}', f'"schema_version": {newer}'))
    with pytest.raises(MismatchError, match=f"has schema {newer}, this hlm reads up to {SCHEMA_VERSION}"):
        DatasetWriter.open(path, maker.spec)


def test_a_place_that_cannot_be_written_is_reported(maker, path):
    with pytest.raises(StorageError, match=r"could not create /sys/demo\.zarr"):
        DatasetWriter.open("/sys/demo.zarr", maker.spec)
    path.write_text("a file")
    with pytest.raises(StorageError, match=r"could not create .* file exists"):
        DatasetWriter.open(path, maker.spec)


def test_an_error_of_the_thread_stays_what_it_is(maker, path, monkeypatch):
    """Each time it is raised it is the same one, with its arguments, and its traceback does not grow."""

    def broken(_format, _image):
        raise UnknownNameError("codec", "jpg", ["jpeg"])

    monkeypatch.setattr("hlm.datasets.store.images.ImageFormat.encode", broken)
    raised = []
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info())
        for step in range(1000):
            try:
                episode.append(maker.step(0, step))
            except UnknownNameError as error:
                raised.append((error, len(traceback.extract_tb(error.__traceback__))))
    assert len(raised) > 900
    assert len(set(raised)) == 1
    assert str(raised[0][0]) == "no codec 'jpg'. Known: jpeg. Did you mean 'jpeg'?"


def test_a_slow_disk_does_not_hold_up_the_caller(maker, path, monkeypatch):
    """Waiting for the disk to keep what was written is not the business of the thread that encodes."""
    syncing, go_on = threading.Event(), threading.Event()

    def slow(_descriptor):
        syncing.set()
        assert go_on.wait(60.0)

    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info())
        monkeypatch.setattr("hlm.datasets.store.spool.os.fdatasync", slow)
        episode.append(maker.step(0, 0))
        assert syncing.wait(60.0)
        for step in range(1, 100):  # many more than the queue takes
            episode.append(maker.step(0, step))
        go_on.set()
        episode.commit()
    assert len(open_dataset(path).episodes[0]) == 100


def test_a_image_that_nobody_can_change_is_not_copied(maker):
    own = maker.image("head", 0)
    assert not np.shares_memory(maker.step(0, 0, images={"head": own}).images["head"], own)
    own.flags.writeable = False
    step = maker.step(0, 0, images={"head": own})
    assert step.images["head"] is own
    view = own[:8]
    assert not np.shares_memory(maker.step(0, 0, images={"head": view}).images["head"], own)


def test_an_encoder_that_breaks_is_reported_and_blocks_nobody(maker, path, monkeypatch):
    def broken(_format, _image):
        raise RuntimeError("encoder broke")

    monkeypatch.setattr("hlm.datasets.store.images.ImageFormat.encode", broken)
    with DatasetWriter.open(path, maker.spec) as writer:
        episode = writer.episode(maker.info())
        with pytest.raises(RuntimeError, match="encoder broke"):
            for step in range(1000):
                episode.append(maker.step(0, step))
        with pytest.raises(RuntimeError, match="encoder broke"):
            episode.commit()


HOLD = """
import sys
from hlm.datasets.schema import DatasetSpec
from hlm.datasets.writer import DatasetWriter
spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (16, 24), "left_wrist": (8, 8)})
with DatasetWriter.open(sys.argv[1], spec):
    print("locked", flush=True)
    sys.stdin.read()
"""

FULL = """
import resource, sys
import numpy as np
from hlm.core.errors import HlmError
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter
spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (16, 24), "left_wrist": (8, 8)})
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
images = {"head": np.zeros((16, 24, 3), np.uint8), "left_wrist": np.zeros((8, 8, 3), np.uint8)}
with DatasetWriter.open(sys.argv[1], spec) as writer:
    episode = writer.episode(EpisodeInfo(instruction="x", source="teleop"))
    try:
        for step in range(10_000):
            episode.append(Step(step * 33_333_333, np.zeros(34), np.zeros(34), images, {"head": 0.0}))
    except HlmError as error:
        print(error)
"""
