"""Command lines in an empty folder, a task that is over in a moment, and a policy that has hardly begun to learn."""

import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fake_rollouts import scored

from hlm.cli.main import main
from hlm.core.layout import DIMENSIONS
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter

# A program of its own whose episodes last `time_limit_s`, for what needs a process of its own.
PROGRAM = (
    "import signal, sys\n"
    # A shell that starts the tests in the background makes them ignore Ctrl+C, and children inherit that.
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from hlm.cli.rendering import load_simulator\n"
    "load_simulator()\n"
    "from hlm.sim.tasks.shelf_cup_transfer.stages import ShelfCupTransfer\n"
    "ShelfCupTransfer.time_limit_s = {time_limit_s}\n"
    "from hlm.cli.main import main\n"
    "sys.exit(main())\n"
)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(folder, capsys) -> Callable[..., str]:
    """Runs a command line that must end with exit code 2 and one line, and write nothing; returns the line."""

    def run(*words: str) -> str:
        before = sorted(folder.rglob("*"))
        assert main(words) == 2
        captured = capsys.readouterr()
        assert captured.err.count("\n") == 1
        assert captured.err.startswith("hlm: ")
        assert sorted(folder.rglob("*")) == before
        return captured.err.strip()

    return run


@pytest.fixture
def brief(monkeypatch) -> None:
    """Episodes of a third of a second."""
    from hlm.sim.tasks.shelf_cup_transfer.stages import ShelfCupTransfer

    monkeypatch.setattr(ShelfCupTransfer, "time_limit_s", 0.3)


@pytest.fixture
def brief_program() -> list[str]:
    """`hlm` as a command whose episodes are as short."""
    return [sys.executable, "-c", PROGRAM.format(time_limit_s=0.3)]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    """What `hlm train` made before it was stopped after two of four updates."""
    from hlm.policies.training import trainer

    folder = tmp_path_factory.mktemp("a run")
    _write_lifts(folder / "lift.zarr")
    size = {"width": 32, "heads": 2, "prefix-layers": 1, "expert-layers": 1}
    tiny = [word for name, value in size.items() for word in (f"--compact.architecture.{name}", str(value))]
    run = [
        "--steps",
        "4",
        "--batch-size",
        "4",
        "--threads",
        "1",
        "--device",
        "cpu",
        "--validation-fraction",
        "0.4",
        "--workers",
        "0",
    ]
    train = trainer.train
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "train", lambda config, command: train(config, command, stop_after=2))
        where = ["--datasets", str(folder / "lift.zarr"), "--out", str(folder / "policy")]
        assert main(["train", *where, *run, *tiny]) == 0
    return folder / "policy"


def _write_lifts(path: Path) -> None:
    side = 32
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (side, side)})
    rng = np.random.default_rng(0)
    with DatasetWriter.open(path, spec) as writer:
        for seed in range(3):
            info = EpisodeInfo(instruction="lift the cup", source="scripted", task="lift", seed=seed, operator="script")
            episode = writer.episode(info)
            for row in range(60):
                vector = np.full(DIMENSIONS, 0.005 * row)
                image = rng.integers(0, 255, (side, side, 3), dtype=np.uint8)
                stamp_ns = round(row * 1e9 / spec.rate_hz)
                episode.append(Step(stamp_ns, vector, vector, {"head": image}, {"head": 0.0}))
            episode.commit(outcome="success")


@pytest.fixture
def rollouts(monkeypatch):
    """Puts a function in the place of stations, and lists the seeds that it was asked for."""
    asked = []

    def use(run):
        def noted(seed):
            asked.append(seed)
            return run(seed)

        @contextmanager
        def opened(*_):
            yield noted

        monkeypatch.setattr("hlm.cli.eval_run.open_rollouts", opened)
        return asked

    use(scored)
    return use
