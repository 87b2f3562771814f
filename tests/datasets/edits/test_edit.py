"""Edits do what they say, touch nothing else, and leave a dataset that verifies."""

import os
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import zarr

from hlm.core.errors import (
    CorruptError,
    ExistsError,
    InputError,
    MismatchError,
    MissingFileError,
    StorageError,
    UnknownNameError,
)
from hlm.datasets.edits import operations
from hlm.datasets.edits.edit import Share, edit, merge, split
from hlm.datasets.edits.versions import before
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec
from hlm.datasets.store.lock import LockedError
from hlm.datasets.store.naming import numbered_episodes
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter


def numbers(path):
    return [episode.number for episode in open_dataset(path)]


def origin(episode):
    """Which episode this was when it was recorded: its privileged quantities say so."""
    return int(episode.privileged_quantity("goal_in_hand_m")[0, 0]) // 1000


def texts(path):
    return sorted(problem.text for problem in verify(path))


def test_laws_of_every_edit(demos, operation, snapshot):
    """Nothing new is wrong, the version before is what it was, a dry run says the same and does nothing."""
    old, found = snapshot(demos), texts(demos)
    planned = edit(demos, operation, dry_run=True)
    assert snapshot(demos) == old
    assert [entry.name for entry in demos.parent.iterdir()] == [demos.name]
    done = edit(demos, operation)
    assert (done.did, done.details) == (planned.did, planned.details)
    assert snapshot(demos) != old
    assert snapshot(before(demos)) == old
    assert set(texts(demos)) <= set(found)
    assert (demos / "notes.txt").read_text() == "the second one is funny"
    assert sorted(entry.name for entry in demos.parent.iterdir()) == [demos.name, f"{demos.name}.before"]
    for left in demos.rglob(".*"):
        pytest.fail(f"{left} was left behind")
    assert numbered_episodes(demos, partial=True) == []
    with DatasetWriter.open(demos, open_dataset(demos).spec):
        pass


def test_a_live_writer_is_waited_for(maker, demos, operation, snapshot):
    old = snapshot(demos)
    with DatasetWriter.open(demos, maker.spec), pytest.raises(LockedError, match=f"by process {os.getpid()}"):
        edit(demos, operation)
    assert snapshot(demos) == old


def test_unfinished_episodes_come_first(maker, demos, operation):
    with DatasetWriter.open(demos, maker.spec) as writer, writer.episode(maker.info()) as episode:
        episode.append(maker.step(3, 0))
    with pytest.raises(InputError, match="has 1 unfinished episode; run `hlm data recover"):
        edit(demos, operation)


def test_what_is_no_dataset_is_refused(tmp_path, maker, path, operation):
    with pytest.raises(MissingFileError, match="there is nothing"):
        edit(tmp_path / "no such.zarr", operation)
    with DatasetWriter.open(path, maker.spec):
        pass
    with pytest.raises(InputError, match=r"has no episodes\. Record some first"):
        edit(path, operation)


def test_delete_and_keep(demos):
    edit(demos, partial(operations.delete, selection=["1"]))
    assert numbers(demos) == [0, 2]
    assert [origin(episode) for episode in open_dataset(demos)] == [0, 2]
    edit(demos, partial(operations.keep, selection=["2"]))
    assert numbers(demos) == [2]
    with pytest.raises(InputError, match="would leave no episode"):
        edit(demos, partial(operations.delete, selection=["all"]))
    assert edit(demos, partial(operations.keep, selection=["2"])) is None


def test_deleting_takes_an_episode_that_cannot_be_read(demos):
    (demos / "episode_000001" / "zarr.json").write_text("{")
    for operation in (partial(operations.reorder, by="seed"), partial(operations.rename_camera, old="head", new="top")):
        with pytest.raises(CorruptError, match=r"episode 1 of .* cannot be read: .* `hlm data delete .* 1` removes it"):
            edit(demos, operation)
    with pytest.raises(CorruptError, match=r"episode 1 of .* cannot be read"):
        edit(demos, partial(operations.delete, selection=["outcome=success"]))
    version = edit(demos, partial(operations.delete, selection=["1"]))
    assert version.details == ("episode 1: cannot be read",)
    assert numbers(demos) == [0, 2]


