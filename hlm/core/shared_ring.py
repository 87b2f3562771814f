"""The newest records of one writer, in shared memory that has no name and that any number of processes read."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from collections.abc import Callable
from multiprocessing.reduction import DupFd
from typing import Any, NamedTuple

import google_crc32c
import numpy as np

from hlm.core.errors import InputError

_HEADER = struct.Struct("<Q")  # how many records were written
_SLOT = struct.Struct("<QQ")  # 1 + index of the record, or 0 while it is written; its checksum
_ALIGNMENT = 64
_TRIES = 1000


class Batch(NamedTuple):
    """Records that a reader had not seen.

    Attributes:
        records: oldest first; read-only.
        next_index: index of the record that comes after them.
        lost: how many the writer had overwritten before they were read.
    """

    records: list[np.void]
    next_index: int
    lost: int


class SharedRing:
    """Ring of records, written by one process at a time and never waited for.

    The memory belongs to the processes that hold it and to no file: when the last of them ends, however it ends, it is
    gone. A ring is handed to a child process as an argument while that is spawned. A record that is being written, or
    whose writer died in the middle, is never read: each carries its index and a checksum, which also holds on machines
    that reorder memory.

    Args:
        dtype: of a record.
        slots: records that are kept, at least 2.
        file: descriptor of the memory of a ring that another process made; new memory if None.
    """

    def __init__(self, dtype: np.dtype[Any], slots: int = 2, file: int | None = None) -> None:
        if slots < 2:
            raise InputError(f"a ring needs at least 2 slots, got {slots}.")
        self._file = _anonymous_file(_size(dtype, slots)) if file is None else file
        self._dtype, self._slots, self._stride = dtype, slots, _stride(dtype)
        self._memory = mmap.mmap(self._file, _size(dtype, slots))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a record."""
        return self._dtype

    @property
    def written(self) -> int:
        """Number of records that were ever written."""
        count: int = _HEADER.unpack_from(self._memory)[0]
        return count

    def append(self, record: np.void) -> int:
        """Write a record, in place of the oldest one; returns its index."""
        if record.dtype != self._dtype:
            raise InputError(f"this ring takes records of {self._dtype}, got {record.dtype}.")
        index, content = self.written, record.tobytes()
        place = self._place(index)
        _SLOT.pack_into(self._memory, place, 0, 0)
        self._memory[place + _SLOT.size : place + _SLOT.size + len(content)] = content
        _SLOT.pack_into(self._memory, place, index + 1, google_crc32c.value(content))
        _HEADER.pack_into(self._memory, 0, index + 1)
        return index

    def newest(self) -> np.void | None:
        """The newest record; None before the first."""
        for _ in range(_TRIES):
            written = self.written
            if not written:
                return None
            record = self._read(written - 1)
            if record is not None:
                return record
        return None

    def since(self, index: int) -> Batch:
        """All records from `index` on that are still there."""
        records, written = [], self.written
        for place in range(max(index, written - self._slots, 0), written):
            record = self._read(place)
            if record is not None:
                records.append(record)
        return Batch(records, written, max(0, written - index) - len(records))

    def __reduce__(self) -> tuple[Callable[..., SharedRing], tuple[object, ...]]:
        """What a process that is being spawned makes the same ring from."""
        return _attached, (DupFd(self._file), self._dtype, self._slots)

    def __del__(self) -> None:
        """Give the descriptor back; the memory goes with the last one."""
        if hasattr(self, "_file"):
            os.close(self._file)
            del self._file

    def _place(self, index: int) -> int:
        return _ALIGNMENT + (index % self._slots) * self._stride

    def _read(self, index: int) -> np.void | None:
        """A record; None if it is not there any more, or not yet whole."""
        place = self._place(index)
        tag, checksum = _SLOT.unpack_from(self._memory, place)
        if tag != index + 1:
            return None
        start = place + _SLOT.size
        content = self._memory[start : start + self._dtype.itemsize]
        if google_crc32c.value(content) != checksum:
            return None
        record: np.void = np.frombuffer(content, self._dtype)[0]
        return record


def _attached(file: Any, dtype: np.dtype[Any], slots: int) -> SharedRing:
    return SharedRing(dtype, slots, file.detach())


def _stride(dtype: np.dtype[Any]) -> int:
    used = _SLOT.size + dtype.itemsize
    return -(-used // _ALIGNMENT) * _ALIGNMENT


def _size(dtype: np.dtype[Any], slots: int) -> int:
    return _ALIGNMENT + slots * _stride(dtype)


def _anonymous_file(size: int) -> int:
    """Descriptor of a file of `size` zeros that no folder knows."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("hlm")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
