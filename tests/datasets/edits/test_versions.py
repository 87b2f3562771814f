"""An edit that is killed leaves the old dataset or the new one; the last one can be taken back."""

import errno
import random
import shutil
import signal
import subprocess
import sys
from functools import partial
from itertools import count

import numpy as np
import pytest
from killing import killed_at

from hlm.core.errors import ExistsError, InputError, StorageError
from hlm.datasets.convert.convert import detect
from hlm.datasets.edits import operations, versions
from hlm.datasets.edits.edit import Share, edit, merge, split
from hlm.datasets.edits.versions import before, undo
from hlm.datasets.migrate import migrate
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.store import swap
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter

# As in the fixtures.
CAMERAS = {"head": (16, 24), "left_wrist": (8, 8)}
STEPS = {"open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "ctypes.dlsym"}


def append(path):
    """Record one more episode, with the first look at the dataset."""
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras=CAMERAS)
    with DatasetWriter.open(path, spec) as writer, writer.episode(EpisodeInfo(instruction="", source="teleop")) as one:
        one.append(Step(0, np.zeros(34), np.zeros(34), {}, {}))
        one.commit()


def killed_everywhere(demos, action, check, stride):
    """Kill `action` at every n-th step, each time on a fresh copy, and `check` what is left; how many were killed."""
    original = demos.with_name("original")
    demos.rename(original)
    kills = 0
    while True:
        for entry in demos.parent.iterdir():
            if entry != original:
                shutil.rmtree(entry)
        shutil.copytree(original, demos)
        if not killed_at(stride * kills, action, STEPS):
            check()
            return kills
        check()
        kills += 1


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("stride", [17, pytest.param(1, marks=pytest.mark.slow)])
def test_a_killed_edit_is_done_or_not(demos, operation, snapshot, stride):
    old = snapshot(demos)
    edit(demos, operation)
    new = snapshot(demos)
    undo(demos)
    shutil.rmtree(before(demos))
    assert snapshot(demos) == old
    seen = []

    def check():
        found = snapshot(demos)
        assert found in (old, new)
        seen.append(found == new)
        # Whatever was left, the next edit works, and what it changes can be taken back.
        edit(demos, partial(operations.relabel, selection=["0"], instruction=f"after {len(seen)}", outcome=None))
        undo(demos)
        assert snapshot(demos) == found
        left = {entry.name for entry in demos.parent.iterdir()}
        assert left == {demos.name, before(demos).name, "original"}

    kills = killed_everywhere(demos, lambda: edit(demos, operation), check, stride)
    assert kills >= 4
    assert seen == sorted(seen)
    assert {seen[0], seen[-1]} == {False, True}


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("finder", [open_dataset, append, migrate, verify, detect])
def test_an_edit_that_is_killed_while_it_renames_is_found(maker, demos, snapshot, monkeypatch, finder):
    """On a file system that cannot exchange folders, whoever looks for the dataset first completes the edit."""
    monkeypatch.setattr(swap, "_exchange", lambda first, second: errno.EINVAL)
    operation = partial(operations.delete, selection=["1"])
    numbers, missing = [], 0
    for step in count():
        shutil.copytree(demos, demos.with_name("original"))
        if not killed_at(step, lambda: edit(demos, operation), ("os.rename",)):
            break
        missing += not demos.exists()
        finder(demos)
        with DatasetWriter.open(demos, maker.spec):
            numbers.append([episode.number for episode in open_dataset(demos)])
        edit(demos, partial(operations.relabel, selection=["0"], instruction="after", outcome=None))
        left = {entry.name for entry in demos.parent.iterdir()}
        assert left == {demos.name, before(demos).name, "original"}
        for folder in (demos, before(demos)):
            shutil.rmtree(folder)
        demos.with_name("original").rename(demos)
    assert missing == 1
    extra = [3] if finder is append else []
    assert numbers[0] == [0, 1, 2, *extra]
    assert numbers[-1] == [0, 2, *extra]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_killed_undo_is_done_or_not(demos, snapshot):
    old = snapshot(demos)
    operation = partial(operations.delete, selection=["1"])
    edit(demos, operation)
    new = snapshot(demos)
    undo(demos)
    shutil.rmtree(before(demos))

    def both():
        edit(demos, operation)
        undo(demos)

    def check():
        found = snapshot(demos)
        assert found in (old, new)
        if before(demos).exists():
            other = new if found == old else old
            assert snapshot(before(demos)) == other
            undo(demos)
            assert snapshot(demos) == other

    assert killed_everywhere(demos, both, check, 11) > 5


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_killed_copies_are_there_or_not(demos, tmp_path, snapshot):
    parts = [tmp_path / "a.zarr", tmp_path / "b.zarr"]
    share = Share(selection=("1",))
    split(demos, parts, share)
    merge(parts, tmp_path / "c.zarr")
    names = {name: snapshot(tmp_path / name) for name in ("a.zarr", "b.zarr", "c.zarr")}
    old = snapshot(demos)

    def both():
        split(demos, parts, share)
        merge(parts, tmp_path / "c.zarr")

    def check():
        assert snapshot(demos) == old
        for name, content in names.items():
            assert not (tmp_path / name).exists() or snapshot(tmp_path / name) == content
        for name in ("a.zarr", "b.zarr"):
            shutil.rmtree(tmp_path / name, ignore_errors=True)
        split(demos, parts, share)
        assert not list(tmp_path.glob(".[ab].zarr*"))

    assert killed_everywhere(demos, both, check, 61) > 5


