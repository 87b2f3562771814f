"""What `hlm record` says when the system lets it down: one line, and what was recorded is still there."""

import shutil
import subprocess

import pytest

from hlm.cli.main import main
from hlm.datasets.reader import open_dataset
from hlm.datasets.recover import recover
from hlm.datasets.store.naming import numbered_episodes
from hlm.datasets.verify import verify

SMALL = ("--cameras", "head", "--image-size", "16", "24", "--episodes", "1000", "--out", "a.zarr")


@pytest.fixture
def recording(brief_program):
    """Starts `hlm record` in a folder; as a context manager it ends at the latest with the test."""

    def start(folder):
        command = [*brief_program, "record", *SMALL]
        return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


def wait_for(process, reached):
    """Read its lines until two episodes are finished."""
    lines = (line for line in process.stdout if line.startswith("seed "))
    for _ in range(reached):
        assert next(lines)


def complaint_of(process):
    """The one line with which it ends."""
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 2, complaint
    assert complaint.count("\n") == 1
    assert complaint.startswith("hlm: ")
    return complaint


def test_a_full_disk(recording, small_disk):
    with recording(small_disk) as process:
        complaint = complaint_of(process)
    assert "no space left on device. Free some space" in complaint
    dataset = small_disk / "a.zarr"
    finished = open_dataset(dataset)
    assert len(finished) >= 2
    assert [problem.text for problem in verify(dataset)] in ([], [f"unfinished; run `hlm data recover {dataset}`"])
    shutil.rmtree(finished.episodes[0].path)  # makes room
    recover(dataset)
    for _, folder in numbered_episodes(dataset, partial=True):  # one that had no complete row yet
        shutil.rmtree(folder)
    assert verify(dataset) == []


def test_a_dataset_that_is_deleted_meanwhile(recording, folder):
    with recording(folder) as process:
        wait_for(process, 2)
        (folder / "a.zarr").rename(folder / "gone")
        shutil.rmtree(folder / "gone")
        complaint = complaint_of(process)
    assert "was deleted while it was being written" in complaint or "It was moved or deleted meanwhile" in complaint
    assert not (folder / "a.zarr").exists()


def test_a_dataset_that_becomes_read_only(recording, folder, unwritable, capsys):
    dataset = folder / "a.zarr"
    with recording(folder) as process:
        wait_for(process, 2)
        with unwritable(dataset):
            complaint = complaint_of(process)
            finished = len(open_dataset(dataset))
    assert "could not" in complaint
    assert "not permitted" in complaint or "denied" in complaint
    assert finished >= 2
    partial = numbered_episodes(dataset, partial=True)
    assert main(["data", "recover", str(dataset)]) in (0, 1)
    assert len(open_dataset(dataset)) + len(numbered_episodes(dataset, partial=True)) == finished + len(partial)
