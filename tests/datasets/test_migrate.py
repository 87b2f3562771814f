"""An older dataset becomes one of this version, completely or not at all, and with the content that it had."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from hlm.cli.main import main
from hlm.core.errors import CorruptError, MismatchError, StorageError
from hlm.core.files import write_atomic
from hlm.core.serialization import json_bytes, read_json
from hlm.datasets import migrate as module
from hlm.datasets.migrate import migrate
from hlm.datasets.reader import open_dataset
from hlm.datasets.recover import recover
from hlm.datasets.schema_2 import renamed
from hlm.datasets.store.attributes import ATTRIBUTES_CHECKSUM, group_attributes, group_metadata, sealed
from hlm.datasets.store.journal import HEADER_FILE, STEPS_FILE
from hlm.datasets.store.lock import LOCK_FILE, FolderLock, LockedError
from hlm.datasets.store.naming import METADATA, numbered_episodes
from hlm.datasets.store.version import SCHEMA_VERSION
from hlm.datasets.upgrades import UPGRADES, Upgrade
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter


def snapshot(folder):
    """Content of every file; a lock file outlives a process that is killed, and means nothing then."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != LOCK_FILE)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def described_2(attributes):
    """A description in the terms of version 2, where `extra` held what became attributes of their own."""
    attributes = dict(attributes)
    known = {name: attributes.pop(name) for name in ("candidates", "candidate", "scene", "stages", "fault")}
    told = {name: value for name, value in known.items() if value not in (None, "", [])}
    return attributes | {"extra": attributes["extra"] | told}


def downgrade_to_2(path):
    """Make the dataset one of version 2: steps are rows, privileged quantities are labels."""
    for folder in path.glob("episode_*"):
        if (folder / METADATA).is_file():
            attributes = described_2(group_attributes(folder)) | {"schema_version": 2}
            attributes = renamed(attributes, {"steps": "rows", "privileged": "labels"})
            write_atomic(folder / METADATA, group_metadata(attributes))
        for new, earlier in (("privileged", "label"), (STEPS_FILE, "journal.rows")):
            if (folder / new).exists():
                (folder / new).rename(folder / earlier)
        if (folder / HEADER_FILE).is_file():
            header = read_json(folder / HEADER_FILE)
            columns = renamed(header["columns"], {"privileged": "labels"})
            header |= {"info": described_2(header["info"]), "columns": columns, "schema_version": 2}
            write_atomic(folder / HEADER_FILE, json_bytes(sealed(header)))
    write_atomic(path / METADATA, group_metadata(group_attributes(path) | {"schema_version": 2}))


def downgrade(path):
    """Make the dataset one of version 1: like version 2, but attributes have no checksum."""
    downgrade_to_2(path)
    for file in path.rglob(METADATA):
        metadata = read_json(file)
        if metadata["node_type"] == "group":
            metadata["attributes"].pop(ATTRIBUTES_CHECKSUM)
            if "schema_version" in metadata["attributes"]:
                metadata["attributes"]["schema_version"] = 1
            file.write_bytes(json_bytes(metadata))
    for file in path.glob(f"*/{HEADER_FILE}"):
        header = read_json(file)
        del header[ATTRIBUTES_CHECKSUM]
        file.write_bytes(json_bytes(header | {"schema_version": 1}))


@pytest.fixture
def told(maker):
    """What simulated episodes say of themselves."""
    words = {"candidates": ("do this", "do 2"), "candidate": 1, "scene": 5, "stages": ("reach", "grasp")}
    return maker.info(2, **words, extra={"trimmed": {"steps_before": 2, "steps_after": 1}, "table": "oak"})


@pytest.fixture
def recorded(maker, path, told):
    """Two episodes without candidates, one with them, and one that nobody ended."""
    maker.dataset(path, (5, 7))
    with DatasetWriter.open(path, maker.spec) as writer:
        for number, ended in ((2, True), (3, False)):
            episode = writer.episode(told)
            for step in range(4 + number):
                episode.append(maker.step(number, step))
            if ended:
                episode.commit(outcome="success", stage=2)
    return path


@pytest.fixture
def old(recorded):
    """The same in version 1."""
    downgrade(recorded)
    return recorded


@pytest.fixture
def second(recorded):
    """The same in version 2."""
    downgrade_to_2(recorded)
    return recorded


