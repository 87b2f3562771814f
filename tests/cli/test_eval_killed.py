"""An evaluation that is killed in the middle, by a signal that nobody can answer, and goes on."""

import signal
import subprocess
import threading
import time

import numpy as np
import pytest

from hlm.cli.main import main
from hlm.evaluation.journal import JOURNAL_FILE
from hlm.evaluation.results import load_result
from hlm.evaluation.video import read_video

WORDS = ["eval", "--source", "scripted", "--rollouts", "8", "--workers", "1", "--videos", "1"]
PATIENCE_S = 120.0


def lines(path):
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def kill_after(process, path, count, number):
    """Send a signal when the journal has `count` lines."""
    end_s = time.monotonic() + PATIENCE_S
    while lines(path) < count and process.poll() is None and time.monotonic() < end_s:
        threading.Event().wait(0.01)
    process.send_signal(number)
    return process.wait(PATIENCE_S)


@pytest.mark.usefixtures("brief")
def test_killed_and_resumed_is_as_if_nothing_had_happened(folder, brief_program):
    assert main([*WORDS, "--out", "whole"]) == 0
    whole = (folder / "whole" / "results.json").read_bytes()
    journal = folder / "out" / JOURNAL_FILE
    command = [*brief_program, *WORDS, "--out", "out"]
    for count, number, code in (
        (2, signal.SIGKILL, -signal.SIGKILL),
        (4, signal.SIGTERM, 128 + signal.SIGTERM),
        (6, signal.SIGINT, 130),
    ):
        # Signals that come after the last rollout would show nothing.
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            ended = kill_after(process, journal, count, number)
            said = process.stderr.read().decode()
        assert ended == code
        assert 2 <= lines(journal) < 8
        if number != signal.SIGKILL:
            assert said.count("\n") == 1
            assert said.endswith("of 8 rollouts are kept; go on with `hlm eval --resume out`\n")
            assert load_result(folder / "out").partial
        command = [*brief_program, "eval", "--resume", "out"]
    assert main(["eval", "--resume", "out"]) == 0
    assert (folder / "out" / "results.json").read_bytes() == whole
    films = [read_video(folder / where / "seed_100000.mp4").astype(float) for where in ("whole", "out")]
    assert films[0].shape == films[1].shape
    assert np.abs(films[0] - films[1]).mean() < 1.0  # grey levels
