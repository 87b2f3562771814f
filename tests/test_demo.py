"""The demo: what it plans, what it keeps, how it stops; and once all of it."""

import contextlib
import importlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hlm.cli.arguments import parse
from hlm.cli.data import InfoArguments, VerifyArguments
from hlm.cli.eval import EvalArguments
from hlm.cli.record import RecordArguments
from hlm.core.errors import InputError, MissingFileError
from hlm.policies.training.config import TrainConfig

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "policies" / "shipped" / "shelf_cup_transfer"


@pytest.fixture
def demo(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("demo")


@pytest.fixture
def checkpoint(tmp_path):
    """A folder that passes for a checkpoint until somebody loads it."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.yaml").write_text("policy: compact\n")
    return folder


@pytest.fixture
def config(demo, checkpoint, tmp_path):
    return demo.DemoConfig(out=tmp_path / "demo", checkpoint=checkpoint, rollouts=3, workers=1)


def test_the_verbs_understand_their_commands(demo, config):
    steps = demo.plan(config)
    told = {name: step.arguments for name, step in steps.items()}
    assert [arguments[0] for arguments in told.values()] == ["record", "data", "data", "train", "eval"]
    record = parse(RecordArguments, "hlm record", told["record"][1:])
    verify = parse(VerifyArguments, "hlm data verify", told["verify"][2:])
    info = parse(InfoArguments, "hlm data info", told["info"][2:])
    train = parse(TrainConfig, "hlm train", told["train"][1:])
    score = parse(EvalArguments, "hlm eval", told["evaluate"][1:])
    assert record.out == verify.path == info.path == train.datasets[0] == config.dataset
    assert (record.episodes, train.max_minutes, score.rollouts, score.workers) == (2, 1.0, 3, 1)
    assert train.out == config.policy
    assert (score.checkpoint, score.out, score.videos) == (config.checkpoint, config.evaluation, 3)
    assert score.seed >= (record.seed or 0) + record.episodes


def test_the_plan_says_whose_policy_is_evaluated(demo, config):
    assert "another policy" in demo.plan(config)["evaluate"].title
    assert "the shipped policy" in demo.plan(demo.DemoConfig(checkpoint=SHIPPED))["evaluate"].title


def test_everything_goes_into_one_folder(demo, config):
    assert {path.parent for path in (config.dataset, config.policy, config.evaluation)} == {config.out}


def test_a_command_is_shown_as_one_types_it(demo):
    step = demo.Step(title="", arguments=("data", "info", "my demos.zarr"))
    assert step.command == "hlm data info 'my demos.zarr'"


def test_an_older_demo_is_moved_aside_and_kept(demo, tmp_path):
    folder = tmp_path / "demo"
    assert demo.move_aside(folder) is None
    folder.mkdir()
    assert demo.move_aside(folder) is None
    assert folder.is_dir()
    for number in (1, 2, 3):
        folder.mkdir(exist_ok=True)
        (folder / "which").write_text(str(number))
        assert demo.move_aside(folder) == tmp_path / f"demo.{number}"
        assert not folder.exists()
    assert [(tmp_path / f"demo.{number}" / "which").read_text() for number in (1, 2, 3)] == ["1", "2", "3"]


@pytest.mark.parametrize("name", ["episodes", "train_minutes", "rollouts"])
def test_numbers_must_be_positive(demo, checkpoint, name):
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} must be positive, got 0"):
        demo.DemoConfig(checkpoint=checkpoint, **{name: 0})


def test_what_is_missing_is_told_at_once(demo, checkpoint, tmp_path):
    with pytest.raises(MissingFileError, match=r"no checkpoint at .*nowhere; name one with --checkpoint"):
        demo.DemoConfig(checkpoint=tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a file; name a folder"):
        demo.DemoConfig(checkpoint=checkpoint, out=checkpoint / "config.yaml")


def test_a_usage_error_is_one_line_and_leaves_nothing(tmp_path):
    out = tmp_path / "demo"
    done = run_demo("--out", out, "--rollots", "3")
    assert done.returncode == 2
    assert re.fullmatch(r"demo: .*--rollots.*--rollouts.*\n", done.stderr)
    assert not out.exists()


def test_a_failing_step_ends_it_with_its_own_code(demo, tmp_path, capfd):
    step = demo.Step(title="", arguments=("data", "verify", str(tmp_path / "none.zarr")))
    with pytest.raises(demo.StepFailedError, match=r"`hlm data verify .*none.zarr` failed with exit code 2") as error:
        demo.run_step(step)
    assert error.value.code == 2
    assert "no dataset at" in capfd.readouterr().err


def living(group):
    """Processes of a group; not those that have ended, and stay for a while as nobody fetches their exit code."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("whole_group", [True, False], ids=["terminal", "kill"])
def test_an_interrupt_ends_it_and_its_command(checkpoint, tmp_path, whole_group):
    process = subprocess.Popen(
        demo_command("--out", tmp_path / "demo", "--checkpoint", checkpoint),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for line in process.stdout:
        if "$ hlm record" in line:
            break
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors.endswith("demo: interrupted; the results so far are kept, and the next demo moves them aside.\n")
    assert not living(process.pid)


@pytest.mark.slow
def test_the_whole_demo(tmp_path):
    out = tmp_path / "a demo"
    done = run_demo("--out", out, "--checkpoint", SHIPPED, "--train-minutes", "0.05", "--rollouts", "1")
    assert done.returncode == 0, done.stderr
    said = [int(number) for number in re.findall(r"^\[(\d)/6\]", done.stdout, re.MULTILINE)]
    assert said == [1, 2, 3, 4, 5, 6]
    assert "2 episodes, 2 successful" in done.stdout
    assert "no problems in" in done.stdout
    page = (out / "report.html").read_text(encoding="utf-8")
    for title in ("Recording", "Verification", "Training", "Evaluation"):
        assert f"<h2>{title}</h2>" in page
    evaluation = page.split("<h2>Evaluation</h2>")[1].split("<pre")[0]
    assert "the policy that comes with hlm" in evaluation
    assert "not the one trained above" in evaluation
    shown = re.findall(r'<th scope="row">(?:<a [^>]*>)?([^<]+)', page)
    assert set(shown) <= set(re.findall(r"<dt>([^<]+)</dt>", page))
    films = re.findall(r'<video src="([^"#]+)#', page)
    assert len(films) == 3
    assert all((out / film.replace("%20", " ")).stat().st_size > 1000 for film in films)
    assert "data:image/png;base64," in page


def demo_command(*arguments):
    return [sys.executable, str(ROOT / "scripts" / "demo.py"), *map(str, arguments)]


def run_demo(*arguments):
    return subprocess.run(demo_command(*arguments), cwd=ROOT.parent, capture_output=True, text=True, check=False)
