"""What the operating system lets a control process have: real-time priority, cores of its own, memory that stays."""

from __future__ import annotations

import getpass
import os
import resource
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hlm.cli.diagnosis.finding import Finding, judged

# Below the kernel's own interrupt threads (50) nothing would be gained; above them, drivers would wait for us.
PRIORITY = 50
_MEMORY_BYTES = 1 << 30
_CAN_LOCK = 1 << 14  # CAP_IPC_LOCK in /proc/self/status, see capabilities(7)


class Limits(NamedTuple):
    """What was granted when it was tried.

    Attributes:
        real_time: whether a thread got SCHED_FIFO.
        cores: CPUs that this process may run on.
        lockable_bytes: memory that may be locked; None for no limit.
        user: whose limits these are.
    """

    real_time: bool
    cores: int
    lockable_bytes: int | None
    user: str


def granted_limits() -> Limits:
    """Try what a body's process will ask for, in a thread that ends afterwards."""
    real_time, _ = in_real_time(lambda: None)
    return Limits(real_time, len(os.sched_getaffinity(0)), _lockable_bytes(), _user())


def in_real_time[Result](work: Callable[[], Result]) -> tuple[bool, Result]:
    """What `work` returns, called in a thread of its own, with real-time priority if that is allowed, and whether."""
    results: list[tuple[bool, Result]] = []

    def run() -> None:
        granted = False
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))  # of this thread alone
            granted = True
        results.append((granted, work()))

    thread = threading.Thread(target=run, name="real time")
    thread.start()
    thread.join()
    return results[0]


def scheduling_findings(limits: Limits) -> list[Finding]:
    """What the body's process will have to do without, with the lines that mend it."""
    line = f"Put '{limits.user} - {{}}' into /etc/security/limits.d/90-hlm.conf and log in again; in a container, {{}}"
    lockable = limits.lockable_bytes
    return [
        judged(
            "real-time priority",
            f"SCHED_FIFO {PRIORITY} {'granted' if limits.real_time else 'refused'}",
            line.format(f"rtprio {PRIORITY + 10}", "docker run --cap-add SYS_NICE --ulimit rtprio=60"),
            note=not limits.real_time,
        ),
        judged(
            "cores",
            f"{limits.cores} for this process",
            "Give the process at least 2 cores: one for the body alone, one for all else (`taskset`, cpuset)",
            note=limits.cores < 2,
        ),
        judged(
            "memory locking",
            "without limit" if lockable is None else f"up to {lockable / 1e6:.0f} MB",
            line.format("memlock unlimited", "docker run --ulimit memlock=-1"),
            note=lockable is not None and lockable < _MEMORY_BYTES,
        ),
    ]


def _lockable_bytes() -> int | None:
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        if int(status.split("CapEff:")[1].split()[0], 16) & _CAN_LOCK:
            return None
    return None if soft == resource.RLIM_INFINITY else soft


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in containers
        return str(os.getuid())
