"""A run goes on with the data that it began with, wherever that is, and with no other."""

import shutil
import threading
from pathlib import Path

import pytest
import torch
import yaml
import zarr

from hlm.cli.main import main
from hlm.core.errors import InputError, MismatchError, MissingFileError
from hlm.core.files import replacing
from hlm.datasets.reader import open_dataset
from hlm.datasets.store.attributes import group_attributes, write_attributes
from hlm.datasets.store.lock import FolderLock, LockedError
from hlm.policies.checkpoint import TRAINING_FILE, read_checkpoint, read_training
from hlm.policies.checkpoint_config import read_config
from hlm.policies.training import opening
from hlm.policies.training.resuming import resuming
from hlm.policies.training.trainer import train


@pytest.fixture
def begun(make_dataset, tiny_config, tmp_path, monkeypatch):
    """A run of one update, in a folder of its own, on a dataset with a relative path; the folder."""
    home = tmp_path / "home"
    home.mkdir()
    make_dataset("home/made.zarr", episodes=4)
    monkeypatch.chdir(home)
    train(tiny_config(datasets=(Path("made.zarr"),), out=Path("run"), steps=2), stop_after=1)
    return home


def negate(dataset):
    """Replace the actions of an episode, with checksums that are right."""
    for episode in open_dataset(dataset).episodes[1:3]:
        array = zarr.open_array(episode.path / "action", mode="r+")
        array[:] = -array[:]


def reword(dataset):
    for episode in open_dataset(dataset).episodes:
        asked = 1 - episode.info.candidate
        told = {"instruction": episode.info.candidates[asked], "candidate": asked}
        write_attributes(episode.path, group_attributes(episode.path) | told)


@pytest.mark.parametrize("change", [negate, reword])
def test_other_data_under_the_same_names_is_refused(change, begun):
    change("made.zarr")
    said = r"datasets of run have changed since the run began: episode_00000. has other instructions, states, actions"
    with pytest.raises(MismatchError, match=said) as raised:
        train(resuming(Path("run")))
    assert "\n" not in str(raised.value)
    assert read_checkpoint("run").step == 1


def test_another_number_of_episodes_is_refused(begun, make_dataset):
    make_dataset("home/made.zarr", episodes=2, scene=50)
    with pytest.raises(MismatchError, match="there were 4 episodes, now there are 6"):
        train(resuming(begun / "run"))


