import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext, suppress
from functools import partial
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from fakes import fail_at_first, kill_at_first

from hlm.core.errors import InputError, WorkerDiedError
from hlm.evaluation.results import RolloutResult
from hlm.evaluation.workers import in_parallel


def result_of(seed):
    return RolloutResult(
        seed=seed,
        instruction="wave",
        success=seed % 3 == 0,
        stage=0,
        stages=("reach",),
        progress=0.0,
        wrong_object=False,
        fell=False,
        duration_s=0.1 * seed,
        steps=seed,
    )


def opened(run):
    """Opens `run`; travels to other processes if `run` does."""
    return partial(nullcontext, run)


# A method of a dict travels to other processes, which could not import a function of this module.
TABLE = {seed: result_of(seed) for seed in range(5)}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_seed_is_run_once_however_many_work(workers):
    found = list(in_parallel(opened(TABLE.__getitem__), list(TABLE), workers))
    assert sorted(found, key=lambda one: one.seed) == list(TABLE.values())


def test_one_worker_runs_here_and_in_order():
    order = []
    found = in_parallel(opened(lambda seed: order.append(seed) or result_of(seed)), [3, 1, 2], 1)
    assert [next(found).seed, order] == [3, [3]]
    assert [one.seed for one in found] == [1, 2]


def test_an_error_of_a_worker_comes_out():
    with pytest.raises(KeyError, match="99"):
        list(in_parallel(opened(TABLE.__getitem__), [0, 99], 2))


@pytest.mark.parametrize("seeds", [[3], [3, 4]])
def test_a_worker_that_ends_is_no_endless_wait(seeds):
    with pytest.raises(WorkerDiedError, match=r"the worker process at seed \d ended with exit code \d\."):
        list(in_parallel(opened(os._exit), seeds, 2))


def test_a_worker_that_is_killed_is_told_with_its_seed_at_once():
    with pytest.raises(WorkerDiedError, match="at seed 0 was killed by SIGKILL, perhaps because the memory was full"):
        list(in_parallel(opened(kill_at_first), [5, 0], 2))  # the other one would wait for ever


def test_what_had_arrived_comes_before_the_error():
    found = in_parallel(opened(kill_at_first), [1, 0], 2)
    # A consumer that is slow enough for both to have happened.
    assert next(found) == 1
    with pytest.raises(WorkerDiedError):
        list(found)


def test_whoever_has_seen_enough_may_stop():
    found = in_parallel(opened(TABLE.__getitem__), list(TABLE), 2)
    assert next(found) in TABLE.values()
    found.close()


def test_an_interrupt_while_a_worker_is_started_leaves_none_behind(monkeypatch):
    start = BaseProcess.start

    def interrupted(process):
        start(process)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(BaseProcess, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(in_parallel(opened(TABLE.__getitem__), list(TABLE), 2))
    assert active_children() == []


def test_a_second_interrupt_leaves_no_worker_behind(monkeypatch):
    kill, killed = BaseProcess.kill, []

    def interrupted(process):
        kill(process)
        killed.append(process)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(BaseProcess, "kill", interrupted)
    found = in_parallel(opened(TABLE.__getitem__), list(TABLE), 2)
    next(found)
    with pytest.raises(KeyboardInterrupt):
        found.close()
    assert len(killed) == 2
    assert active_children() == []


def test_a_worker_that_cannot_be_started_leaves_none_behind(monkeypatch):
    start, started = BaseProcess.start, []

    def full(process):
        if started:
            raise BlockingIOError("no more processes")
        started.append(process)
        start(process)

    monkeypatch.setattr(BaseProcess, "start", full)
    with pytest.raises(BlockingIOError):
        list(in_parallel(opened(TABLE.__getitem__), list(TABLE), 2))
    assert active_children() == []


def test_after_an_error_the_rollouts_that_have_not_begun_are_not_run(tmp_path):
    run = partial(fail_at_first, tmp_path)
    with pytest.raises(InputError, match="seed 0"):
        list(in_parallel(partial(nullcontext, run), range(40), 2))
    assert len(list(tmp_path.iterdir())) < 10


# Two workers that never end, in a process that can be killed.
PROGRAM = """
import signal, sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
from fakes import never_end
from hlm.evaluation.workers import in_parallel
try:
    print("begin", flush=True)
    list(in_parallel(partial(nullcontext, partial(never_end, Path(sys.argv[1]))), [0, 1, 2], 2))
except KeyboardInterrupt:
    sys.exit(130)
"""
PATIENCE_S = 60.0
PAUSE = threading.Event()  # never set


@pytest.fixture
def endless(tmp_path):
    """The program, in a group of its own, and where its workers leave their numbers."""
    tests = str(Path(__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([tests, *filter(None, sys.path)])}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, env=environment, start_new_session=True, **pipes) as program:
        yield program
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)


def eventually(holds):
    end = time.monotonic() + PATIENCE_S
    while not holds() and time.monotonic() < end:
        PAUSE.wait(0.02)
    return holds()


def runs(process):
    """Whether a process is there, and not only waits for its parent to ask how it ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_workers_never_outlive_the_one_that_started_them(endless, tmp_path, number):
    assert eventually(lambda: {"0", "1"} <= {entry.name for entry in tmp_path.iterdir()})
    workers = [int((tmp_path / seed).read_text()) for seed in ("0", "1")]
    assert all(map(runs, workers))
    endless.send_signal(number)
    assert eventually(lambda: not any(map(runs, workers)))
    assert endless.wait(PATIENCE_S) == (130 if number == signal.SIGINT else -number)


@pytest.mark.parametrize("after_s", [0.1, 0.4])
def test_workers_say_nothing_at_ctrl_c_even_while_they_start(endless, after_s):
    endless.stdout.readline()
    PAUSE.wait(after_s)
    os.killpg(endless.pid, signal.SIGINT)
    assert endless.wait(PATIENCE_S) == 130
    said = endless.stdout.read().decode()
    assert said == ""


def test_workers_leave_a_signal_to_the_one_that_started_them(endless, tmp_path):
    assert eventually(lambda: {"0", "1"} <= {entry.name for entry in tmp_path.iterdir()})
    for seed in ("0", "1"):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(int((tmp_path / seed).read_text()), number)
    assert endless.poll() is None
    os.killpg(endless.pid, signal.SIGINT)
    assert endless.wait(PATIENCE_S) == 130