def test_an_older_schema_is_refused_with_the_command_that_helps(maker, old):
    text = f"has schema 1, this hlm reads {SCHEMA_VERSION}. Upgrade it: `hlm data migrate {old}`"
    for attempt in (
        lambda: open_dataset(old),
        lambda: DatasetWriter.open(old, maker.spec),
        lambda: recover(old),
        lambda: verify(old),
    ):
        with pytest.raises(MismatchError, match=text):
            attempt()


@pytest.mark.parametrize(("version", "make_older"), [(1, downgrade), (2, downgrade_to_2)])
def test_older_versions_are_brought_up(maker, recorded, told, version, make_older):
    make_older(recorded)
    inodes = sorted(file.stat().st_ino for file in recorded.rglob("c.0*"))
    migration = migrate(recorded)
    assert (migration.found, migration.episodes) == (version, 4)
    assert migration.changes == tuple(UPGRADES[number].summary for number in range(version, SCHEMA_VERSION))
    assert sorted(file.stat().st_ino for file in recorded.rglob("c.0*")) == inodes  # nothing was copied
    assert [kept.steps for kept in recover(recorded)] == [7]
    assert verify(recorded) == []
    dataset = open_dataset(recorded)
    assert [len(episode) for episode in dataset] == [5, 7, 6, 7]
    assert dataset.spec == maker.spec
    assert dataset.episodes[2].info == replace(told, outcome="success", stage=2)
    assert dataset.episodes[3].info == told
    for episode in dataset:
        values = 1000 * episode.number + np.arange(len(episode))
        assert np.array_equal(episode.state[:, 0], (values * 1e-6).astype(np.float32))
        assert np.array_equal(episode.privileged_quantity("goal_in_hand_m")[:, 0], values)
        assert episode.attributes["schema_version"] == SCHEMA_VERSION
    assert sorted(entry.name for entry in recorded.parent.iterdir()) == [recorded.name]


@pytest.mark.parametrize("make_older", [downgrade, downgrade_to_2])
def test_migrating_leads_to_what_would_have_been_written(recorded, make_older):
    before = {name: _value(name, data) for name, data in snapshot(recorded).items()}
    make_older(recorded)
    migrate(recorded)
    assert {name: _value(name, data) for name, data in snapshot(recorded).items()} == before


def _value(name, data):
    return json.loads(data) if name.endswith(".json") else data


def test_what_fits_no_attribute_stays_in_extra(maker, path):
    extra = {"candidates": ["something else"], "candidate": 0, "scene": ["shelf", 2], "stages": 3}
    with DatasetWriter.open(path, maker.spec) as writer, writer.episode(maker.info(1, extra=extra)) as episode:
        episode.append(maker.step(0, 0))
        episode.commit()
    downgrade_to_2(path)
    migrate(path)
    assert open_dataset(path).episodes[0].info == maker.info(1, extra=extra)


def test_damage_that_was_found_before_is_found_after(second, told):
    """A migration must not seal what was flipped or edited since it was recorded."""
    for folder in ("episode_000001", ".", "episode_000003.partial"):
        file = second / folder / (METADATA if (second / folder / METADATA).is_file() else HEADER_FILE)
        file.write_bytes(file.read_bytes().replace(b"scripted", b"teleop").replace(b"head", b"heat"))
    migrate(second)
    assert group_attributes(second / "episode_000001")["source"] == "teleop"
    found = {problem.episode: problem.text for problem in verify(second) if "checksum" in problem.text}
    assert found.keys() == {None, 1}
    (lost,) = recover(second)
    assert lost.episode is None and "checksum" in lost.text


def test_attributes_that_make_no_sense_are_an_error(second):
    attributes = group_attributes(second) | {"conversion": {"cut_or_rejected": [3]}}
    write_atomic(second / METADATA, group_metadata(attributes))
    before = snapshot(second)
    with pytest.raises(CorruptError, match="attributes are not as hlm writes them"):
        migrate(second)
    assert snapshot(second) == before


def test_reports_of_conversions_count_steps(second):
    lost = {"name": "a", "episode": 0, "rows": 20, "found": 30, "reason": "gap"}
    attributes = group_attributes(second) | {"conversion": {"source": "demo", "cut_or_rejected": [lost]}}
    write_atomic(second / METADATA, group_metadata(attributes))
    migrate(second)
    kept = group_attributes(second)["conversion"]
    assert kept["dataset"] == "demo"
    assert kept["cut_or_rejected"] == [{"name": "a", "episode": 0, "steps": 20, "found": 30, "reason": "gap"}]


