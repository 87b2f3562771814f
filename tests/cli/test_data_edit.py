"""The verbs that change datasets, as a person types them."""

import shutil

import numpy as np
import pytest

from hlm.cli.main import main
from hlm.core.layout import DIMENSIONS
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter

SPEC = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (8, 8)})
NAME = "mes données ½.zarr"
VERBS = {
    "delete": ["0"],
    "keep": ["0"],
    "trim": [],
    "relabel": ["0", "--outcome", "failure"],
    "rename-camera": ["head", "top"],
    "reorder": [],
    "split": ["--into", "a.zarr", "b.zarr", "--fractions", "0.5", "0.5"],
    "undo": [],
}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Three episodes: the first stands still for a second at its end, the last failed."""
    path = tmp_path_factory.mktemp("template") / NAME
    with DatasetWriter.open(path, SPEC) as writer:
        for number in range(3):
            episode = writer.episode(EpisodeInfo(instruction="put the [red] cup", source="scripted", seed=number))
            for step in range(60):
                vector = np.full(DIMENSIONS, 0.004 * (min(step, 30) if number == 0 else step))
                image = np.full((8, 8, 3), step, np.uint8)
                episode.append(Step(round(step * 1e9 / 30), vector, vector, {"head": image}, {"head": 0.0}))
            episode.commit(outcome="success" if number < 2 else "failure")
    return path


@pytest.fixture
def dataset(folder, template):
    shutil.copytree(template, folder / NAME)
    return NAME


def lines(capsys, *words):
    """What a command that succeeds prints."""
    assert main(["data", *words]) == 0
    return capsys.readouterr().out.splitlines()


def test_delete_says_what_and_undo_brings_it_back(dataset, capsys):
    would = lines(capsys, "delete", dataset, "outcome=failure", "--dry-run")
    assert would == ["episode 2: failure, 60 steps, 'put the [red] cup'", "would delete 1 of 3 episodes: 2"]
    assert len(open_dataset(dataset)) == 3
    done = lines(capsys, "delete", dataset, "outcome=failure")
    assert done[:2] == [would[0], "done: delete 1 of 3 episodes: 2"]
    assert done[2].startswith(f"backup: {NAME}.before (")
    assert done[2].endswith(f"; `hlm data undo {NAME}` restores it")
    assert len(open_dataset(dataset)) == 2
    assert lines(capsys, "undo", dataset) == ["undone: delete 1 of 3 episodes: 2"]
    assert len(open_dataset(dataset)) == 3


def test_the_other_edits(dataset, capsys):
    assert lines(capsys, "trim", dataset)[:2] == [
        "episode 0: 0.00 s at the start, 0.90 s at the end, 33 of 60 steps remain",
        "done: trim 1 of 3 episodes by 0.9 s",
    ]
    relabelled = lines(capsys, "relabel", dataset, "instruction=put*", "0-1", "--instruction", "put the 红 cup")
    assert relabelled[0] == "episode 0: 'put the [red] cup' -> 'put the 红 cup'"
    assert (
        lines(capsys, "rename-camera", dataset, "head", "top")[0]
        == "done: rename camera head to top in 3 of 3 episodes"
    )
    assert lines(capsys, "keep", dataset, "1-2")[0] == "done: keep 2 of 3 episodes: 1-2"
    assert lines(capsys, "reorder", dataset, "--by", "instruction")[:2] == [
        "episode 2 -> 0",
        "done: renumber 1 of 2 episodes by instruction",
    ]
    assert lines(capsys, "reorder", dataset) == [f"nothing to change in {dataset}"]
    assert [episode.info.outcome for episode in open_dataset(dataset)] == ["failure", "success"]
    assert main(["data", "verify", dataset]) == 0


def test_split_and_merge(dataset, capsys):
    said = lines(capsys, "split", dataset, "--into", "good.zarr", "bad.zarr", "--first", "outcome=success")
    assert said == [
        "done: copy 2 of 3 episodes into good.zarr: 0-1",
        "done: copy 1 of 3 episodes into bad.zarr: 2",
    ]
    said = lines(capsys, "merge", "bad.zarr", "good.zarr", "--into", "all.zarr")
    assert said == [
        "bad.zarr: episodes 0 -> 0",
        "good.zarr: episodes 0-1 -> 1-2",
        "done: copy 3 episodes of 2 datasets",
    ]
    assert main(["data", "verify", "all.zarr"]) == 0


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("nothing.zarr", "no dataset at nothing.zarr: there is nothing"),
        ("checkpoint", "no dataset at checkpoint: this is a checkpoint; look at it with `hlm policy info checkpoint`"),
        ("file.zarr", "this is a file; a dataset is a folder"),
        (f"{NAME}/episode_000000", "this is an episode; open the folder that it is in"),
        ("empty.zarr", "has no episodes. Record some first"),
    ],
)
def test_what_is_no_dataset_is_refused_in_one_line(refused, dataset, folder, verb, path, text):
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "model.safetensors").touch()
    (folder / "file.zarr").touch()
    with DatasetWriter.open(folder / "empty.zarr", SPEC):
        pass
    said = refused("data", verb, path, *VERBS[verb])
    assert text in said or (verb == "undo" and path == "empty.zarr" and "nothing to undo" in said)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["delete", NAME], 'EPISODES is missing: numbers and ranges ("3 5-7 20-")'),
        (["delete", NAME, "7"], "no episode 7 in"),
        (["delete", NAME, "all"], "that would leave no episode"),
        (["keep", NAME, "outcome=sucess"], "Did you mean 'success'?"),
        (["relabel", NAME, "0"], "nothing to change: give an instruction"),
        (["relabel", NAME, "0", "--outcome", "good"], "no outcome 'good'. Known: failure, success, unlabelled"),
        (["rename-camera", NAME, "haed", "top"], "no camera 'haed'. Known: head. Did you mean 'head'?"),
        (["rename-camera", NAME, "head", "Top Camera"], "must be lower-case letters, digits and _"),
        (["trim", NAME, "--still", "-1"], "still must not be negative"),
        (["reorder", NAME, "--by", "size"], 'invalid value "size" for --by. Choose from: "number", "start"'),
        (["split", NAME, "--into", "a.zarr"], "give either a selection"),
        (["split", NAME, "--into", "a.zarr", NAME, "--first", "0"], "is already there. Choose another name"),
        (["merge", NAME, "--into", "a.zarr"], "two or more datasets"),
        (["undo", NAME], "nothing to undo"),
    ],
)
def test_bad_words_are_refused_in_one_line(refused, dataset, words, text):
    assert text in refused("data", *words)


def test_an_edit_while_somebody_records_is_refused(refused, dataset):
    with DatasetWriter.open(dataset, SPEC):
        assert "is being written by process" in refused("data", "delete", dataset, "0")


def test_a_folder_in_the_way_is_not_thrown_away(refused, dataset, folder):
    shutil.copytree(folder / NAME, folder / f"{NAME}.before")
    assert "is in the way" in refused("data", "delete", dataset, "0")
