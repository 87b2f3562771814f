import os

import pytest
from fakes_processes import tell_how_it_runs

from hlm.core.errors import InputError
from hlm.core.processes import ChildProcess
from hlm.core.realtime import RealtimeConfig, preferred, single_threaded


def test_a_process_is_preferred_or_says_why_not():
    config = RealtimeConfig(priority=5, cpu=-1)
    child = ChildProcess("preferred", tell_how_it_runs, config)
    with single_threaded():
        child.start()
    try:
        found = child.wait_ready(30.0)
    finally:
        child.stop()
    assert found["threads"] == "1"
    assert not found["collects"]
    refused = " ".join(found["notes"])
    assert (found["policy"], found["priority"]) == (os.SCHED_FIFO, 5) or "SCHED_FIFO" in refused
    assert found["policy_of_a_thread"] == found["policy"]
    allowed = len(os.sched_getaffinity(0))
    assert len(found["cpus"]) == (1 if allowed >= 4 else allowed) or "processor" in refused


def test_a_thread_is_preferred_for_a_while():
    before = os.sched_getscheduler(0)
    with preferred(5) as refused:
        inside = os.sched_getscheduler(0)
        assert inside == os.SCHED_FIFO | os.SCHED_RESET_ON_FORK or "SCHED_FIFO" in refused[0]
    assert os.sched_getscheduler(0) == before


def test_a_thread_that_may_not_prefer_what_it_starts_again_is_as_before_else(monkeypatch):
    policy = os.SCHED_OTHER

    def schedule(pid, wanted, parameters):
        nonlocal policy
        if policy & os.SCHED_RESET_ON_FORK and not wanted & os.SCHED_RESET_ON_FORK:
            raise PermissionError(1, "Operation not permitted")  # as Linux does without CAP_SYS_NICE
        policy = wanted

    monkeypatch.setattr(os, "sched_setscheduler", schedule)
    monkeypatch.setattr(os, "sched_getscheduler", lambda pid: policy)
    with preferred(5) as refused:
        assert refused == ()
        assert policy == os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
    assert policy == os.SCHED_OTHER | os.SCHED_RESET_ON_FORK


def test_the_environment_is_as_before():
    before = dict(os.environ)
    with pytest.raises(ZeroDivisionError), single_threaded():
        assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
        raise ZeroDivisionError
    assert dict(os.environ) == before


def test_priorities_out_of_range_are_refused():
    with pytest.raises(InputError, match="0 to 99, got 100"):
        RealtimeConfig(priority=100)