def test_a_run_goes_on_from_another_directory(begun, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(resuming(begun / "run"))
    assert read_checkpoint(begun / "run").step == 2
    # Where the paths are relative to is still known.
    assert read_config(begun / "run").mixture["datasets"][0]["path"] == "made.zarr"
    train(resuming(begun / "run"))


def test_a_project_that_was_moved_goes_on_where_it_is(begun, tmp_path, monkeypatch):
    begun.rename(tmp_path / "new")
    monkeypatch.chdir(tmp_path / "new")
    train(resuming(tmp_path / "new" / "run"))
    assert read_training(tmp_path / "new" / "run")["folder"] == str(tmp_path / "new")


def test_data_that_is_gone_is_named_with_where_it_was_looked_for(begun, tmp_path, monkeypatch):
    shutil.move(begun / "made.zarr", tmp_path / "elsewhere.zarr")
    monkeypatch.chdir(tmp_path)
    said = rf"no dataset at made.zarr, which .*run was started with; it was looked for in {begun} and {tmp_path}\. "
    with pytest.raises(MissingFileError, match=said) as raised:
        train(resuming(begun / "run"))
    assert str(raised.value).endswith("say where it is now: --datasets PATH.")


def test_data_may_be_pointed_to_elsewhere(begun, tmp_path, monkeypatch):
    shutil.move(begun / "made.zarr", tmp_path / "elsewhere.zarr")
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--resume", str(begun / "run"), "--datasets", "elsewhere.zarr"]) == 0
    state = read_training(begun / "run")
    assert state["step"] == 2
    # Its figures go on under the old name, and its place is noted.
    assert "loss/made" in state["history"] and "loss/elsewhere" not in state["history"]
    assert read_config(begun / "run").mixture["datasets"][0]["path"] == "elsewhere.zarr"
    monkeypatch.chdir(begun)
    train(resuming(begun / "run"))


def test_another_dataset_is_no_place_that_data_was_moved_to(begun, make_dataset):
    other = make_dataset("other.zarr", episodes=4, scene=9, rows=20)
    with pytest.raises(MismatchError, match=r"has another length \(24 steps, now 20\), and so have 3 more"):
        train(resuming(begun / "run", datasets=(other,)))
    with pytest.raises(InputError, match=r"was started with 1 datasets, and --datasets names 2; .* order: made\.zarr"):
        train(resuming(begun / "run", datasets=(other, other)))


def test_the_datasets_of_a_mixture_may_be_elsewhere_too(make_dataset, tiny_config, tmp_path):
    first, second = make_dataset("a.zarr", episodes=4), make_dataset("b.zarr", episodes=4, scene=10)
    mixture = tmp_path / "mixture.yaml"
    entries = [{"path": "a.zarr", "weight": 3}, {"path": "b.zarr", "weight": 1, "first": 2}]
    mixture.write_text(yaml.safe_dump({"datasets": entries}))
    path = train(tiny_config(mixture=mixture, steps=3, validation_fraction=0.0), stop_after=1)
    second.rename(tmp_path / "moved.zarr")
    mixture.unlink()
    with pytest.raises(MissingFileError, match=r"at .*b\.zarr, .*--datasets PATH, for each of .*a\.zarr, .*b\."):
        train(resuming(path))
    train(resuming(path, datasets=(first, tmp_path / "moved.zarr")), stop_after=1)
    found = read_config(path).mixture["datasets"]
    assert [(entry["weight"], entry["first"]) for entry in found] == [(3.0, None), (1.0, 2)]
    assert read_checkpoint(train(resuming(path))).step == 3


def test_a_state_without_digests_is_resumed_and_says_so(begun, capsys):
    state = read_training(begun / "run")
    state["episodes"] = [one[:3] for one in state["episodes"]]
    for name in ("folder", "datasets"):
        del state[name]
    with replacing(begun / "run" / TRAINING_FILE) as new:  # The old one is in memory by its file.
        torch.save(state, new)
    (begun / "run" / "SHA256SUMS").unlink()
    train(resuming(begun / "run"), stop_after=0)
    assert "started by an older hlm, which kept no digest of its data" in capsys.readouterr().err
    # From now on it has them.
    reword("made.zarr")
    with pytest.raises(MismatchError, match="have changed since the run began"):
        train(resuming(begun / "run"))


def test_the_digest_is_of_the_data_that_the_run_began_with(begun):
    path = begun / "run"
    before = read_training(path)["episodes"]
    train(resuming(path))
    assert read_training(path)["episodes"] == before


def test_a_state_is_read_by_whoever_holds_the_lock(begun, monkeypatch):
    locked = []

    def read(path):
        with pytest.raises(LockedError):
            FolderLock(path).acquire()
        locked.append(path)
        return read_training(path)

    monkeypatch.setattr(opening, "read_training", read)
    train(resuming(begun / "run"))
    assert locked == [begun / "run"]
    FolderLock(begun / "run").acquire().release()


def test_a_lock_ends_with_a_run_that_could_not_begin(begun):
    reword("made.zarr")
    with pytest.raises(MismatchError):
        train(resuming(begun / "run"))
    FolderLock(begun / "run").acquire().release()


def test_a_folder_that_another_run_filled_meanwhile_is_left_alone(tiny_config, monkeypatch):
    config = tiny_config(steps=1, validation_fraction=0.0)
    acquire, began = FolderLock.acquire, threading.Event()

    def late(lock):
        if not began.is_set():
            began.set()
            train(config)
        return acquire(lock)

    monkeypatch.setattr(FolderLock, "acquire", late)
    with pytest.raises(Exception, match="exists already"):
        train(config)
    assert read_checkpoint(config.out).step == 1