def test_trim_keeps_steps_and_jpeg_files_as_they_were(demos):
    old = open_dataset(demos).episodes[0]
    jpegs = {}
    for camera in old.cameras:
        with old.frames(camera) as frames:
            jpegs[camera] = [frames.file(step) for step in range(len(frames))]
    arrays = {name: getattr(old, name) for name in ("stamp_ns", "state", "action")}
    arrays |= {name: old.privileged_quantity(name) for name in old.privileged} | {
        f"age {name}": old.age_s(name) for name in old.inputs
    }
    version = edit(demos, partial(operations.trim, selection=["0"], idle=operations.Idle(still=0.01, leave_s=0.1)))
    assert version.details == ("episode 0: 0.10 s at the start, 0.13 s at the end, 13 of 20 steps remain",)
    new = open_dataset(demos).episodes[0]
    steps = slice(3, 16)
    assert len(new) == 13
    for name, array in arrays.items():
        if name in new.privileged:
            kept = new.privileged_quantity(name)
        else:
            kept = new.age_s(name[4:]) if name[:4] == "age " else getattr(new, name)
        assert np.array_equal(kept, array[steps])
    for camera, files in jpegs.items():
        with new.frames(camera) as frames:
            assert [frames.file(step) for step in range(len(frames))] == files[steps]
    assert new.info.extra["trimmed"] == {"steps_before": 3, "steps_after": 4}
    assert new.attributes["start_utc"] > old.attributes["start_utc"]


def test_cuts_add_up(demos):
    for leave_s in (0.1, 0.0):
        edit(demos, partial(operations.trim, selection=["0"], idle=operations.Idle(still=0.01, leave_s=leave_s)))
    episode = open_dataset(demos).episodes[0]
    cut = episode.info.extra["trimmed"]
    assert cut["steps_before"] + len(episode) + cut["steps_after"] == 20
    assert episode.stamp_ns[0] == cut["steps_before"] * 10_000_000_000 // 300


def test_trim_refuses_what_it_does_not_know(demos):
    (demos / "episode_000000" / "raw").mkdir()
    with pytest.raises(MismatchError, match="also holds raw, which cannot be cut by steps"):
        edit(demos, partial(operations.trim, selection=["0"], idle=operations.Idle(still=0.01, leave_s=0.1)))
    assert len(open_dataset(demos).episodes[0]) == 20


