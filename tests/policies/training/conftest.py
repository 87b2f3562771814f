"""`hlm train` in a process of its own, and patience."""

import multiprocessing
import os
import sys

import pytest
import torch
import yaml

from hlm.cli.main import main
from hlm.core.clock import MonotonicClock, ticks
from hlm.core.documents import to_document

LIMIT_S = 60.0


class Trainer:
    """`hlm train` in a process and process group of its own, forked so that it need not import anything."""

    def __init__(self, config, folder, before=lambda: None):
        folder.mkdir(exist_ok=True)
        self._said = folder / "said"
        file = folder / "config.yaml"
        file.write_text(yaml.safe_dump(to_document(config)))
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
    return Trainer


@pytest.fixture(name="soon")
def _soon():
    return soon
