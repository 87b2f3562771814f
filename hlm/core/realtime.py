"""Processes that must be on time: priority, processor, memory, and a garbage collector that keeps still."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hlm.core.errors import InputError

# Of a loop at 30 Hz: below that of bodies and cameras.
LOOP_PRIORITY = 20
# Linear algebra in several threads is slower than in one for the sizes of a robot, and threads wait for each other.
_THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT of Linux's sys/mman.h: what is touched stays. Locking what nobody has touched
# would take a fresh process half a gigabyte, and one that is killed 30 ms to give it back.
_LOCK_WHAT_IS_TOUCHED = 7
_ENOUGH_TO_BIND = 4
# When memory is short, Linux ends other processes first (proc_pid_oom_score_adj(5): -1000 would be never).
_OOM_SCORE, _LAST_TO_BE_ENDED = Path("/proc/self/oom_score_adj"), -900
_SET_TIMER_SLACK = 29  # PR_SET_TIMERSLACK of linux/prctl.h


@dataclass(frozen=True, kw_only=True, slots=True)
class RealtimeConfig:
    """How much a process is to be preferred.

    Attributes:
        priority: of SCHED_FIFO, 1 to 99; 0 leaves the scheduling as it is.
        cpu: processor that it is bound to, counted from the end of those allowed if negative; None for any. Not where
            fewer than four are allowed: it would wait there for other urgent processes while another one is free.
    """

    priority: int = 0
    cpu: int | None = None

    def __post_init__(self) -> None:
        """Check the range."""
        if not 0 <= self.priority <= 99:
            raise InputError(f"a real-time priority must be 0 to 99, got {self.priority}.")


def be_on_time(config: RealtimeConfig) -> tuple[str, ...]:
    """Prefer this process as far as the system allows, keep its memory, and stop its garbage collection.

    Call it when everything has been imported, made and connected: threads that are there are preferred too, those that
    are started later by this thread inherit it.

    Returns:
        What the system refused, one sentence each; empty when nothing was.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    notes = [*_scheduled(config.priority), *_bound(config.cpu), *_locked()]
    with suppress(OSError):  # without the privilege it is as likely to be ended as any other
        _OOM_SCORE.write_text(str(_LAST_TO_BE_ENDED))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_TIMER_SLACK, 1, 0, 0, 0)  # ns; only matters where SCHED_FIFO was refused
    return tuple(notes)


def prefer(pid: int, priority: int) -> tuple[str, ...]:
    """Let a process that is running, all its threads included, go before all that have no real-time priority.

    Args:
        pid: its id; 0 for the calling thread alone.
        priority: of SCHED_FIFO, 1 to 99; 0 takes it away again.

    Returns:
        What the system refused, one sentence each; empty when nothing was.
    """
    if not hasattr(os, "sched_setscheduler"):
        return ("this system has no SCHED_FIFO, so other programs can delay this process",)
    policy = os.SCHED_FIFO if priority else os.SCHED_OTHER
    try:
        threads = [0] if pid == 0 else [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
        for thread in threads:
            os.sched_setscheduler(thread, policy, os.sched_param(priority))
    except OSError as error:
        return (f"SCHED_FIFO was refused to process {pid} ({error.strerror})",)
    return ()


@contextmanager
def preferred(priority: int) -> Iterator[tuple[str, ...]]:
    """Run this thread under SCHED_FIFO inside; what it starts meanwhile is not preferred. Gives what was refused."""
    if not hasattr(os, "sched_setscheduler"):
        yield tuple(_scheduled(priority))
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except OSError as error:
        yield (_refused(error),)
        return
    try:
        yield ()
    finally:
        _schedule_again(*before)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Processes that are started inside compute in one thread each."""
    before = {name: os.environ.get(name) for name in _THREAD_COUNTS}
    os.environ.update(dict.fromkeys(_THREAD_COUNTS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _scheduled(priority: int) -> Iterator[str]:
    if not priority:
        return
    if not hasattr(os, "sched_setscheduler"):
        yield "this system has no SCHED_FIFO, so other programs can delay this process"
        return
    try:
        for thread in _threads():
            with suppress(ProcessLookupError):  # it has just ended
                os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(priority))
    except OSError as error:
        yield _refused(error)


def _schedule_again(policy: int, parameters: os.sched_param) -> None:
    """Schedule this thread as it was; without CAP_SYS_NICE, what it starts still is not preferred (sched(7))."""
    try:
        os.sched_setscheduler(0, policy, parameters)
    except PermissionError:
        os.sched_setscheduler(0, policy | os.SCHED_RESET_ON_FORK, parameters)


def _refused(error: OSError) -> str:
    return (
        f"SCHED_FIFO was refused ({error.strerror}), so other programs can delay this process; "
        "allow it with `ulimit -r 99` or CAP_SYS_NICE"
    )


def _threads() -> list[int]:
    """Every thread of this process: a robot's messages come through threads of its binding."""
    tasks = Path("/proc/self/task")
    return [int(task.name) for task in tasks.iterdir()] if tasks.is_dir() else [0]


def _bound(cpu: int | None) -> Iterator[str]:
    if cpu is None:
        return
    if not hasattr(os, "sched_setaffinity"):
        yield "this system binds no process to a processor"
        return
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < _ENOUGH_TO_BIND:
        return
    try:
        os.sched_setaffinity(0, {allowed[cpu]})
    except (OSError, IndexError) as error:
        yield f"the process could not be bound to processor {cpu} ({error})"


def _locked() -> Iterator[str]:
    """Memory that is never written to disk, so that touching it never waits."""
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform != "linux":
        return
    if library.mlockall(_LOCK_WHAT_IS_TOUCHED):
        yield f"memory could not be locked ({os.strerror(ctypes.get_errno())}); allow it with `ulimit -l unlimited`"
