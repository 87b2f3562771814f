"""What LeRobot says twice is equal, put in order, or one clear line; a moment never gets another's picture."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest

from hlm.core.errors import CorruptError, MismatchError
from hlm.datasets.convert.convert import Request, convert
from hlm.datasets.convert.lerobot_timeline import timeline
from hlm.datasets.reader import open_dataset

from .lerobot_sets import DATA, EPISODES, HEAD, TASKS, Copies, grey, moment, plain

FROM, TO = (f"videos/{HEAD}/{name}_timestamp" for name in ("from", "to"))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return plain(tmp_path_factory.mktemp("lerobot") / "plain")


@pytest.fixture
def copies(source, tmp_path):
    return Copies(source, tmp_path)


def imported(path, name="mine.zarr", **changes):
    target = path.with_name(name)
    report = convert(Request(**{"path": path, "target": target, "source": "teleop", **changes}))
    return report, open_dataset(target)


def assert_no_moment_is_mixed(dataset):
    for episode in dataset:
        for step, image in enumerate(episode.images("head")):
            number, row = moment(episode.state[step])
            assert abs(int(image[30, 30, 0]) - grey(number, row)) <= 2
            assert moment(-episode.action[step]) == (number, row)
            assert episode.stamp_ns[step] == round(row * 1e9 / 30)


def renumbered(frame):
    return frame.assign(index=np.arange(len(frame)))


def swapped_tasks(frame):
    return frame.assign(task_index=[1, 0, 2])


PUT_IN_ORDER = {
    "rows": (DATA, lambda it: it.sample(frac=1, random_state=1), r"episodes 0-2: rows were put in order"),
    "descriptions": (EPISODES, lambda it: it.iloc[[2, 0, 1]], ""),
    "tasks": (TASKS, lambda it: it.iloc[[2, 0, 1]], ""),
    "tasks without an index": (TASKS, lambda it: it.reset_index(), ""),
    "tasks by place alone": (TASKS, lambda it: it.drop(columns="task_index").assign(note=""), ""),
    "milliseconds": (DATA, lambda it: it.assign(timestamp=it.timestamp * 1000), "timestamps are milliseconds"),
    "jitter": (DATA, lambda it: it.assign(timestamp=it.timestamp + np.float32(0.004)), ""),
    "no index": (DATA, lambda it: it.drop(columns="index"), ""),
}


@pytest.mark.parametrize("name", PUT_IN_ORDER)
def test_what_only_lies_differently_is_the_same(copies, name):
    file, edit, note = PUT_IN_ORDER[name]
    report, dataset = imported(copies.parquet(file, edit))
    assert any(note in line for line in report.notes) if note else report.notes == ()
    assert [episode.info.instruction for episode in dataset] == ["zero", "one", "two"]
    assert [len(episode) for episode in dataset] == [8, 8, 8]
    assert_no_moment_is_mixed(dataset)


def test_rows_may_lie_in_any_files(copies):
    path = copies.copy()
    rows = pd.read_parquet(path / DATA)
    (path / DATA).unlink()
    (path / "data/chunk-003").mkdir()
    rows[rows.frame_index % 2 == 0].to_parquet(path / "data/chunk-000/file-005.parquet", index=False)
    rows[rows.frame_index % 2 == 1].to_parquet(path / "data/chunk-003/file-000.parquet", index=False)
    _, dataset = imported(path)
    assert [len(episode) for episode in dataset] == [8, 8, 8]
    assert_no_moment_is_mixed(dataset)


def test_removed_frames_keep_their_pictures_and_leave_a_gap(copies):
    path = copies.parquet(DATA, lambda it: renumbered(it[~((it.episode_index == 0) & it.frame_index.between(2, 4))]))
    copies.parquet(EPISODES, lambda it: it.assign(length=[5, 8, 8]), path)
    report, dataset = imported(path)
    assert [len(episode) for episode in dataset] == [5, 8, 8]
    assert any("episode 0: 3 frames removed in 1 place; the stamps keep the gaps" in note for note in report.notes)
    assert_no_moment_is_mixed(dataset)


def test_a_start_that_was_cut_keeps_its_pictures(copies):
    def cut(it):
        it = it[it.frame_index >= 3]
        return renumbered(it.assign(frame_index=it.frame_index - 3))

    path = copies.parquet(DATA, cut)
    copies.parquet(EPISODES, lambda it: it.assign(length=5), path)
    report, dataset = imported(path)
    assert any("timestamps are 0.100 s after frame_index; images are taken at timestamps" in it for it in report.notes)
    for number, episode in enumerate(dataset):
        assert [round(int(image[30, 30, 0]) / 6) for image in episode.images("head")] == [
            grey(number, row) // 6 for row in range(3, 8)
        ]


def test_parts_of_videos_that_are_longer_are_said(copies):
    path = copies.parquet(DATA, lambda it: renumbered(it[it.frame_index < 5]))
    copies.parquet(EPISODES, lambda it: it.assign(length=5), path)
    report, dataset = imported(path)
    assert "episodes 0-2: videos go on for 3 images after the last row" in report.notes
    assert_no_moment_is_mixed(dataset)


def test_parts_of_videos_in_another_order_are_said(copies):
    swapped = [1, 0, 2]
    path = copies.parquet(EPISODES, lambda it: it.assign(**{name: it[name].values[swapped] for name in (FROM, TO)}))
    report, _ = imported(path)
    assert report.notes == ("episodes 0-1: videos hold the episodes in another order; meta/episodes is believed",)


CONTRADICTIONS = {
    "episodes swapped in the rows": (
        DATA,
        lambda it: it.assign(episode_index=it.episode_index.map({0: 1, 1: 0, 2: 2})),
        r"rows of episode 0 of .* have index 8 to 15, which meta/episodes gives to episode 1",
    ),
    "episodes swapped in the descriptions": (
        EPISODES,
        lambda it: it.assign(episode_index=[1, 0, 2]),
        r"rows of episode 0 of .* have index 0 to 7, which meta/episodes gives to episode 1",
    ),
    "a description twice": (EPISODES, lambda it: it.iloc[[0, 1, 1, 2]], r"describes episode 1 twice"),
    "rows removed": (DATA, lambda it: it[it.frame_index > 1], r"has 6 rows in data/.*; its length .* is 8"),
    "a row twice": (DATA, lambda it: pd.concat([it[:2], it[1:7], it[8:]]), r"episode 0 of .* frame_index 1 twice"),
    "drift": (
        DATA,
        lambda it: it.assign(timestamp=it.timestamp * 1.2),
        r"row 7 of episode 0 .* by frame_index it is 0.233 s .* by timestamp 0.280 s",
    ),
    "an offset": (
        DATA,
        lambda it: it.assign(timestamp=it.timestamp + 0.1),
        r"step 5 of observation.images.head .* at 0.267 s .*, outside of the episode's part, 0.000 to 0.267 s",
    ),
    "an offset backwards": (
        DATA,
        lambda it: it.assign(timestamp=it.timestamp - np.float32(0.1) * (it.episode_index == 1)),
        r"step 0 of observation.images.head of episode 1 .* outside of the episode's part, 0.267 to 0.533 s",
    ),
    "an offset of a frame": (
        DATA,
        lambda it: it.assign(timestamp=it.timestamp + 1 / 30),
        r"step 7 of observation.images.head .* at 0.267 s .*, outside of the episode's part, 0.000 to 0.267 s",
    ),
    "half a frame": (
        DATA,
        lambda it: it.assign(frame_index=it.frame_index + 0.5),
        r"frame_index that is no whole number",
    ),
    "no time": (
        DATA,
        lambda it: it.assign(timestamp=np.float32("nan")),
        "column 'timestamp' of the dataset has empty cells",
    ),
    "a shared part": (EPISODES, lambda it: it.assign(**{FROM: 0.0}), r"begins at 0.000 s of .* as episode 1 does"),
    "later parts": (
        EPISODES,
        lambda it: it.assign(**{FROM: it[FROM] + 0.5, TO: it[TO] + 0.5}),
        r"episode 1 of .*: file-000.mp4 has no image at 0.8",
    ),
    "no task": (TASKS, lambda it: it.iloc[:2], r"episode 2 has task_index 2, which .* does not have"),
    "tasks renumbered": (TASKS, swapped_tasks, r"the task of episode 0 is 'one' by its number and 'zero' by its place"),
    "a task number twice": (TASKS, lambda it: it.assign(task_index=[0, 0, 2]), r"gives two tasks the same number"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_contradicts_itself_is_one_line(copies, name):
    file, edit, text = CONTRADICTIONS[name]
    path = copies.parquet(file, edit)
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(CorruptError, match=text) as refusal:
        imported(path)
    assert "\n" not in str(refusal.value)
    assert sorted(path.parent.rglob("*")) == before


def test_what_is_wrong_with_one_episode_does_not_cost_the_others(copies):
    path = copies.parquet(DATA, lambda it: it.assign(timestamp=it.timestamp * np.where(it.episode_index == 1, 1.2, 1)))
    with pytest.raises(CorruptError, match="Leave the episode out with --episodes"):
        imported(path)
    _, dataset = imported(path, episodes=("0", "2"))
    assert_no_moment_is_mixed(dataset)
    assert [episode.info.instruction for episode in dataset] == ["zero", "two"]


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"total_episodes": 1}, "info.json counts 1 episode, the dataset has 3"),
        ({"total_episodes": 4}, "info.json counts 4 episodes, the dataset has 3; the others are left out"),
        ({"total_frames": 7}, "info.json counts 7 frames, the dataset has 24"),
        ({"total_tasks": 2}, "info.json counts 2 tasks, the dataset has 3"),
    ],
)
def test_wrong_counts_are_said_and_cost_nothing(copies, changes, note):
    report, dataset = imported(copies.info(**changes))
    assert report.notes == (note,)
    assert len(dataset) == 3


def test_rows_that_nothing_describes_are_said(copies):
    report, dataset = imported(copies.parquet(EPISODES, lambda it: it.iloc[[0, 2]]))
    assert any("rows of episode 1, which meta/episodes does not describe, are left out" in it for it in report.notes)
    assert [episode.info.instruction for episode in dataset] == ["zero", "two"]
    assert_no_moment_is_mixed(dataset)


def test_tasks_renamed_by_hand_are_the_new_ones(copies):
    def rename(it):
        return it.rename(index={"one": "grasp the red cup"})

    report, dataset = imported(copies.parquet(TASKS, rename))
    assert [episode.info.instruction for episode in dataset] == ["zero", "grasp the red cup", "two"]
    assert report.notes == ("episode 1: relabelled 'grasp the red cup'; meta/episodes still says 'one'",)


def test_snapshots_of_a_hub_and_folders_behind_links_are_read(copies):
    path, blobs = copies.copy(), copies.root / "blobs"
    blobs.mkdir()
    for number, file in enumerate(sorted(it for it in path.rglob("*") if it.is_file())):
        file.rename(blobs / str(number))
        file.symlink_to(os.path.relpath(blobs / str(number), file.parent))
    shutil.move(path / "videos", copies.root / "elsewhere")
    (path / "videos").symlink_to(copies.root / "elsewhere")
    for file in (copies.root / "elsewhere").rglob("*.mp4"):
        target = file.readlink().name
        file.unlink()
        file.symlink_to(blobs / target)
    _, dataset = imported(path)
    assert_no_moment_is_mixed(dataset)


@pytest.mark.parametrize(
    "pattern", ["../{video_key}.mp4", "/etc/{video_key}", "videos/../../{chunk_index}{file_index}"]
)
def test_names_never_lead_out_of_the_folder(copies, pattern):
    with pytest.raises(CorruptError, match="lies outside of it"):
        imported(copies.info(video_path=pattern))


@pytest.mark.parametrize("pattern", ["{video_key.__class__}", "{chunk_index:099999999d}", "{0}", "{other}"])
def test_patterns_are_not_programs(copies, pattern):
    with pytest.raises(CorruptError, match="has places other than video_key, chunk_index, file_index"):
        imported(copies.info(video_path=pattern))


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (
            "v2.1",
            r"Upgrade a copy of it with LeRobot: python -m \S+v21_to_v30 '--repo-id=my set' '--root=.*/my set' --push",
        ),
        ("v2.0", r"hlm reads v3.0. First bring it to v2.1"),
        ("v1.6", r"First bring it to v2.1"),
        ("v3.1", r"v3.1, hlm reads v3.0: it is newer than this hlm"),
        ("v10.0", r"newer than this hlm"),
        (None, r"names no version of LeRobot's format; hlm reads v3.0"),
        ("three", r"unknown version of the format, 'three'"),
        (3, r"unknown version of the format, 3"),
    ],
)
def test_other_versions_get_the_advice_that_helps(copies, version, text):
    path = copies.info(codebase_version=version)
    path = path.rename(path.with_name("my set"))
    with pytest.raises(MismatchError, match=text):
        imported(path)


def test_real_tools_of_lerobot_are_understood(copies, source, tmp_path):
    from lerobot.datasets.dataset_tools import delete_episodes, merge_datasets, modify_tasks, split_dataset
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    def opened(path):
        return LeRobotDataset("x/y", path, video_backend="pyav")

    merge_datasets([opened(source), opened(source)], output_repo_id="x/m", output_dir=tmp_path / "merged")
    delete_episodes(opened(tmp_path / "merged"), [0, 4], tmp_path / "fewer", "x/f")
    parts = split_dataset(opened(source), {"a": [0, 2], "b": [1]}, output_dir=tmp_path / "split")
    changed = copies.copy()
    modify_tasks(opened(changed), episode_tasks={1: "new words"})
    wanted = {
        tmp_path / "merged": ["zero", "one", "two"] * 2,
        tmp_path / "fewer": ["one", "two", "zero", "two"],
        parts["a"].root: ["zero", "two"],
        changed: ["zero", "new words", "two"],
    }
    for number, (path, words) in enumerate(wanted.items()):
        report, dataset = imported(path, f"{number}.zarr")
        assert report.notes == ()
        assert [episode.info.instruction for episode in dataset] == words
        assert_no_moment_is_mixed(dataset)


def test_times_of_long_episodes_are_no_contradiction():
    frame = np.arange(20 * 3600 * 30, dtype=np.int64)
    line = timeline(frame, (frame / 30).astype(np.float32), 30.0, "episode 0")
    assert line.notes == ()
    np.testing.assert_array_equal(line.shown_s, frame / 30)
    with pytest.raises(CorruptError, match="contradicts itself"):
        timeline(frame, (frame / 30 + 1e9).astype(np.float32), 30.0, "episode 0")