def test_trim_refuses_damaged_images(demos, snapshot):
    shard = demos / "episode_000000" / "image_head" / "c.0.0.0.0"
    damaged = bytearray(shard.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    shard.write_bytes(damaged)
    old = snapshot(demos.parent)
    with pytest.raises(CorruptError, match="the image is damaged"):
        edit(demos, partial(operations.trim, selection=[], idle=operations.Idle(still=0.01, leave_s=0.1)))
    assert snapshot(demos.parent) == old


def test_trim_says_when_nothing_is_still(demos):
    assert edit(demos, partial(operations.trim, selection=[], idle=operations.Idle(leave_s=60.0))) is None
    with pytest.raises(InputError, match="still must not be negative"):
        operations.Idle(still=-1.0)


def test_relabel(demos):
    version = edit(demos, partial(operations.relabel, selection=["0-1"], instruction="wave", outcome=None))
    assert version.details == ("episode 0: 'do 0' -> 'wave'", "episode 1: 'do 0' -> 'wave'")
    infos = [episode.info for episode in open_dataset(demos)]
    assert [info.instruction for info in infos] == ["wave", "wave", "do 0"]
    edit(demos, partial(operations.relabel, selection=["instruction=wave"], instruction=None, outcome="failure"))
    assert [episode.info.outcome for episode in open_dataset(demos)] == ["failure", "failure", "success"]
    relabel = partial(operations.relabel, selection=["all"])
    assert edit(demos, partial(relabel, instruction=None, outcome="success")).did == "relabel 2 of 3 episodes"
    with pytest.raises(InputError, match="nothing to change"):
        edit(demos, partial(relabel, instruction=None, outcome=None))
    with pytest.raises(InputError, match="must not be empty"):
        edit(demos, partial(relabel, instruction=" ", outcome=None))
    with pytest.raises(UnknownNameError, match="no outcome 'sucess'"):
        edit(demos, partial(relabel, instruction=None, outcome="sucess"))


def test_relabelling_seals_what_was_edited_outside_hlm(demos):
    group = zarr.open_group(demos, mode="r+")["episode_000001"]
    group.attrs["instruction"] = "edited"
    assert any("differ from their checksum" in text for text in texts(demos))
    relabel = partial(operations.relabel, selection=["1"], instruction="edited", outcome=None)
    assert edit(demos, relabel).details == ("episode 1: sealed anew",)
    assert not any("differ from their checksum" in text for text in texts(demos))
    assert edit(demos, relabel) is None


@pytest.mark.parametrize(
    ("instruction", "candidates", "candidate"),
    [
        ("take the blue cup", ("take the red cup", "take the blue cup"), 1),
        ("grab it", ("grab it", "take the blue cup"), 0),
    ],
)
def test_relabelling_keeps_the_candidates_consistent(maker, instruction, candidates, candidate):
    recorded = maker.info(
        instruction="take the red cup", candidates=("take the red cup", "take the blue cup"), candidate=0, scene=3
    )
    info = recorded.with_instruction(instruction)
    assert info == replace(recorded, instruction=instruction, candidates=candidates, candidate=candidate)
    assert info.instruction == info.candidates[info.candidate]
    unknown = replace(recorded, candidate=None)
    assert unknown.with_instruction(instruction).candidates == ()


def test_rename_camera(maker, demos):
    old = open_dataset(demos).episodes[0]
    edit(demos, partial(operations.rename_camera, old="head", new="top"))
    dataset = open_dataset(demos)
    assert dict(dataset.spec.cameras) == {"top": (16, 24), "left_wrist": (8, 8)}
    assert list(dataset.spec.cameras) == ["top", "left_wrist"]
    new = dataset.episodes[0]
    assert (new.cameras, new.inputs) == (("top", "left_wrist"), ("state", "top"))
    assert np.array_equal(new.images("top"), before_images(demos, "head"))
    assert np.array_equal(new.age_s("top"), np.float32(np.arange(20) * 1e-6))
    assert old.cameras == ("head", "left_wrist")
    for wrong, error, text in [
        ("head", UnknownNameError, "no camera 'head'. Known: left_wrist, top"),
        ("left_wrist", InputError, "already has a camera or input 'state'"),
    ]:
        with pytest.raises(error, match=text):
            edit(demos, partial(operations.rename_camera, old=wrong, new="state"))


def before_images(path, camera):
    return open_dataset(before(path)).episodes[0].images(camera)


@pytest.mark.parametrize("by", operations.ORDERS)
def test_reorder_loses_nothing(demos, by):
    edit(demos, partial(operations.delete, selection=["1"]))
    edit(demos, partial(operations.reorder, by=by, seed=3))
    dataset = open_dataset(demos)
    assert numbers(demos) == [0, 1]
    assert sorted(origin(episode) for episode in dataset) == [0, 2]


def test_reorder_sorts(demos):
    edit(demos, partial(operations.relabel, selection=["0"], instruction="z", outcome=None))
    edit(demos, partial(operations.relabel, selection=["1"], instruction="a", outcome=None))
    edit(demos, partial(operations.reorder, by="instruction"))
    assert [episode.info.instruction for episode in open_dataset(demos)] == ["a", "do 0", "z"]
    assert [origin(episode) for episode in open_dataset(demos)] == [1, 2, 0]
    assert edit(demos, partial(operations.reorder, by="instruction")) is None
    with pytest.raises(UnknownNameError, match="no order 'size'"):
        edit(demos, partial(operations.reorder, by="size"))


def test_merge_after_split_is_the_dataset(demos, tmp_path, snapshot):
    old = snapshot(demos)
    parts = [tmp_path / "a.zarr", tmp_path / "deeper" / "b.zarr"]
    share = Share(selection=("1",))
    planned = split(demos, parts, share, dry_run=True)
    assert not any(part.exists() for part in parts)
    assert [version.did for version in split(demos, parts, share)] == [version.did for version in planned]
    assert [origin(episode) for episode in open_dataset(parts[0])] == [1]
    assert [origin(episode) for episode in open_dataset(parts[1])] == [0, 2]
    whole = tmp_path / "whole.zarr"
    version = merge([parts[1], parts[0]], whole)
    assert version.details == (f"{parts[1]}: episodes 0-1 -> 0-1", f"{parts[0]}: episodes 0 -> 2")
    edit(whole, partial(operations.reorder, by="start"))
    assert snapshot(whole) == {name: data for name, data in old.items() if name != "notes.txt"}
    assert snapshot(demos) == old
    assert texts(whole) == texts(demos)
    for file in whole.rglob("*"):
        assert file.is_dir() or not file.samefile(demos / file.relative_to(whole))


@pytest.mark.parametrize(("fractions", "sizes"), [((0.6, 0.4), [3, 2]), ((0.4, 0.4, 0.2), [2, 2, 1]), ((1.0,), [5])])
def test_split_by_fractions(maker, path, tmp_path, fractions, sizes):
    maker.dataset(path, (1,) * 5)
    parts = [[tmp_path / f"{run}{part}.zarr" for part in range(len(sizes))] for run in range(3)]
    for run, seed in enumerate((0, 0, 1)):
        split(path, parts[run], Share(fractions=fractions, seed=seed))
    origins = [[[origin(episode) for episode in open_dataset(part)] for part in run] for run in parts]
    assert [len(part) for part in origins[0]] == sizes
    assert sorted(number for part in origins[0] for number in part) == list(range(5))
    assert all(part == sorted(part) for part in origins[0])
    assert origins[0] == origins[1]
    assert origins[0] != origins[2] or len(sizes) == 1


@pytest.mark.parametrize(
    ("share", "into", "text"),
    [
        ({"selection": ("0",)}, ["a.zarr"], "2 parts need 2 different paths, got 1"),
        ({"fractions": (0.5, 0.5)}, ["a.zarr", "./a.zarr"], "2 parts need 2 different paths"),
        ({"selection": ("all",)}, ["a.zarr", "b.zarr"], "b.zarr would get none of the 3 episodes"),
        ({"fractions": (0.99, 0.01)}, ["a.zarr", "b.zarr"], "b.zarr would get none of the 3 episodes"),
        ({"fractions": (0.5, 0.6)}, ["a.zarr", "b.zarr"], "must be positive and sum to 1"),
        ({}, ["a.zarr", "b.zarr"], "give either a selection"),
    ],
)
def test_split_refusals(demos, monkeypatch, share, into, text):
    monkeypatch.chdir(demos.parent)
    with pytest.raises(InputError, match=text):
        split(demos, into, Share(**share))
    assert [entry.name for entry in demos.parent.iterdir()] == [demos.name]


def other(path, maker, **changes):
    spec = DatasetSpec(**{"embodiment": "unitree_g1", "rate_hz": 30.0, "cameras": maker.spec.cameras, **changes})
    return type(maker)(spec).dataset(path, (2,))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rate_hz": 50.0}, "has rate_hz 50.0, .* has 30.0"),
        ({"embodiment": "other"}, "has embodiment other, .* has unitree_g1"),
        ({"cameras": {"head": (8, 8)}}, "camera 'head' of .* gives 8x8 images, before it 16x24"),
    ],
)
def test_merge_refuses_other_kinds(maker, demos, tmp_path, changes, text):
    with pytest.raises(MismatchError, match=text):
        merge([demos, other(tmp_path / "other.zarr", maker, **changes)], tmp_path / "all.zarr")
    assert not (tmp_path / "all.zarr").exists()


