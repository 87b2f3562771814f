"""Processes that the signals of a terminal must not reach."""

import os
import signal
from multiprocessing import resource_tracker
from pathlib import Path

import pytest
from fakes_processes import tell_what_it_hears

from hlm.core.processes import SIGNALS, ChildProcess


@pytest.mark.parametrize("number", [*SIGNALS, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU])
def test_a_child_hears_no_signal_of_a_terminal(number):
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    child = ChildProcess("deaf", tell_what_it_hears).start()
    try:
        os.kill(child.pid, number)
        assert number in child.wait_ready(60.0)
        assert child.alive
    finally:
        child.stop()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask


def test_a_tracker_of_resources_is_not_suspended_alone():
    """It would wait for ever to be continued, after everybody else has ended."""
    resource_tracker._resource_tracker._stop()  # so that a new one is started
    child = ChildProcess("deaf", tell_what_it_hears).start()
    child.wait_ready(60.0)
    child.stop()
    status = Path(f"/proc/{resource_tracker._resource_tracker._pid}/status").read_text()
    (blocked,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigBlk")]
    assert int(blocked, 16) >> (signal.SIGTSTP - 1) & 1
