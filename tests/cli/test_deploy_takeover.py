"""A person at a keyboard takes over from the shipped policy that `hlm deploy` runs in real time, and hands back."""

import json
import os
import pty
import select
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hlm.datasets.command import commanders, in_command
from hlm.datasets.reader import open_dataset
from hlm.datasets.verify import verify

pytestmark = pytest.mark.slow

SHIPPED = Path(__file__).resolve().parents[2] / "policies" / "shipped" / "shelf_cup_transfer"
PATIENCE_S = 300.0


class AtTerminal:
    """`hlm deploy --takeover keyboard` in a terminal of its own."""

    def __init__(self, folder, *words):
        self.told = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            command = [sys.executable, "-m", "hlm.cli.main", "deploy", str(SHIPPED), "--takeover", "keyboard", *words]
            os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
            os.execv(sys.executable, [*command, "--seed", "100003", "--json", "f.json", "--record", "d.zarr"])

    def wait_for(self, text, times=1):
        """Read until the terminal has shown a text so often."""
        end = time.monotonic() + PATIENCE_S
        while self.told.count(text) < times:
            assert time.monotonic() < end, self.told[-2000:]
            assert self.read(), self.told[-2000:]

    def read(self):
        """Take in what is shown; whether the terminal is still there."""
        if select.select([self.terminal], [], [], 1.0)[0]:
            try:
                shown = os.read(self.terminal, 65536)
            except OSError:
                return False
            self.told += shown
            return bool(shown)
        return True

    def type(self, keys):
        os.write(self.terminal, keys)

    def end(self):
        end = time.monotonic() + PATIENCE_S
        while self.read():
            assert time.monotonic() < end, self.told[-2000:]
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_person_takes_over_and_hands_back_without_a_jump(tmp_path):
    terminal = AtTerminal(tmp_path, "--seconds", "12")
    terminal.wait_for(b"to take over: Enter takes over, Enter again hands back")
    terminal.wait_for(b"running", times=10)
    terminal.type(b"\r")
    terminal.wait_for(b"running", times=terminal.told.count(b"running") + 5)
    terminal.type(b"rr")
    terminal.wait_for(b"running", times=terminal.told.count(b"running") + 10)
    terminal.type(b"\r")
    assert terminal.end() in (0, 1), terminal.told[-2000:]  # 12 s may not be enough for the task
    result = json.loads((tmp_path / "f.json").read_text())
    assert [one["name"] for one in result["in_command"]] == ["policy", "keyboard", "policy"]
    assert (result["ended"], result["fault"]) in (("time", ""), ("done", ""))
    (episode,) = open_dataset(tmp_path / "d.zarr")
    assert commanders(episode.info) == ("policy", "keyboard", "policy")
    names, actions = in_command(episode), episode.action[:, :29]
    changes = [step for step in range(1, len(names)) if names[step] != names[step - 1]]
    limit_rad = 0.02
    for step in changes:
        assert np.abs(actions[step] - actions[step - 1]).max() < limit_rad
    # Real time misses slots on a busy machine, and says so.
    assert [problem for problem in verify(tmp_path / "d.zarr") if "gap of" not in problem.text] == []


def test_space_stops_the_robot_whoever_commands_and_q_walks(tmp_path):
    terminal = AtTerminal(tmp_path)
    terminal.wait_for(b"Space, Esc or Ctrl+C holds, crouches and brakes")
    terminal.wait_for(b"running", times=5)
    terminal.type(b"\rq")
    terminal.wait_for(b"running", times=terminal.told.count(b"running") + 5)
    terminal.type(b" ")
    assert terminal.end() == 130
    result = json.loads((tmp_path / "f.json").read_text())
    assert result["fault"] == "the operator stopped it (key)"
    assert [event["state"] for event in result["safety_events"]][-3:] == ["holding", "crouching", "damping"]
    assert [one["name"] for one in result["in_command"]] == ["policy", "keyboard"]
