import os
import signal
from contextlib import closing

import pytest
from fakes_processes import end_when_released, live

from hlm.core import lifeline
from hlm.core.lifeline import Lifeline
from hlm.core.processes import ChildProcess


@pytest.fixture(params=["lock", "pipe"])
def system(request, monkeypatch):
    """A system that tells of deaths by locks, or by pipes alone."""
    if request.param == "pipe":
        monkeypatch.setattr(lifeline, "_locks_tell", lambda: False)


@pytest.mark.usefixtures("system")
def test_a_death_is_seen_and_nothing_else():
    life = Lifeline.new()
    watched = life.watched
    child = ChildProcess("watched", live, life.held).start()
    life.held.line.close()
    try:
        child.wait_ready(60.0)
        assert not watched.ended(0.05)
        assert not watched.ended(0.0)
        os.kill(child.pid, signal.SIGKILL)
        assert watched.ended(30.0)
    finally:
        child.stop()
        life.close()


@pytest.mark.usefixtures("system")
def test_a_process_that_ends_by_itself_is_seen_too():
    with closing(Lifeline.new()) as life:
        child = ChildProcess("watched", end_when_released, life.held).start()
        life.held.line.close()
        child.wait_ready(60.0)
        assert not life.watched.ended(0.02)
        child.stop()
        assert any(life.watched.ended(0.1) for _ in range(100))


def test_who_never_held_it_and_died_is_seen():
    with closing(Lifeline.new()) as life:
        assert not life.watched.ended(0.01)
        life.held.line.close()
        assert life.watched.ended(10.0)
