"""The study of takeovers, with a few lines in the place of `hlm`: datasets of blank steps, and scores by the policy."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hlm.datasets.command import CommandLog
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter

ROOT = Path(__file__).resolve().parents[1]
SPEC = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={})
DEMO_STEPS, POLICY_STEPS, CORRECTION_STEPS = 10, 4, 25
SUCCESSES = {"a": 1, "b": 3, "c": 2}


def after(words, option):
    return words[words.index(option) + 1]


def record(words):
    policy = after(words, "--source") == "policy"
    names = ["policy"] * POLICY_STEPS + ["scripted"] * CORRECTION_STEPS if policy else [""] * DEMO_STEPS
    with DatasetWriter.open(after(words, "--out"), SPEC) as writer:
        for number in range(int(after(words, "--episodes"))):
            seed, log = int(after(words, "--seed")) + number, CommandLog()
            info = EpisodeInfo(instruction="lift the cup", source=after(words, "--source"), task="lift", seed=seed)
            episode = writer.episode(info)
            for step, name in enumerate(names):
                stamp_ns = round(step * 1e9 / 30.0)
                episode.append(Step(stamp_ns, np.zeros(34), np.zeros(34), {}, {"state": 0.0}))
                log.note(stamp_ns, name)
            episode.commit(outcome="success", extra=log.extra)


def train(words):
    folder = Path(after(words, "--out"))
    folder.mkdir()
    (folder / "config.yaml").write_text("")


def evaluate(words):
    folder, rollouts = Path(after(words, "--out")), int(after(words, "--rollouts"))
    good = SUCCESSES[Path(words[1]).name]
    rows = [{"seed": seed, "success": seed < good, "stage": 5 if seed < good else 1} for seed in range(rollouts)]
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps({"results": rows}))


def train_or_resume(words):
    if "--resume" not in words:
        train(words)


PARTS = {"record": record, "train": train_or_resume, "eval": evaluate}


@pytest.fixture
def study(monkeypatch, tmp_path) -> Callable[..., list]:
    """Runs the study; returns the commands that it ran, and stops before the one that `stop` is in."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "studies"))
    takeover = importlib.import_module("takeover")
    from hlm.cli.main import main

    class Ended:
        returncode = 0

    def run(*dials, stop="never"):
        ran = []

        def hlm(command, **_):
            words = command[len(takeover.HLM) :]
            if stop in " ".join(words):
                raise KeyboardInterrupt
            ran.append(words)
            if words[0] == "data":
                assert main(words) == 0
            else:
                PARTS[words[0]](words)
            return Ended()

        monkeypatch.setattr(takeover.subprocess, "run", hlm)
        size = ("--demonstrations", "3", "--corrected", "2", "--rollouts", "4")
        try:
            assert takeover.main([*size, *dials, "--out", str(tmp_path / "out")]) == 0
        except KeyboardInterrupt:
            assert stop != "never"
        return ran

    return run


def test_it_compares_policies_that_learn_from_as_many_steps(study, tmp_path):
    study()
    rows = {row["policy"][0]: row for row in json.loads((tmp_path / "out" / "result.json").read_text())}
    assert {name: row["successes"] for name, row in rows.items()} == {"A": 1, "B": 3, "C": 2}
    assert rows["A"]["steps"] == 3 * DEMO_STEPS
    assert rows["B"]["steps"] == rows["C"]["steps"] == 3 * DEMO_STEPS + 2 * CORRECTION_STEPS
    assert rows["B"]["episodes"] == {"demos": 3, "corrections": 2}
    assert rows["A"]["stage"] == pytest.approx((5 + 3 * 1) / 4)


def test_scenes_that_are_learnt_from_are_no_scenes_that_are_scored(study, tmp_path):
    study()
    names = ("demos", "corrected", "further")
    seeds = {name: {one.info.seed for one in open_dataset(tmp_path / "out" / f"{name}.zarr")} for name in names}
    assert seeds == {"demos": {0, 1, 2}, "corrected": {10_000, 10_001}, "further": set(range(20_000, 20_005))}


def test_what_is_done_is_not_done_again(study):
    first = study(stop="corrections.zarr")
    assert [words[0] for words in first] == ["record", "train", "eval", "record"]
    rest = study()
    assert [words[0] for words in rest] == ["data", "train", "eval", "record", "train", "eval"]
    assert study() == []


def test_an_interrupted_training_goes_on_where_it_has_a_checkpoint(study, tmp_path):
    study(stop="train")
    (tmp_path / "out" / "a").mkdir()
    assert "--resume" not in study(stop="eval")[0]
    (tmp_path / "out" / "a.trained").unlink()
    assert study(stop="--source policy")[0][:2] == ["train", "--resume"]


def test_other_dials_need_another_folder(study):
    study(stop="train")
    with pytest.raises(SystemExit, match="holds a study with other dials"):
        study("--updates", "7")