def test_nothing_is_done_to_a_dataset_of_this_version(maker, path):
    before = snapshot(maker.dataset(path))
    assert migrate(path).changes == ()
    assert snapshot(path) == before


def test_a_dry_run_changes_nothing(old):
    before = snapshot(old)
    assert migrate(old, dry_run=True).changes == (UPGRADES[1].summary, UPGRADES[2].summary)
    assert snapshot(old) == before
    assert sorted(entry.name for entry in old.parent.iterdir()) == [old.name]


def test_a_new_version_costs_one_function(maker, old, monkeypatch):
    """Version 4 of a future hlm calls instructions `words`, and this is all that it takes."""

    def rename(folder):
        if (folder / METADATA).is_file():
            attributes = group_attributes(folder)
            attributes["words"] = attributes.pop("instruction")
            write_atomic(folder / METADATA, group_metadata(attributes))

    monkeypatch.setattr(module, "SCHEMA_VERSION", 4)
    monkeypatch.setattr(module, "_check", lambda *_: None)  # which reads instructions
    monkeypatch.setitem(UPGRADES, 3, Upgrade(summary="instructions are called words", episode=rename))
    assert migrate(old).changes[-1] == "instructions are called words"
    for number, folder in numbered_episodes(old, partial=False):
        attributes = group_attributes(folder)
        assert (attributes["schema_version"], attributes["words"]) == (4, f"do {2 * (number // 2)}")
        assert "instruction" not in attributes


def test_an_even_older_version_goes_through_every_step(old, monkeypatch):
    description = read_json(old / METADATA)
    description["attributes"] |= {"schema_version": 0, "hertz": description["attributes"].pop("rate_hz")}
    (old / METADATA).write_bytes(json_bytes(description))
    with pytest.raises(MismatchError, match=f"has schema 0; this hlm migrates from 1 and later to {SCHEMA_VERSION}"):
        migrate(old)

    def name_the_rate(dataset):
        attributes = group_attributes(dataset)
        attributes["rate_hz"] = attributes.pop("hertz")
        write_atomic(dataset / METADATA, group_metadata(attributes))

    monkeypatch.setitem(UPGRADES, 0, Upgrade(summary="the rate says its unit", dataset=name_the_rate))
    assert migrate(old).found == 0
    assert open_dataset(old).spec.rate_hz == 30.0


def test_a_newer_version_is_not_touched(maker, path):
    maker.dataset(path)
    write_atomic(path / METADATA, group_metadata(group_attributes(path) | {"schema_version": 99}))
    with pytest.raises(MismatchError, match=f"{path} has schema 99, this hlm reads up to .* Install a newer hlm"):
        migrate(path)


def test_a_newer_episode_is_not_touched(second):
    set_attributes(second / "episode_000001", schema_version=9)
    before = snapshot(second)
    with pytest.raises(MismatchError, match=f"{second}/episode_000001 has schema 9, .* Install a newer hlm"):
        migrate(second)
    assert snapshot(second) == before


def set_attributes(folder, **changes):
    write_atomic(folder / METADATA, group_metadata(group_attributes(folder) | changes))


def test_an_episode_of_this_version_is_left_alone(recorded, told, tmp_path):
    """An episode, and a partial one, that were moved into an older dataset."""
    for name in ("episode_000002", "episode_000003.partial"):
        shutil.copytree(recorded / name, tmp_path / "moved" / name)
    downgrade_to_2(recorded)
    for name in ("episode_000002", "episode_000003.partial"):
        shutil.rmtree(recorded / name)
        (tmp_path / "moved" / name).rename(recorded / name)
    before = snapshot(recorded / "episode_000002"), snapshot(recorded / "episode_000003.partial")
    assert migrate(recorded).found == 2
    assert (snapshot(recorded / "episode_000002"), snapshot(recorded / "episode_000003.partial")) == before
    assert open_dataset(recorded).episodes[2].info == replace(told, outcome="success", stage=2)