@pytest.mark.parametrize("seed", range(3))
def test_kill_at_a_random_instant(demos, snapshot, seed):
    old = snapshot(demos)
    edit(demos, partial(operations.trim, selection=[], idle=operations.Idle(still=0.01, leave_s=0.1)))
    new = snapshot(demos)
    child = subprocess.Popen([sys.executable, "-c", TOGGLE, str(demos)], stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(timeout=random.Random(seed).uniform(0.0, 0.5))
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    found = snapshot(demos)
    assert found in (old, new)
    assert verify(demos) == verify(demos)
    assert snapshot(before(demos)) == (old if found == new else new)


TOGGLE = """
import sys
from hlm.datasets.edits.versions import undo
print("ready", flush=True)
while True:
    undo(sys.argv[1])
"""


def test_undo_and_redo(demos, operation, snapshot):
    old = snapshot(demos)
    did = edit(demos, operation).did
    new = snapshot(demos)
    assert undo(demos) == did
    assert snapshot(demos) == old
    assert undo(demos) == f"undo: {did}"
    assert snapshot(demos) == new
    assert sorted(entry.name for entry in demos.iterdir() if entry.name.startswith(".")) == []


def test_only_the_last_edit_can_be_taken_back(demos):
    edit(demos, partial(operations.delete, selection=["1"]))
    edit(demos, partial(operations.delete, selection=["2"]))
    undo(demos)
    assert [episode.number for episode in open_dataset(demos)] == [0, 2]


def test_nothing_to_undo(demos):
    with pytest.raises(InputError, match=r"nothing to undo: there is no .*\.before"):
        undo(demos)


def test_what_was_recorded_since_is_not_undone(maker, demos, snapshot):
    edit(demos, partial(operations.delete, selection=["1"]))
    with (
        DatasetWriter.open(demos, maker.spec) as writer,
        writer.episode(EpisodeInfo(instruction="", source="teleop")) as one,
    ):
        one.append(maker.step(3, 0))
        one.commit()
    now = snapshot(demos)
    with pytest.raises(InputError, match=r"was changed after the last edit \(delete 1 of 3 episodes: 1\)"):
        undo(demos)
    assert snapshot(demos) == now


def test_a_stranger_in_the_way_is_not_thrown_away(demos, snapshot):
    stranger = before(demos)
    shutil.copytree(demos, stranger)
    everything = snapshot(demos.parent)
    with pytest.raises(ExistsError, match=r"\.before is in the way"):
        edit(demos, partial(operations.delete, selection=["1"]))
    assert snapshot(demos.parent) == everything


def test_a_failing_edit_leaves_nothing_behind(demos, operation, snapshot, monkeypatch):
    old = snapshot(demos)

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(versions, "swap", refuse)
    with pytest.raises(StorageError, match=r"could not edit .*: no space left on device"):
        edit(demos, operation)
    assert snapshot(demos) == old
    assert [entry.name for entry in demos.parent.iterdir()] == [demos.name]


def test_a_link_to_a_dataset_stays_one(demos, tmp_path):
    link = tmp_path / "link.zarr"
    link.symlink_to(demos.name)
    edit(link, partial(operations.delete, selection=["1"]))
    assert link.is_symlink()
    assert [episode.number for episode in open_dataset(demos)] == [0, 2]
    undo(link)
    assert len(open_dataset(link)) == 3


def test_without_links_files_are_copied(demos, monkeypatch, snapshot):
    old = snapshot(demos)

    def refuse(*_, **__):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    edit(demos, partial(operations.delete, selection=["1"]))
    assert {name: data for name, data in old.items() if "episode_000001" not in name} == snapshot(demos)
    assert versions.size_of_its_own(demos) == sum(
        file.stat().st_size for file in before(demos).rglob("*") if file.is_file()
    )


def test_the_space_of_deleted_episodes_is_told(demos):
    gone = sum(file.stat().st_size for file in (demos / "episode_000001").rglob("*") if file.is_file())
    edit(demos, partial(operations.delete, selection=["1"]))
    extra = versions.size_of_its_own(demos) - gone
    assert 0 < extra < 3000  # the old description of the dataset
