"""Writers and recoveries that are killed at random instants, twenty of them here; the laws are the benchmark's own."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hlm.datasets.writer import DatasetWriter

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench" / "crash.py"


@pytest.fixture
def crash(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    return importlib.import_module("crash")


def test_killed_twenty_times_nothing_finished_changes_and_half_a_second_is_lost_at_most(tmp_path):
    figures = tmp_path / "crash.json"
    command = [sys.executable, str(SCRIPT), "--kills", "20", "--json", str(figures)]
    # A killed process loses nothing that the kernel has, so the disk may be memory, which makes the test shorter.
    memory = {"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {}
    done = subprocess.run(command, env=os.environ | memory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_bytes())
    assert found["broken laws"] == []
    assert found["writers killed"] == 20
    assert {"appending", "committing"} <= found["while"].keys()
    assert found["steps lost, worst"] <= 15
    assert found["episodes kept"] > 10


@pytest.mark.parametrize("broken", ["change", "loss", "mix"])
def test_the_laws_would_notice(crash, path, broken):
    with DatasetWriter.open(path, crash.SPEC) as writer:
        for number in range(2):
            with writer.episode(crash.EpisodeInfo(instruction=f"do {number}", source="scripted")) as episode:
                for step in range(20):
                    episode.append(crash._step(1000 * (0 if broken == "mix" else number) + step))
                episode.commit()
    kept = {0: crash.digest(path / "episode_000000")}
    told = crash.Told(steps={1: 20})
    assert crash.check(path, dict(kept), told, []) == [] or broken == "mix"
    if broken == "change":
        (path / "episode_000000" / "zarr.json").touch()
        (path / "episode_000000" / "note.txt").write_text("x")
        text = "episode 0 changed"
    elif broken == "loss":
        told.steps[1] = 36
        text = "episode 1 lost 16 of 36 steps"
    else:
        text = "episode 1 has stamps of another one"
    assert text in crash.check(path, dict(kept), told, [])


def test_numbers_name_their_episode_and_step(crash):
    steps = [crash._step(1000 * episode + step) for episode in range(3) for step in range(3)]
    assert len({step.stamp_ns for step in steps}) == len({float(step.state[0]) for step in steps}) == 9
    assert np.all(np.diff([step.stamp_ns for step in steps]) > 0)
