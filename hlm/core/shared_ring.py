"""The newest records of one writer, in shared memory that has no name and that any number of processes read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hlm.core.errors import InputError
from hlm.core.shared_slots import SharedSlots


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
    """Ring of records of one type, written by one process at a time and never waited for; see `SharedSlots`.

    Args:
        dtype: of a record.
        slots: records that are kept, at least 2.
        memory: slots of a ring that another process made; new ones if None.
    """

    def __init__(self, dtype: np.dtype[Any], slots: int = 2, memory: SharedSlots | None = None) -> None:
        self._dtype = dtype
        self._memory = SharedSlots(dtype.itemsize, slots) if memory is None else memory

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a record."""
        return self._dtype

    @property
    def written(self) -> int:
        """Number of records that were ever written."""
        return self._memory.written

    def append(self, record: np.void) -> int:
        """Write a record, in place of the oldest one; returns its index."""
        if record.dtype != self._dtype:
            raise InputError(f"this ring takes records of {self._dtype}, got {record.dtype}.")
        return self._memory.append(record.tobytes())

    def newest(self) -> np.void | None:
        """The newest record; None before the first."""
        content = self._memory.newest()
        return None if content is None else self._record(content)

    def since(self, index: int) -> Batch:
        """All records from `index` on that are still there.

        On machines that reorder memory the count of records may be seen before the newest of them: those are not lost,
        but left to the next call. Nor does `next_index` go back where an index was learnt before the count.
        """
        records, until = [], self.written
        for place in range(max(index, until - self._memory.slots, 0), until):
            content = self._memory.read(place)
            if content is not None:
                records.append(self._record(content))
            elif place > self.written - self._memory.slots:  # not overwritten, not even now
                until = place
                break
        return Batch(records, max(index, until), max(0, until - index) - len(records))

    def __reduce__(self) -> tuple[Callable[..., SharedRing], tuple[object, ...]]:
        """What a process that is being spawned makes the same ring from."""
        return SharedRing, (self._dtype, self._memory.slots, self._memory)

    def _record(self, content: bytes) -> np.void:
        record: np.void = np.frombuffer(content, self._dtype)[0]
        return record
