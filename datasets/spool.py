"""Encodes pictures and appends rows to an episode's journal, off the caller's thread."""

from __future__ import annotations

import os
import time
from pathlib import Path
from queue import Queue
from threading import Thread

from hlm.core.errors import HlmError
from hlm.datasets.images import encode
from hlm.datasets.journal import ROWS_FILE, Columns, record, shard_path
from hlm.datasets.schema import Row
from hlm.datasets.storage import StorageError, checksum, storage_errors, sync_folder, write_all

# A process that is killed loses no more than the queue; a machine that loses power, no more than a sync period.
QUEUE_S = 0.25
SYNC_PERIOD_S = 0.25


class Spool:
    """A thread that takes rows from a bounded queue; when the queue is full, the caller waits, and no row is dropped.

    An error in the thread is raised by the next `put` or `close`.
    """

    def __init__(self, folder: Path, columns: Columns, rate_hz: float) -> None:
        self._folder = folder
        self._columns = columns
        self._error: Exception | None = None
        self._queue: Queue[Row | None] = Queue(max(2, round(QUEUE_S * rate_hz)))
        self._offsets = dict.fromkeys(columns.cameras, 0)
        self._files: dict[str, int] = {}
        self._synced_s = time.monotonic()
        for camera in columns.cameras:
            path = shard_path(folder, camera)
            path.parent.mkdir()
            self._files[camera] = _create(path)
            sync_folder(path.parent)
        self._rows_file = _create(folder / ROWS_FILE)
        sync_folder(folder)
        self._thread = Thread(target=self._work, name=f"spool {folder.name}", daemon=True)
        self._thread.start()

    def put(self, row: Row) -> None:
        """Hand over a row that fits the columns."""
        self._raise()
        self._queue.put(row)

    def close(self) -> None:
        """Write what was handed over, sync, and end the thread."""
        self.abandon()
        self._raise()

    def abandon(self) -> None:
        """Like `close`, but whatever goes wrong stays unsaid."""
        self._queue.put(None)
        self._thread.join()
        for descriptor in (*self._files.values(), self._rows_file):
            if descriptor >= 0:
                os.close(descriptor)
        self._files, self._rows_file = {}, -1

    def _raise(self) -> None:
        if self._error is not None:
            if isinstance(self._error, HlmError):
                # A fresh one each time: an exception that is raised twice drags its first traceback along.
                raise type(self._error)(str(self._error)) from self._error
            raise self._error

    def _work(self) -> None:
        while (row := self._queue.get()) is not None:
            # After an error rows are thrown away, so that nobody waits for ever on a full queue.
            if self._error is None:
                self._guarded(row)
        if self._error is None:
            self._guarded(None)

    def _guarded(self, row: Row | None) -> None:
        try:
            with storage_errors("write to", self._folder):
                if row is not None:
                    self._append(row)
                if row is None or time.monotonic() - self._synced_s > SYNC_PERIOD_S:
                    self._sync()
        except Exception as error:  # noqa: BLE001 - handed to the caller's thread
            self._error = error

    def _append(self, row: Row) -> None:
        places = {}
        for camera, image in row.images.items():
            frame = encode(image)
            data = frame + checksum(frame)
            write_all(self._files[camera], data)
            places[camera] = (self._offsets[camera], len(data))
            self._offsets[camera] += len(data)
        write_all(self._rows_file, record(row, self._columns, places))

    def _sync(self) -> None:
        for descriptor in (*self._files.values(), self._rows_file):
            os.fdatasync(descriptor)
        self._synced_s = time.monotonic()
        if os.fstat(self._rows_file).st_nlink == 0:
            raise StorageError(f"{self._folder} was deleted while it was being written.")


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
