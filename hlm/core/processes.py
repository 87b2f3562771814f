"""Processes for one job each that never outlive the one that started them by more than they need to end safely."""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, NamedTuple, Self

from hlm.core.errors import HlmError, WorkerDiedError

# These reach every process of a terminal or a job. The first process answers them; the others end with it.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# So do these: Ctrl+\, Ctrl+Z, and what stops a job in the background that uses its terminal. No process that keeps a
# robot up, or would brake it, may be stopped or killed by them.
_TERMINAL_SIGNALS = (signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
_KILL_AFTER_S = 5.0
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15  # <linux/prctl.h>


class _Ready(NamedTuple):
    """What a process says once it can do its job; `value` is for whoever started it."""

    value: Any


class Leash:
    """A process's end of the line to the one that started it.

    Args:
        line: readable once the other end is closed, on purpose or by death, or says something.
        parent: process id of the one that started this.
    """

    def __init__(self, line: Connection, parent: int) -> None:
        self._line = line
        self._parent = parent
        self._terminated = False

    @property
    def orphaned(self) -> bool:
        """Whether the process that started this one is gone."""
        return os.getppid() != self._parent

    def ready(self, value: Any = None) -> None:
        """Say that the job can be done."""
        with suppress(OSError):
            self._line.send(_Ready(value))

    def released(self) -> bool:
        """Whether this process is to end: it was told to, got SIGTERM, or its parent is gone. Takes microseconds."""
        if self._terminated:
            return True
        try:
            return self._line.poll()
        except OSError:
            return True

    def wait(self, timeout_s: float, *bells: Connection) -> bool:
        """Wait until `released` or until one of the bells can be read, no longer than `timeout_s`; whether released."""
        if self._terminated:
            return True
        try:
            return self._line in wait([self._line, *bells], timeout_s) or self._terminated
        except OSError:
            return True

    def die_with_parent(self) -> None:
        """Let the kernel kill this process with its parent, even one that hangs; for jobs that need no safe end.

        Linux alone can; elsewhere a process that hangs stays behind.
        """
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if self.orphaned:  # before the kernel knew
            os.kill(os.getpid(), signal.SIGKILL)

    def end_on_sigterm(self) -> None:
        """Let `kill PID` release this process."""

        def terminate(number: int, frame: FrameType | None) -> None:
            del number, frame
            self._terminated = True

        signal.signal(signal.SIGTERM, terminate)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def failed(self, error: Exception) -> None:
        """Say that the job cannot be done, or not any more."""
        with suppress(OSError):
            self._line.send(error)


type Job = Callable[..., None]
"""What a process does: called with its `Leash` and further arguments; ends soon after it is released."""


class ChildProcess:
    """A new Python process with one job.

    Ctrl+C, Ctrl+Z, SIGQUIT, SIGHUP and SIGTERM of the parent's group never reach its job; `Leash.released` tells it
    to end. It does so too when the parent is gone. At the parent's exit a child that is still there is ended.

    Args:
        name: of the process, for errors and process lists.
        job: a function of a module, picklable.
        arguments: of the job after its leash, picklable; `SharedRing`s among them are shared.
    """

    def __init__(self, name: str, job: Job, *arguments: Any) -> None:
        context = get_context("spawn")
        self.name = name
        self._line, self._far_end = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_work, args=(name, self._far_end, os.getpid(), job, arguments), name=name, daemon=True
        )

    @property
    def pid(self) -> int | None:
        """Process id; None before `start`."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.pid is not None and self._process.is_alive()

    def start(self) -> Self:
        """Start it; it may take a second until it is ready."""
        atexit.register(self.stop)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL_SIGNALS)
        try:
            resource_tracker.ensure_running()  # starting it hears all signals that `deaf` is about again
            with deaf():
                self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._far_end.close()
        return self

    def wait_ready(self, timeout_s: float) -> Any:
        """What the job said when it was ready.

        Raises:
            WorkerDiedError: it ended, or did not become ready in time.
            Exception: what the job raised.
        """
        if not self._line.poll(timeout_s):
            raise WorkerDiedError(f"the {self.name} process was not ready within {timeout_s:g} s.")
        answer = self._received()
        if isinstance(answer, _Ready):
            return answer.value
        raise answer if isinstance(answer, Exception) else WorkerDiedError(f"{self.death()}.")

    def answered(self) -> bool:
        """Whether `wait_ready` would not wait: the job is ready, or has ended."""
        return self._line.closed or self._line.poll()

    def error(self) -> Exception | None:
        """What the job raised since it was ready; None if it raised nothing. Does not wait."""
        if not self._line.closed and self._line.poll():
            answer = self._received()
            return answer if isinstance(answer, Exception) else None
        return None

    def death(self) -> str:
        """How it ended, in words."""
        self._process.join(1.0)
        code = self._process.exitcode
        if code is None:
            return f"the {self.name} process does not answer"
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"
        return f"the {self.name} process {how}"

    def release(self) -> None:
        """Tell it to end; does not wait."""
        if not self._line.closed:
            with suppress(OSError):
                self._line.send(None)

    def stop(self, timeout_s: float = _KILL_AFTER_S) -> None:
        """Tell it to end, wait, and kill it when it takes longer than `timeout_s`; may be called more than once."""
        if self._process.pid is None:
            return
        self.release()
        with deaf():
            self._process.join(timeout_s)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        self._line.close()
        atexit.unregister(self.stop)

    def kill(self) -> None:
        """End it at once."""
        self.stop(0.0)

    def _received(self) -> object:
        try:
            return self._line.recv()
        except (EOFError, OSError):
            return None


def _work(name: str, line: Connection, parent: int, job: Job, arguments: tuple[Any, ...]) -> None:
    _be_called(f"hlm {name}")
    leash = Leash(line, parent)
    try:
        job(leash, *arguments)
    except Exception as error:  # noqa: BLE001 - the parent decides what becomes of it
        if not isinstance(error, HlmError):
            error.add_note(f"In a process of its own:\n{traceback.format_exc()}")
        leash.failed(error)


def _be_called(name: str) -> None:
    """Let process lists such as `top` show a name, of which Linux keeps 15 bytes."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


@contextmanager
def deaf() -> Iterator[None]:
    """What is started here never hears the signals that end programs; this process hears them afterwards.

    In a thread that is not the main one, which signals are answered in, this process hears them at once.
    """
    heard: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        del frame
        heard.append(number)

    here = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, remember) for number in SIGNALS if here}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
        for again in dict.fromkeys(heard):
            signal.raise_signal(again)
