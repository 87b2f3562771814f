"""`hlm train` in a process of its own, patience, and a clock that passes by itself."""

import io
import multiprocessing
import os
import sys

import pytest
import torch
import yaml
from rich.console import Console

from hlm.cli.main import main
from hlm.core.clock import MonotonicClock, ticks
from hlm.datasets.store.lock import FolderLock
from hlm.policies.training.display import Display
from hlm.policies.training.run import prepare
from hlm.policies.training.trainer import Trainer

LIMIT_S = 60.0


class Training:
    """`hlm train` in a process and process group of its own, forked so that it need not import anything."""

    def __init__(self, config, folder, before=lambda: None):
        folder.mkdir(exist_ok=True)
        self._said = folder / "said"
        file = folder / "config.yaml"
        file.write_text(yaml.safe_dump(config.to_document()))
        self._process = multiprocessing.get_context("fork").Process(target=self._work, args=(file, before))
        self._process.start()
        self.pid = self._process.pid

    def _work(self, file, before):
        os.setpgid(0, 0)
        torch.set_num_threads(1)
        sys.stdout = sys.stderr = self._said.open("w", buffering=1)
        before()
        sys.exit(main(["train", str(file)]))

    @property
    def said(self):
        return self._said.read_text() if self._said.exists() else ""

    def work_on(self, at_most_s):
        """Leave it alone for a while."""
        self._process.join(at_most_s)

    def wait(self):
        """Its exit code; -9 where it was killed."""
        self._process.join(LIMIT_S)
        code = self._process.exitcode
        self._process.kill()
        return code


def soon(condition):
    """Wait until something is true."""
    for tick in ticks(MonotonicClock(), rate_hz=100.0):
        found = condition()
        if found:
            return found
        assert tick.index < 100.0 * LIMIT_S, "it did not happen"
    raise AssertionError


@pytest.fixture
def start_training():
    return Training


@pytest.fixture(name="soon")
def _soon():
    return soon


class PatientClock:
    """Time that passes by a second at every look."""

    def __init__(self):
        self.now_s = 0

    def now_ns(self):
        self.now_s += 1
        return self.now_s * 1_000_000_000


@pytest.fixture
def run_with_clock():
    """Trains with a clock of its own; returns the run and what it said."""

    def make(config, clock=None):
        said = io.StringIO()
        display = Display(Console(file=said, width=300))
        with display, torch.random.fork_rng(devices=[]):
            run = prepare(config, "hlm train", display)
            Trainer(run, display, clock or PatientClock(), FolderLock(config.out)).run_until(None)
        return run, said.getvalue()

    return make