def test_an_older_episode_in_a_dataset_of_this_version_is_upgraded(recorded, tmp_path):
    expected = snapshot(recorded)
    shutil.copytree(recorded, tmp_path / "second")
    downgrade_to_2(tmp_path / "second")
    shutil.rmtree(recorded / "episode_000002")
    (tmp_path / "second" / "episode_000002").rename(recorded / "episode_000002")
    with pytest.raises(MismatchError, match=f"Upgrade it: `hlm data migrate {recorded}`"):
        open_dataset(recorded)
    assert migrate(recorded).found == 2
    assert {name: _value(name, data) for name, data in snapshot(recorded).items()} == {
        name: _value(name, data) for name, data in expected.items()
    }


def test_attributes_and_journal_of_different_versions_are_an_error(second):
    header = read_json(second / "episode_000003.partial" / HEADER_FILE)
    attributes = group_attributes(second / "episode_000001") | {"schema_version": 3}
    write_atomic(second / "episode_000003.partial" / METADATA, group_metadata(attributes))
    assert header["schema_version"] == 2
    with pytest.raises(CorruptError, match=r"its attributes and its journal have schemas \[2, 3\]") as error:
        migrate(second)
    assert_names(error, second / "episode_000003.partial")


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("linked", ["episode_000001", "episode_000002/image_head", "episode_000003.partial"])
def test_nothing_is_written_through_a_link(second, tmp_path, linked, dry_run):
    elsewhere = tmp_path / "elsewhere"
    (second / linked).rename(elsewhere)
    (second / linked).symlink_to(elsewhere)
    before = snapshot(second), snapshot(elsewhere)
    text = f"{second / linked} is a link to {elsewhere}; migrate that dataset, or replace the link by a copy"
    with pytest.raises(MismatchError, match=text):
        migrate(second, dry_run=dry_run)
    assert (snapshot(second), snapshot(elsewhere)) == before


def test_a_link_to_an_episode_of_this_version_stays_one(recorded, tmp_path):
    shutil.copytree(recorded, tmp_path / "third")
    downgrade_to_2(recorded)
    shutil.rmtree(recorded / "episode_000002")
    (recorded / "episode_000002").symlink_to("../third/episode_000002")
    before = snapshot(tmp_path / "third")
    migrate(recorded)
    assert (recorded / "episode_000002").is_symlink()
    assert len(open_dataset(recorded)) == 3
    assert snapshot(tmp_path / "third") == before


def test_names_of_others_that_clash_with_new_ones_move_into_extra(second, told):
    own = {"steps": 3, "privileged": ["mine"], "scene": "kitchen", "fault": 7, "stages": 2, "candidates": {}}
    set_attributes(second / "episode_000000", **own, operator_shift="night")
    set_attributes(second / "episode_000002", steps=3)
    migrate(second)
    first, _, third = open_dataset(second)
    assert (len(first), first.info.extra, first.info.scene) == (5, own, None)
    assert first.privileged == ("goal_in_hand_m", "candidate_in_hand_m")
    assert first.attributes["operator_shift"] == "night"
    assert (len(third), third.info.scene) == (6, 5)
    assert third.info.extra == {**told.extra, "steps": 3}


def test_a_name_that_clashes_twice_is_an_error(second):
    set_attributes(second / "episode_000001", stages=2, extra={"stages": "reach"})
    before = snapshot(second)
    with pytest.raises(CorruptError, match="'stages' is both an attribute and in 'extra'") as error:
        migrate(second)
    assert_names(error, second / "episode_000001")
    assert snapshot(second) == before


def test_renaming_loses_nothing():
    assert renamed({"a": 1, "b": 2}, {"a": "c"}) == {"c": 1, "b": 2}
    with pytest.raises(ValueError, match="both 'a' and 'b', its new name, are there"):
        renamed({"a": 1, "b": 2}, {"a": "b"})


def test_attributes_that_cannot_be_read_are_named(second):
    set_attributes(second / "episode_000001", source="nobody")
    with pytest.raises(CorruptError, match="no source 'nobody'") as error:
        migrate(second)
    assert_names(error, second / "episode_000001")


def test_leftovers_that_cannot_be_deleted_are_named(second, monkeypatch):
    leftovers = second.with_name(f".{second.name}.migrate")
    leftovers.mkdir()

    def refuse(*_args, ignore_errors=False, **_kwargs):
        if not ignore_errors:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(StorageError, match=f"could not delete what .* left behind: {leftovers}: permission denied"):
        migrate(second)


