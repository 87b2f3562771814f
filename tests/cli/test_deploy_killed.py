"""`hlm deploy` that is interrupted, told to end, or loses a process: the robot comes to rest, and nothing stays."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from hlm.datasets.reader import open_dataset
from hlm.datasets.recover import recover

pytestmark = pytest.mark.slow

SHIPPED = Path(__file__).resolve().parents[2] / "policies" / "shipped" / "shelf_cup_transfer"
PATIENCE_S = 300.0


class Deploying:
    """A deployment of the shipped policy in a process group of its own."""

    def __init__(self, folder, *words):
        self.folder = folder
        self.log = folder / "log.txt"
        program = [sys.executable, "-m", "hlm.cli.main", "deploy", str(SHIPPED), "--seed", "100003"]
        words = [*program, "--json", "f.json", "--record", "d.zarr", *words]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(
            words,
            cwd=folder,
            env=environment,
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.children = {}

    def wait_for_motion(self):
        self._wait(lambda: self.told.count("safety running") > 2 or self.process.poll() is not None)
        assert self.process.poll() is None, self.told
        self.children = self._running()

    @property
    def told(self):
        return self.log.read_text()

    @property
    def result(self):
        return json.loads((self.folder / "f.json").read_text())

    def _running(self):
        """Process ids by name of all that belong to its session."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                try:
                    if os.getsid(int(folder.name)) == self.process.pid and " Z " not in (folder / "stat").read_text():
                        found[(folder / "comm").read_text().strip().removeprefix("hlm ")] = int(folder.name)
                except (OSError, ProcessLookupError):
                    continue
        return found

    def end(self):
        """Wait for the exit code, and until nothing is left."""
        code = self.process.wait(PATIENCE_S)
        self._wait(lambda: not self._running())
        return code

    def _wait(self, condition):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, self.told
            threading.Event().wait(0.02)


@contextmanager
def deploying(folder, *words):
    shared = set(Path("/dev/shm").iterdir())
    running = Deploying(folder, *words)
    try:
        running.wait_for_motion()
        yield running
        assert set(Path("/dev/shm").iterdir()) <= shared
    finally:
        for pid in running._running().values():
            os.kill(pid, signal.SIGKILL)
        running.process.wait()


def states(result):
    return [event["state"] for event in result["safety_events"]]


def episode_of(folder):
    (episode,) = open_dataset(folder / "d.zarr").episodes
    return episode


@pytest.mark.parametrize(
    ("number", "code", "why"),
    [
        (signal.SIGINT, 130, "the operator stopped it (Ctrl+C)"),
        (signal.SIGQUIT, 131, "the operator stopped it (Ctrl+\\)"),
        (signal.SIGTSTP, 130, "the operator stopped it (Ctrl+Z)"),
        (signal.SIGTERM, 143, "it was told to end (SIGTERM)"),
        (signal.SIGHUP, 129, "its terminal was closed (SIGHUP)"),
    ],
)
def test_a_signal_lets_the_robot_hold_crouch_and_only_brake(tmp_path, number, code, why):
    with deploying(tmp_path) as running:
        os.killpg(running.process.pid, number)  # as a terminal does: every process of it
        assert running.end() == code
        assert f"hlm: {why}; the body ended damping\n" in running.told
        assert states(running.result)[-3:] == ["holding", "crouching", "damping"]
        assert running.result["fault"] == why
        episode = episode_of(tmp_path)
        assert (len(episode), episode.info.fault) == (running.result["steps"], why)


def test_a_second_interrupt_lets_it_brake_at_once(tmp_path):
    with deploying(tmp_path) as running:
        running.process.send_signal(signal.SIGINT)
        running._wait(lambda: "safety holding" in running.told or "safety crouching" in running.told)
        running.process.send_signal(signal.SIGINT)
        assert running.end() == 130
        events = {event["state"]: event["time_s"] for event in running.result["safety_events"]}
        assert "damping" in events
        assert events["damping"] - events["holding"] < 4.0  # a crouch takes that long


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("policy", "the policy process was killed by SIGKILL"),
        ("cameras", "the cameras process was killed by SIGKILL"),
        ("recorder", "the recorder process was killed by SIGKILL; `hlm data recover d.zarr` keeps what it wrote"),
        ("guard", "the guard process was killed by SIGKILL"),
    ],
)
def test_without_one_of_its_processes_the_robot_comes_to_rest(tmp_path, name, words):
    with deploying(tmp_path) as running:
        os.kill(running.children[name], signal.SIGKILL)
        assert running.end() == 1
        assert words in running.told
        assert states(running.result)[-1] == "damping"
        assert words in running.result["fault"]
        if name == "recorder":
            (recovery,) = recover(tmp_path / "d.zarr")
            assert recovery.steps > 10
        else:
            episode = episode_of(tmp_path)
            assert (len(episode), episode.info.outcome) == (running.result["steps"], "failure")
            assert words in episode.info.fault


def test_without_its_body_the_guard_brakes(tmp_path):
    with deploying(tmp_path) as running:
        os.kill(running.children["body"], signal.SIGKILL)
        assert running.end() == 1
        assert "the body process was killed by SIGKILL; the guard brakes" in running.told
        assert states(running.result)[-1] == "fault"
        assert episode_of(tmp_path).info.outcome == "failure"


def test_without_its_simulation_it_ends(tmp_path):
    with deploying(tmp_path) as running:
        os.kill(running.children["simulation"], signal.SIGKILL)
        assert running.end() == 1
        assert running.result["fault"]
        assert episode_of(tmp_path).info.outcome == "failure"


def test_when_it_is_killed_itself_the_robot_comes_to_rest_and_the_episode_is_kept(tmp_path):
    with deploying(tmp_path) as running:
        running.process.kill()
        assert running.end() == -signal.SIGKILL
        episode = episode_of(tmp_path)
        assert len(episode) > 10
        assert episode.info.fault == "the session ended without saying how: its process was killed"
