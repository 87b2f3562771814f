"""One fault of a process, the machine or the network, while `hlm deploy` drives the simulated robot in real time."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hlm.core.errors import HlmError
from hlm.datasets.reader import open_dataset
from hlm.datasets.recover import recover
from hlm.datasets.verify import verify

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "policies" / "shipped" / "shelf_cup_transfer"
PROGRAM = Path(__file__).with_name("program.py")
# A machine with much else to do takes minutes to load everything.
PATIENCE_S = 300.0


@dataclass
class Deployed:
    """What became of it.

    Attributes:
        states: after the fault, each new state of the body and seconds since the fault.
        gone_s: from the fault to the end of the last process.
        code: exit code.
        said: what was written to standard error.
        result: the JSON file; empty without one.
        steps: of the recorded episode; None without one.
        recovered: whether `hlm data recover` had to complete the episode.
        recorded: what the recorded episode says of the fault.
        problems: what verification finds.
        left: processes that were still there a moment after the end.
    """

    states: list = field(default_factory=list)
    gone_s: float = 0.0
    code: int = 0
    said: str = ""
    result: dict = field(default_factory=dict)
    steps: int | None = None
    recovered: bool = False
    recorded: str = ""
    outcome: str = ""
    problems: list = field(default_factory=list)
    left: list = field(default_factory=list)

    @property
    def why(self):
        """The line that says why; empty when nothing was wrong."""
        said = self.said.strip().removeprefix("hlm: ")
        return (said.splitlines()[-1] if said else self.recorded) or (self.result.get("recording") or {}).get(
            "trouble", ""
        )

    @property
    def answer(self):
        """The states that the body went through because of it."""
        if self.went_on:
            return "goes on"
        return ", ".join(state for state, _ in self.states if state not in ("arming", "running")) or "-"

    @property
    def end(self):
        """How it ended."""
        if not self.result:
            return f"all processes ended after {self.gone_s:.1f} s"
        state, fell = self.result["body_state"], ", fell" if self.result["fell"] else ""
        return f"{state}{fell}, exit code {self.code}, all processes ended after {self.gone_s:.1f} s"

    @property
    def kept(self):
        """What was recorded."""
        if self.steps is None:
            return (self.result.get("recording") or {}).get("trouble", "") or "nothing"
        return f"{self.steps} steps, {'recovered' if self.recovered else self.outcome}"

    @property
    def went_on(self):
        """Whether the episode ended as it would have without the fault."""
        return bool(self.result) and self.result["ended"] != "fault"

    @property
    def reaction_s(self):
        """From the fault to the first state in which references are not followed; None if there was none."""
        if self.went_on:
            return None
        return next((at_s for state, at_s in self.states if state not in ("arming", "running")), None)


def deployed(folder, inject, *, source=(str(CHECKPOINT),), seconds=8.0, record=None, environment=None):
    """Deploy, let something happen two seconds after the robot was armed, and look at what is left.

    Args:
        folder: an empty one.
        inject: called with the process ids by name.
        source: words that name the policy.
        seconds: of the episode.
        record: dataset; by default in the folder.
        environment: more variables.
    """
    log, figures = folder / "log", folder / "figures.json"
    record = folder / "episode.zarr" if record is None else record
    words = [
        sys.executable,
        str(PROGRAM),
        str(log),
        "deploy",
        *source,
        "--task",
        "shelf_cup_transfer",
        "--seed",
        "100003",
    ]
    words += ["--seconds", str(seconds), "--record", str(record), "--json", str(figures)]
    course = Deployed()
    with (folder / "said").open("w+") as said:
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": f"{ROOT}"} | (environment or {}),
        )
        try:
            running_ns = _wait(lambda: _first(log, "body", "running"), child)
            _wait(lambda: time.monotonic_ns() - running_ns > 2e9, child)
            pids = {words[2]: int(words[3]) for words in _lines(log) if words[1] == "process"}
            fault_ns = time.monotonic_ns()
            inject(pids)
            course.code = child.wait(PATIENCE_S)
            _wait(lambda: not any(map(_alive, pids.values())), None, 60.0)
        finally:
            if child.poll() is None:
                child.kill()
        course.gone_s = (time.monotonic_ns() - fault_ns) * 1e-9
        course.left = [name for name, pid in pids.items() if _alive(pid)]
        said.seek(0)
        course.said = said.read()
    course.states = [(words[2], (int(words[0]) - fault_ns) * 1e-9) for words in _lines(log) if words[1] == "body"]
    course.states = [(state, at_s) for state, at_s in course.states if at_s > 0.0]
    if figures.exists():
        course.result = json.loads(figures.read_text())
    _look_at_recording(course, Path(record))
    return course


def kill(name):
    """Ends a process by SIGKILL."""
    return lambda pids: os.kill(_of(pids, name), signal.SIGKILL)


def stop(name, seconds=None):
    """Halts a process, for some seconds or until somebody kills it."""

    def halt(pids):
        os.kill(_of(pids, name), signal.SIGSTOP)
        if seconds is not None:
            time.sleep(seconds)  # noqa: TID251 - nothing is measured by it
            os.kill(_of(pids, name), signal.SIGCONT)

    return halt


def nothing(pids):
    """Leaves it alone."""


def _of(pids, name):
    return next(pid for known, pid in pids.items() if known.startswith(name))


def _look_at_recording(course, path):
    (path.parent / "filler").unlink(missing_ok=True)  # somebody makes room on a disk that was full
    with suppress(HlmError, ValueError):
        course.recovered = bool(recover(path))
        (episode,) = open_dataset(path).episodes
        course.steps, course.recorded, course.outcome = len(episode), episode.info.fault, episode.info.outcome
        course.problems = verify(path)


def _wait(condition, child, patience_s=PATIENCE_S):
    until_s = time.monotonic() + patience_s
    while not (met := condition()):
        if time.monotonic() > until_s:
            return met
        if child is not None and child.poll() is not None:
            raise AssertionError(f"it ended too early, with exit code {child.returncode}")
        time.sleep(0.01)  # noqa: TID251 - a look now and then
    return met


def _lines(log):
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def _first(log, *words):
    return next((int(line[0]) for line in _lines(log) if tuple(line[1:]) == words), None)


def _alive(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    return False
