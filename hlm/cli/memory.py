"""Memory that worker processes may use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def free_memory_bytes(root: Path = Path("/")) -> int | None:
    """Memory that new processes can have without swapping, within the limits of this process' control groups.

    psutil tells the machine's memory alone, and a container's limit is what kills.

    Args:
        root: of the file system that the kernel tells this in.

    Returns:
        None where the kernel does not tell, as on macOS.
    """
    known = [*_machine(root / "proc/meminfo"), *_groups(root)]
    return min(known) if known else None


def _machine(path: Path) -> Iterator[int]:
    with suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "MemAvailable":
                yield int(rest.split()[0]) * 1024


def _groups(root: Path) -> Iterator[int]:
    """What each control group above this process has left, version 2 and 1."""
    with suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, own = line.split(":", 2)
            if not controllers:
                top, limit, used = root / "sys/fs/cgroup", "memory.max", "memory.current"
            elif "memory" in controllers.split(","):
                top, limit, used = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            else:
                continue
            folder = top / own.lstrip("/")
            # In a container, what the kernel calls the group may lie outside of what is mounted here.
            for group in (folder, *folder.parents):
                if group.is_relative_to(top):
                    yield from _left(group, limit, used)


def _left(group: Path, limit: str, used: str) -> Iterator[int]:
    # A group without a limit says "max", which is no number.
    with suppress(OSError, ValueError):
        most = int((group / limit).read_text())
        yield max(0, most - int((group / used).read_text()) + _reclaimable(group / "memory.stat"))


def _reclaimable(path: Path) -> int:
    """Bytes of cached files, which count as used until somebody needs the memory."""
    with suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name in ("inactive_file", "total_inactive_file"):
                return int(value)
    return 0
