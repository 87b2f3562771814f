"""Command lines in an empty folder, and a task that is over in a moment."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hlm.cli.main import main

# A program of its own whose episodes last `time_limit_s`, for what needs a process of its own.
PROGRAM = (
    "import signal, sys\n"
    # A shell that starts the tests in the background makes them ignore Ctrl+C, and children inherit that.
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from hlm.cli.rendering import load_simulator\n"
    "load_simulator()\n"
    "from hlm.sim.tasks.shelf_cup_transfer import ShelfCupTransfer\n"
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
    from hlm.sim.tasks.shelf_cup_transfer import ShelfCupTransfer

    monkeypatch.setattr(ShelfCupTransfer, "time_limit_s", 0.3)


@pytest.fixture
def brief_program() -> list[str]:
    """`hlm` as a command whose episodes are as short."""
    return [sys.executable, "-c", PROGRAM.format(time_limit_s=0.3)]
