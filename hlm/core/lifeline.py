"""How a process learns within a fraction of a millisecond that another one is dead."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import DupFd
from typing import Any, NamedTuple

from hlm.core.clock import NS_PER_S, MonotonicClock

_OWNER_DIED = 130  # EOWNERDEAD of Linux's errno.h
_CLOCK_MONOTONIC = 1  # of Linux's time.h
_SHARED, _ROBUST = 1, 1  # PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_ROBUST of glibc's pthread.h
_ATTRIBUTE_BYTES = 64  # more than any of glibc's


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class Lifeline(NamedTuple):
    """Both ends of a lifeline, for two processes that are being spawned; `close` them here afterwards.

    Attributes:
        held: for the process that is watched.
        watched: for the one that watches it.
    """

    held: HeldLife
    watched: WatchedLife

    @classmethod
    def new(cls) -> Lifeline:
        """A new one."""
        reader, writer = Pipe(duplex=False)
        lock = _DeathLock() if _locks_tell() else None
        return cls(HeldLife(writer, lock), WatchedLife(reader, lock))

    def close(self) -> None:
        """Let go of both ends in this process."""
        self.held.line.close()
        self.watched.line.close()


class HeldLife(NamedTuple):
    """The end that a process holds as long as it lives.

    Attributes:
        line: closes with the process.
        lock: see `_DeathLock`; None where the system has none.
    """

    line: Connection
    lock: _DeathLock | None

    def hold(self) -> None:
        """From now on the death of this thread is seen; the main thread calls it."""
        if self.lock is not None:
            self.lock.hold()


class WatchedLife(NamedTuple):
    """The end of who watches.

    Attributes:
        line: ends when the process that is watched has closed everything.
        lock: see `_DeathLock`; None where the system has none.
    """

    line: Connection
    lock: _DeathLock | None

    def ended(self, timeout_s: float) -> bool:
        """Wait until the process is dead, no longer than `timeout_s`; whether it is."""
        if self.lock is not None and self.lock.held:
            return self.lock.owner_died(timeout_s) or self.line.poll()
        return self.line.poll(timeout_s)


class _DeathLock:
    """A lock in shared memory whose waiter wakes when the thread that holds it dies (POSIX: a robust mutex).

    Linux wakes it before it takes the process apart, which takes 10 ms for a process of 150 MB; pipes, and whoever
    waits for the process itself, learn of a death only after that.

    Args:
        file: descriptor of the memory of a lock that another process made; a new lock if None.
    """

    def __init__(self, file: int | None = None) -> None:
        self._file = os.memfd_create("hlm") if file is None else file
        if file is None:
            os.ftruncate(self._file, mmap.PAGESIZE)
        self._memory = mmap.mmap(self._file, mmap.PAGESIZE)
        self._mutex = (ctypes.c_char * (mmap.PAGESIZE - 1)).from_buffer(self._memory)
        self._library = ctypes.CDLL(None)
        if file is None:
            attribute = (ctypes.c_char * _ATTRIBUTE_BYTES)()
            self._library.pthread_mutexattr_init(attribute)
            self._library.pthread_mutexattr_setpshared(attribute, _SHARED)
            self._library.pthread_mutexattr_setrobust(attribute, _ROBUST)
            self._library.pthread_mutex_init(self._mutex, attribute)

    @property
    def held(self) -> bool:
        """Whether a thread has ever held it."""
        return self._memory[-1] == 1

    def hold(self) -> None:
        """Hold it until death."""
        self._library.pthread_mutex_lock(self._mutex)
        self._memory[-1] = 1

    def owner_died(self, timeout_s: float) -> bool:
        """Wait for the death of who holds it; may say so once."""
        until_ns = MonotonicClock().now_ns() + round(timeout_s * NS_PER_S)
        until = _Timespec(*divmod(until_ns, NS_PER_S))
        wait = self._library.pthread_mutex_clocklock
        return bool(wait(self._mutex, _CLOCK_MONOTONIC, ctypes.byref(until)) == _OWNER_DIED)

    def __reduce__(self) -> tuple[Callable[..., _DeathLock], tuple[object, ...]]:
        """What a process that is being spawned makes the same lock from."""
        return _attached, (DupFd(self._file),)

    def __del__(self) -> None:
        """Give the descriptor back."""
        if hasattr(self, "_file"):
            os.close(self._file)
            del self._file


def _attached(file: Any) -> _DeathLock:
    return _DeathLock(file.detach())


def _locks_tell() -> bool:
    """Whether this system has robust mutexes that can be waited for on the monotonic clock (glibc 2.30 or newer)."""
    return hasattr(os, "memfd_create") and hasattr(ctypes.CDLL(None), "pthread_mutex_clocklock")
