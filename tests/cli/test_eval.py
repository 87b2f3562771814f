import os
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from fakes import POLICY_SPEC

from hlm.cli import eval_run as module
from hlm.cli.eval_subject import FIRST_UNSEEN_SEED
from hlm.cli.main import main
from hlm.core.errors import InputError
from hlm.evaluation.results import EvalResult, RolloutResult, load_result
from hlm.evaluation.video import read_video

# A network small enough to be built, trained for two steps and served in a second.
SIZES = {"width": 32, "heads": 2, "prefix-layers": 1, "expert-layers": 1}
NETWORK = [word for name, size in SIZES.items() for word in (f"--compact.architecture.{name}", str(size))]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--source", "scripted", "--task", "shelf_cup"], "Did you mean 'shelf_cup_transfer'?"),
        (["--source", "scriptd"], "no source 'scriptd'. Known: policy, scripted. Did you mean 'scripted'?"),
        (["--source", "replay"], "no source 'replay'. Known: policy, scripted."),
        ([], "give a CHECKPOINT, --server URL or --source scripted"),
        (
            ["runs/policy", "--source", "scripted"],
            "give a CHECKPOINT, --server URL or --source scripted",
        ),
        (["runs/policy", "--rollouts", "0"], "--rollouts must be at least 1, got 0."),
        (["runs/policy", "--seed", "-1"], "--seed must not be negative, got -1."),
        (["runs/policy", "--workers", "0"], "--workers must be at least 1, got 0."),
        (["runs/policy", "--videos", "-1"], "--videos must not be negative, got -1."),
        (["runs/policy", "--rollout", "3"], "Did you mean --rollouts?"),
        (["runs/policy", "--rollouts", "1000001"], "--rollouts must be at most 1000000, got 1000001."),
        (["runs/policy", "--seed", str(2**63)], "--seed must be at most 9223372036854775787, got 9223372036854775808."),
        (["runs/policy", "--euler-steps", "0"], "--euler-steps must be at least 1, got 0."),
        (["runs/policy", "--euler-steps", "1001"], "--euler-steps must be at most 1000, got 1001."),
        (["runs/policy", "--execution-horizon", "0"], "--execution-horizon must be at least 1, got 0."),
        (["runs/policy", "--out", ""], "--out is the folder that you are in, or empty. Name another one."),
        (["runs/policy", "--json", ""], "--json is the folder that you are in, or empty. Name another one."),
        (["runs/policy", "--json", "."], "--json is the folder that you are in, or empty. Name another one."),
        (["--source", "scripted", "--euler-steps", "2"], "--euler-steps does nothing with --source scripted"),
        (
            ["--source", "scripted", "--execution-horizon", "2"],
            "--execution-horizon does nothing with --source scripted",
        ),
        (["--server", "ws://127.0.0.1:1", "--euler-steps", "2"], "--euler-steps belong to the server"),
    ],
)
def test_what_cannot_be_scored_is_one_line_and_writes_nothing(words, text, refused):
    assert text in refused("eval", *words)


def test_a_missing_checkpoint_names_the_nearest(refused, folder):
    (folder / "runs" / "shelf_policy").mkdir(parents=True)
    line = refused("eval", "runs/shelf_polcy")
    assert "runs/shelf_polcy" in line
    assert "Did you mean" in line
    assert "shelf_policy" in line


@pytest.mark.parametrize("option", ["--out", "--json"])
def test_what_is_there_is_not_overwritten(option, refused, folder):
    (folder / "mine").write_text("precious")
    line = refused("eval", "--source", "scripted", option, "mine")
    assert line == "hlm: mine is already there. Name another one."


def test_a_second_file_that_could_not_be_written_is_told_before_the_first_rollout(refused, folder, unwritable):
    (folder / "file").touch()
    line = refused("eval", "--source", "scripted", "--json", "file/more/results.json")
    assert line.startswith("hlm: cannot write to file/more/results.json: ")
    assert line.endswith("file is a file. Choose another --json.")
    (folder / "kept").mkdir()
    with unwritable(folder / "kept"):
        if os.access(folder / "kept", os.W_OK):
            pytest.skip("root may write anywhere here")
        line = refused("eval", "--source", "scripted", "--json", "kept/results.json")
    assert line.startswith("hlm: cannot write to kept/results.json: no permission for ")


def test_a_policy_that_does_not_execute_so_much_is_told_before_the_first_rollout(refused, checkpoint):
    line = refused("eval", str(checkpoint), "--execution-horizon", "9999", "--out", "out")
    assert "--execution-horizon 9999 is more than a chunk has" in line


