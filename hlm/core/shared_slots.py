"""The newest contents of one writer, in shared memory that has no name and that any number of processes read."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable
from multiprocessing.reduction import DupFd
from typing import Any

import google_crc32c

from hlm.core.errors import InputError

_WORD = 8
# Of a slot: 1 + index of the content, or 0 while it is written; its length; its checksum. The content follows.
_SLOT_HEADER = 3 * _WORD
_ALIGNMENT = 64
_TRIES = 1000


class SharedSlots:
    """Contents of any length up to a limit, written by one process at a time and never waited for.

    The memory belongs to the processes that hold it and to no file: when the last of them ends, however it ends, it is
    gone; pages that nothing was written to cost nothing. Slots are handed to a child process as an argument while that
    is spawned. A content that is being written, or whose writer died in the middle, is never read: each carries its
    index and a checksum, which also holds on machines that reorder memory.

    Args:
        capacity: bytes of the longest content.
        slots: contents that are kept, at least 2.
        file: descriptor of the memory of slots that another process made; new memory if None.
    """

    def __init__(self, capacity: int, slots: int = 2, file: int | None = None) -> None:
        if slots < 2:
            raise InputError(f"a ring needs at least 2 slots, got {slots}.")
        self._capacity, self._slots = capacity, slots
        self._stride = -(-(_SLOT_HEADER + capacity) // _ALIGNMENT) * _ALIGNMENT
        size = _ALIGNMENT + slots * self._stride
        self._file = _anonymous_file(size) if file is None else file
        self._memory = mmap.mmap(self._file, size)
        # Eight bytes each that are read and written at once; `struct` would show a reader zeros, or half a number. The
        # first is how many contents were written.
        self._words = memoryview(self._memory).cast("Q")

    @property
    def slots(self) -> int:
        """Contents that are kept."""
        return self._slots

    @property
    def written(self) -> int:
        """Number of contents that were ever written."""
        return self._words[0]

    def append(self, content: bytes) -> int:
        """Write a content, in place of the oldest one; returns its index.

        Raises:
            InputError: it is longer than the capacity.
        """
        if len(content) > self._capacity:
            raise InputError(f"{len(content)} bytes do not fit into slots of {self._capacity} bytes.")
        index = self.written
        place = self._place(index)
        word, start = place // _WORD, place + _SLOT_HEADER
        self._words[word] = 0
        self._memory[start : start + len(content)] = content
        self._words[word + 1], self._words[word + 2] = len(content), _checksum(index, content)
        self._words[word] = index + 1
        self._words[0] = index + 1
        return index

    def read(self, index: int) -> bytes | None:
        """A content; None if it is not there any more, or not yet whole."""
        place = self._place(index)
        word, start = place // _WORD, place + _SLOT_HEADER
        length, checksum = self._words[word + 1], self._words[word + 2]
        if self._words[word] != index + 1 or length > self._capacity:
            return None
        content = self._memory[start : start + length]
        return content if _checksum(index, content) == checksum else None

    def newest(self) -> bytes | None:
        """The newest content; None before the first."""
        for _ in range(_TRIES):
            written = self.written
            if not written:
                return None
            content = self.read(written - 1)
            if content is not None:
                return content
        return None

    def __reduce__(self) -> tuple[Callable[..., SharedSlots], tuple[object, ...]]:
        """What a process that is being spawned makes the same slots from."""
        return _attached, (DupFd(self._file), self._capacity, self._slots)

    def __del__(self) -> None:
        """Give the descriptor back; the memory goes with the last one."""
        if hasattr(self, "_file"):
            os.close(self._file)
            del self._file

    def _place(self, index: int) -> int:
        return _ALIGNMENT + (index % self._slots) * self._stride


def _checksum(index: int, content: bytes) -> int:
    """Of a content in its place: it holds for no other index, and zeros do not hold for an empty content."""
    checksum: int = google_crc32c.extend((index + 1) % 2**32, content)
    return checksum


def _attached(file: Any, capacity: int, slots: int) -> SharedSlots:
    return SharedSlots(capacity, slots, file.detach())


def _anonymous_file(size: int) -> int:
    """Descriptor of a file of `size` zeros that no folder knows."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("hlm")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