def test_merge_unites_cameras(maker, demos, tmp_path):
    merge([demos, other(tmp_path / "other.zarr", maker, cameras={"third": (8, 8)})], tmp_path / "all.zarr")
    dataset = open_dataset(tmp_path / "all.zarr")
    assert list(dataset.spec.cameras) == ["head", "left_wrist", "third"]
    assert [episode.cameras for episode in dataset.episodes[2:]] == [("head", "left_wrist"), ("third",)]


def test_merge_refusals(demos, tmp_path):
    with pytest.raises(InputError, match="two or more datasets"):
        merge([demos, demos], tmp_path / "all.zarr")
    copy = split(demos, [tmp_path / "copy.zarr"], Share(fractions=(1.0,)))
    assert len(copy) == 1
    with pytest.raises(ExistsError, match="is already there"):
        merge([demos, tmp_path / "copy.zarr"], demos)


def test_a_full_disk_leaves_nothing(demos, tmp_path, monkeypatch):
    class Usage:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
    with pytest.raises(StorageError, match=r"needs \d+\.\d [kM]B, and .* has 1\.0 kB left"):
        split(demos, [tmp_path / "a.zarr"], Share(fractions=(1.0,)))
    assert [entry.name for entry in tmp_path.iterdir()] == [demos.name]
