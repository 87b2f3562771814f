"""Encoding of images and writing of an episode's journal, off the caller's thread."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from types import TracebackType

from hlm.core.arrays import ByteArray
from hlm.core.errors import StorageError
from hlm.core.files import storage_errors, sync_folder, write_all
from hlm.datasets.store.checksum import checksum
from hlm.datasets.store.images import ImageFormat
from hlm.datasets.store.journal import STEPS_FILE, Header, Values, record, shard_path

# A killed process loses at most the queue; a power failure, a sync period more.
QUEUE_S = 0.25
SYNC_PERIOD_S = 0.25
KEEP_HINT = "`hlm data recover` keeps what was recorded so far."

type Images = Mapping[str, ByteArray]
# Lines by the file of `hlm.datasets.store.notes` that they belong into.
type Notes = Mapping[str, bytes]


class Spool:
    """Writer thread with a bounded queue. When the queue is full, the caller waits; no step is dropped.

    A second thread syncs the files, so that a slow disk does not hold up the first one. An error in either thread is
    raised by the next `put` or `close`.

    Args:
        folder: folder of the partial episode.
        header: header of its journal.
        rate_hz: steps per second, for the length of the queue.
        image_format: how images are stored.
    """

    def __init__(self, folder: Path, header: Header, rate_hz: float, image_format: ImageFormat) -> None:
        self._folder = folder
        self._header = header
        self._image_format = image_format
        self._failure: tuple[Exception, TracebackType | None] | None = None
        self._queue: Queue[tuple[Values, Images, Notes] | None] = Queue(max(2, round(QUEUE_S * rate_hz)))
        self._ending = Event()
        self._offsets = dict.fromkeys(header.columns.cameras, 0)
        self._files: dict[str, int] = {}
        self._steps_file = -1
        self._threads = [Thread(target=work, name=folder.name, daemon=True) for work in (self._write, self._sync)]
        for thread in self._threads:
            thread.start()

    def put(self, values: Values, images: Images, notes: Notes) -> None:
        """Hand over a step. Its arrays must not change afterwards.

        Args:
            values: by array.
            images: [height, width, 3] uint8 RGB by camera.
            notes: of the step.

        Raises:
            StorageError: an earlier step could not be written.
        """
        self._raise()
        self._queue.put((values, images, notes))

    def close(self) -> None:
        """Write what was handed over, sync, and end the threads.

        Raises:
            StorageError: something could not be written.
        """
        self.abandon()
        self._raise()

    def abandon(self) -> None:
        """Like `close`, but errors are ignored."""
        self._queue.put(None)
        for thread in self._threads:
            thread.join()
        for descriptor in self._descriptors():
            os.close(descriptor)
        self._files, self._steps_file = {}, -1

    def _raise(self) -> None:
        if self._failure is not None:
            error, trace = self._failure
            # With its original traceback, which would otherwise grow each time the error is raised.
            raise error.with_traceback(trace)

    def _write(self) -> None:
        with self._guard():
            self._start()
        while (step := self._queue.get()) is not None:
            # After an error, steps are thrown away, so that nobody waits for ever on a full queue.
            if self._failure is None:
                with self._guard():
                    self._append(*step)
        self._ending.set()

    def _sync(self) -> None:
        ending = False
        while not ending and self._failure is None:
            ending = self._ending.wait(SYNC_PERIOD_S)
            with self._guard():
                for descriptor in self._descriptors():
                    os.fdatasync(descriptor)
                    if os.fstat(descriptor).st_nlink == 0:
                        raise StorageError(f"{self._folder} was deleted while it was being written.")

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Keep an error for the caller's thread."""
        try:
            with storage_errors("write to", self._folder, KEEP_HINT):
                yield
        except Exception as error:  # noqa: BLE001 - raised in the caller's thread
            self._failure = self._failure or (error, error.__traceback__)

    def _start(self) -> None:
        self._header.write(self._folder)
        for camera in self._header.columns.cameras:
            path = shard_path(self._folder, camera)
            path.parent.mkdir()
            # A new mapping each time, because the other thread may be iterating over this one.
            self._files = {**self._files, camera: _create(path)}
            sync_folder(path.parent)
        self._steps_file = _create(self._folder / STEPS_FILE)
        sync_folder(self._folder)

    def _append(self, values: Values, images: Images, notes: Notes) -> None:
        places = {}
        for camera, image in images.items():
            frame = self._image_format.encode(image)
            data = frame + checksum(frame)
            write_all(self._files[camera], data)
            places[camera] = (self._offsets[camera], len(data))
            self._offsets[camera] += len(data)
        for name, line in notes.items():
            self._note(name, line)
        write_all(self._steps_file, record(values, self._header.columns, places))

    def _note(self, name: str, line: bytes) -> None:
        """Write a note before the step's own record, so that a step that is kept has its notes."""
        if name not in self._files:
            self._files = {**self._files, name: _create(self._folder / name)}
            sync_folder(self._folder)
        write_all(self._files[name], line)

    def _descriptors(self) -> list[int]:
        files = (*self._files.values(), self._steps_file)
        return [descriptor for descriptor in files if descriptor >= 0]


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