def test_without_a_library_to_draw_with_it_says_what_to_install(refused, monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    assert "neither is installed. Run: sudo apt-get install" in refused("eval", "--source", "scripted")


@contextmanager
def opened(*_):
    """In place of a station: even seeds succeed, and nothing is simulated."""
    yield scored


@contextmanager
def broken(*_):
    """In place of a station whose rollouts fail."""

    def fail(seed):
        raise InputError("the first rollout went wrong")

    yield fail


def test_an_evaluation_that_finds_nothing_leaves_nothing(refused, monkeypatch):
    monkeypatch.setattr(module, "open_rollouts", broken)
    line = refused("eval", "--source", "scripted", "--out", "report", "--workers", "1")
    assert line == "hlm: the first rollout went wrong"


def scored(seed):
    return RolloutResult(
        seed=seed,
        instruction="wave",
        success=seed % 2 == 0,
        stage=1 - seed % 2,
        stages=("reach",),
        progress=1.0 - seed % 2,
        wrong_object=False,
        fell=False,
        duration_s=1.0,
        steps=31,
    )


@pytest.mark.parametrize("path", ["a/out", "a", "a/out/report.html", "a/out/evaluation.json"])
def test_json_must_not_be_where_the_report_is(refused, folder, path):
    line = refused("eval", "--source", "scripted", "--out", "a/out", "--json", path)
    assert "are in each other's way" in line
    assert list(folder.iterdir()) == []


def test_results_are_sorted_whoever_comes_first(folder, monkeypatch, capsys):
    monkeypatch.setattr(module, "open_rollouts", opened)

    def in_parallel(open_rollouts, seeds, workers):
        with open_rollouts() as run:
            yield from map(run, reversed(seeds))

    monkeypatch.setattr("hlm.evaluation.workers.in_parallel", in_parallel)
    words = ["eval", "--source", "scripted", "--rollouts", "5", "--seed", "8", "--out", "report", "--json", "a/b.json"]
    assert main(words) == 0
    result = load_result(folder / "report")
    assert [one.seed for one in result.rollouts] == [8, 9, 10, 11, 12]
    assert (result.first_seed, result.policy, result.task) == (8, "scripted", "shelf_cup_transfer")
    assert EvalResult.from_json((folder / "a" / "b.json").read_text()) == result
    text = capsys.readouterr().out
    assert "3 of 5 = 60%" in text
    assert text.endswith("report: report/report.html\n")
    assert (folder / "report" / "report.html").is_file()


@pytest.mark.parametrize(
    ("words", "workers"),
    [
        (["--server", "ws://127.0.0.1:1"], 8),
        (["--server", "ws://127.0.0.1:1", "--workers", "12"], 12),
        (["--source", "scripted"], 20),
    ],
)
def test_a_server_gets_fewer_clients_than_there_are_cores(folder, monkeypatch, words, workers):
    asked = []

    def in_parallel(open_rollouts, seeds, workers):
        asked.append(workers)
        yield from map(scored, seeds)

    monkeypatch.setattr(module, "open_rollouts", opened)
    monkeypatch.setattr("hlm.cli.eval_subject.policy_spec", lambda policy: replace(POLICY_SPEC, image_size=(32, 32)))
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(64)))
    monkeypatch.setattr("hlm.cli.worker_count.free_memory_bytes", lambda: 2**40)
    monkeypatch.setattr("hlm.evaluation.workers.in_parallel", in_parallel)
    assert main(["eval", *words, "--out", "report"]) == 0
    assert asked == [workers]


@pytest.mark.usefixtures("brief")
def test_the_scripted_operator_is_scored_filmed_and_reported(folder):
    words = ["eval", "--source", "scripted", "--rollouts", "2", "--workers", "1", "--videos", "1"]
    assert main([*words, "--out", "one"]) == 0
    result = load_result(folder / "one")
    assert [one.seed for one in result.rollouts] == [FIRST_UNSEEN_SEED, FIRST_UNSEEN_SEED + 1]
    assert [one.video for one in result.rollouts] == [f"seed_{FIRST_UNSEEN_SEED}.mp4", None]
    for one in result.rollouts:
        assert (one.success, one.fell, one.steps) == (False, False, 10)
        assert one.duration_s == pytest.approx(0.3)
    film = read_video(folder / "one" / f"seed_{FIRST_UNSEEN_SEED}.mp4")
    assert len(film) == 5
    assert np.ptp(film[0]) > 100


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_from_demonstrations_to_a_scored_policy_and_the_same_again(folder):
    cameras = ["--cameras", "head", "--image-size", "32", "32"]
    assert main(["record", "--episodes", "4", *cameras, "--out", "demos.zarr"]) == 0
    words = [
        "train",
        "--datasets",
        "demos.zarr",
        "--out",
        "policy",
        "--steps",
        "2",
        "--batch-size",
        "4",
        "--threads",
        "1",
    ]
    assert main([*words, "--outcomes", "failure", *NETWORK]) == 0
    for out in ("one", "two"):
        words = ["eval", "policy", "--rollouts", "2", "--workers", "1", "--videos", "0", "--out", out]
        assert main([*words, "--euler-steps", "2"]) == 0
    one, two = load_result(folder / "one"), load_result(folder / "two")
    assert one == two
    assert one.policy == "policy"
    assert [rollout.steps for rollout in one.rollouts] == [10, 10]