def test_a_step_that_fails_leaves_everything_as_it_was(old, monkeypatch):
    before = snapshot(old)

    def fails(folder):
        (folder / METADATA).unlink()
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(UPGRADES, 1, Upgrade(summary="fails", episode=fails))
    with pytest.raises(StorageError, match=r"could not migrate .*: no space left on device"):
        migrate(old)
    assert snapshot(old) == before
    assert sorted(entry.name for entry in old.parent.iterdir()) == [old.name]


def test_a_step_that_breaks_the_dataset_is_not_accepted(old, monkeypatch):
    before = snapshot(old)
    complete = UPGRADES[1].episode

    def forgets(folder):
        complete(folder)
        if folder.name == "episode_000001":
            (folder / METADATA).unlink()

    monkeypatch.setitem(UPGRADES, 1, Upgrade(summary="forgets", episode=forgets, dataset=UPGRADES[1].dataset))
    with pytest.raises(CorruptError, match="is missing") as error:
        migrate(old)
    assert_names(error, old / "episode_000001")
    assert snapshot(old) == before


def assert_names(error, episode):
    """The error names the episode by the path that the user knows, and says what to do."""
    assert str(error.value).startswith(f"{episode} cannot be migrated: ")
    assert str(error.value).endswith(f" Move {episode} away to migrate the other episodes.")
    assert ".migrate" not in str(error.value)


def test_a_broken_episode_is_named_by_its_own_path(old):
    (old / "episode_000001" / METADATA).write_text("{")
    with pytest.raises(
        CorruptError, match=rf"{old}/episode_000001/zarr\.json is not valid JSON.*Move {old}/episode_000001 aw"
    ):
        migrate(old)


def test_a_writer_keeps_the_migration_out(old):
    with FolderLock(old), pytest.raises(LockedError, match="is being written by process"):
        migrate(old)


def test_of_two_at_once_the_second_does_nothing(old, monkeypatch):
    def other_is_faster(path):
        monkeypatch.undo()
        migrate(path)
        return FolderLock(path)

    monkeypatch.setattr(module, "FolderLock", other_is_faster)
    with pytest.raises(MismatchError, match="was just migrated by another process"):
        migrate(old)
    assert len(open_dataset(old)) == 3


def test_a_link_to_a_dataset_stays_one(old):
    link = old.with_name("link.zarr")
    link.symlink_to(old.name)
    migrate(link)
    assert link.is_symlink()
    assert len(open_dataset(link)) == 3


def test_killed_at_any_moment_it_is_the_old_or_the_new(old):
    """Killed before each of its calls of the system that change a file name or wait for the disk."""
    before = snapshot(old)
    ends = {False: 0, True: 0}
    for calls in range(0, 1000, 35):
        process = subprocess.run([sys.executable, "-c", KILLED, str(old), str(calls)], check=False)
        migrated = snapshot(old) != before
        ends[migrated] += 1
        if migrated:
            assert migrate(old).changes == ()
            assert sorted(entry.name for entry in old.parent.iterdir()) == [old.name]
            break
        assert process.returncode == -signal.SIGKILL
    assert ends[False] > 5
    assert ends[True] == 1
    assert len(recover(old)) == 1
    assert verify(old) == []


def test_command_line(old, capsys):
    assert main(["data", "info", str(old)]) == 2
    assert capsys.readouterr().err.endswith(f"`hlm data migrate {old}`.\n")
    assert main(["data", "migrate", str(old), "--dry-run"]) == 0
    assert capsys.readouterr().out == (
        f"schema 1 to 2: {UPGRADES[1].summary}\nschema 2 to 3: {UPGRADES[2].summary}\n"
        "4 episodes; dry run, nothing was changed\n"
    )
    assert main(["data", "migrate", str(old)]) == 0
    assert f"4 episodes; migrated {old}\n" in capsys.readouterr().out
    assert main(["data", "migrate", str(old)]) == 0
    assert "already has schema 3" in capsys.readouterr().out
    assert json.loads((old / METADATA).read_bytes())["attributes"]["schema_version"] == SCHEMA_VERSION


KILLED = """
import os, signal, sys
from hlm.datasets.migrate import migrate
left = int(sys.argv[2])
def counted(call):
    def wrapped(*args, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return call(*args, **kwargs)
    return wrapped
for name in ("link", "fsync", "rename", "replace", "unlink", "mkdir", "rmdir"):
    setattr(os, name, counted(getattr(os, name)))
migrate(sys.argv[1])
"""
