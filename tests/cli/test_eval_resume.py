"""What may go on, what may not, and which folder an evaluation has to itself."""

import json
import os
from dataclasses import replace
from shutil import copytree

import pytest
from fake_rollouts import WORDS, scored, stopping

from hlm.cli.main import main
from hlm.datasets.store.lock import FolderLock
from hlm.evaluation.plan import PLAN_FILE
from hlm.evaluation.results import load_result
from hlm.policies.checkpoint_config import CONFIG_FILE, config_bytes, read_config, set_sampling


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_the_same_out_says_how_to_go_on(refused, folder, rollouts, capsys):
    rollouts(stopping(10, KeyboardInterrupt()))
    main([*WORDS, "--out", "out"])
    capsys.readouterr()
    line = refused(*WORDS, "--out", "out")
    assert line == (
        "hlm: out holds an unfinished evaluation (2 of 5 rollouts): go on with `hlm eval --resume out`, or name "
        "another --out."
    )
    rollouts(scored)
    main(["eval", "--resume", "out"])
    capsys.readouterr()
    assert "out is already there, a finished evaluation" in refused(*WORDS, "--out", "out")


def test_what_to_type_next_may_be_typed(refused, folder, rollouts, capsys):
    out = "my runs/it's one"
    rollouts(stopping(10, KeyboardInterrupt()))
    main([*WORDS, "--out", out])
    typed = "`hlm eval --resume 'my runs/it'\"'\"'s one'`"
    assert capsys.readouterr().err.endswith(f"go on with {typed}\n")
    assert typed in refused(*WORDS, "--out", out)


def test_a_running_evaluation_is_nobody_elses(refused, folder, rollouts, capsys):
    rollouts(stopping(10, KeyboardInterrupt()))
    main([*WORDS, "--out", "out"])
    capsys.readouterr()
    with FolderLock(folder / "out"):
        for words in ([*WORDS, "--out", "out"], ["eval", "--resume", "out"]):
            assert f"out is being written by process {os.getpid()}" in refused(*words)


def test_evaluations_that_begin_in_the_same_second_have_a_folder_each(folder, rollouts, monkeypatch):
    class Clock:
        @staticmethod
        def now():
            from datetime import UTC, datetime

            return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    monkeypatch.setattr("hlm.cli.eval_folder.datetime", Clock)
    for _ in range(3):
        assert main(WORDS) == 0
    found = names(folder / "runs" / "eval")
    assert [name[len(found[0]) :] for name in found] == ["", "_2", "_3"]
    for name in found:
        assert len(load_result(folder / "runs" / "eval" / name).rollouts) == 5


def cut(folder, rollouts, capsys):
    """An evaluation that was stopped, in `out`."""
    rollouts(stopping(10, KeyboardInterrupt()))
    main([*WORDS, "--out", "out"])
    capsys.readouterr()
    rollouts(scored)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--resume", "none"], "no folder none, so there is no evaluation to go on with."),
        (["--resume", "."], "no evaluation in .: there is no evaluation.json."),
        (["--resume", "out", "--rollouts", "9"], "--rollouts does nothing with --resume"),
        (["--resume", "out", "--source", "scripted"], "--source does nothing with --resume"),
        (["--resume", "out", "--euler-steps", "2"], "--euler-steps does nothing with --resume"),
        (["policy", "--resume", "out"], "CHECKPOINT does nothing with --resume"),
    ],
)
def test_resuming_takes_everything_from_the_folder(refused, folder, rollouts, capsys, words, text):
    cut(folder, rollouts, capsys)
    assert text in refused("eval", *words)


def test_another_hlm_does_not_go_on(refused, folder, rollouts, capsys, monkeypatch):
    cut(folder, rollouts, capsys)
    monkeypatch.setattr("hlm.__version__", "99.0")
    assert "and this is 99.0: its rollouts would not compare" in refused("eval", "--resume", "out")


def test_another_physics_engine_does_not_go_on(refused, folder, rollouts, capsys):
    cut(folder, rollouts, capsys)
    path = folder / "out" / PLAN_FILE
    plan = json.loads(path.read_text())
    plan["packages"]["mujoco"] = "1.50"
    path.write_text(json.dumps(plan))
    assert "out was begun with mujoco 1.50, and this is " in refused("eval", "--resume", "out")


def test_another_policy_does_not_go_on(refused, folder, rollouts, capsys, checkpoint):
    copytree(checkpoint, folder / "policy")
    rollouts(stopping(100_002, KeyboardInterrupt()))
    assert main(["eval", "policy", "--workers", "1", "--out", "out"]) == 130
    rollouts(scored)
    plan = json.loads((folder / "out" / PLAN_FILE).read_text())
    assert plan["identity"]["policy_type"] == "compact"
    assert plan["identity"]["digest"]
    set_sampling(folder / "policy", euler_steps=7)
    capsys.readouterr()
    assert "policy is not the policy that out was begun with" in refused("eval", "--resume", "out")
    set_sampling(folder / "policy", euler_steps=3)
    assert main(["eval", "--resume", "out"]) == 0


@pytest.mark.parametrize(
    ("learnt", "seed", "unseen", "note"),
    [
        (
            {"shelf_cup_transfer": ((0, 1), (4, 9))},
            0,
            False,
            "note: the policy was trained on 3 of the 5 seeds, such as 0",
        ),
        ({"shelf_cup_transfer": ((0, 1),)}, 2, True, ""),
        ({"another_task": ((0, 99),)}, 0, True, ""),
        ({"shelf_cup_transfer": ((100_000, 100_009),)}, 100_000, False, "note: the policy was trained on 5 of the 5"),
        (None, 0, None, ""),
        (None, 100_000, None, ""),
    ],
)
def test_seeds_that_a_policy_was_trained_on_are_told(folder, rollouts, capsys, checkpoint, learnt, seed, unseen, note):
    copytree(checkpoint, folder / "policy")
    config = replace(read_config(checkpoint), training_seeds=learnt)
    (folder / "policy" / CONFIG_FILE).write_bytes(config_bytes(config))
    words = ["eval", "policy", "--seed", str(seed), "--rollouts", "5", "--workers", "1", "--out", "out"]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert load_result(folder / "out").unseen is unseen
    assert ("the policy was trained on some of these" in text) == (unseen is False)
    assert text.startswith(note)
    assert ("note" in text) == bool(note)


def test_the_scripted_operator_was_trained_on_nothing(folder, rollouts):
    assert main([*WORDS, "--out", "out"]) == 0
    assert load_result(folder / "out").unseen is None
