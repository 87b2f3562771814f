"""Recording episodes into a dataset: crash-safe, off the caller's thread, one writer at a time."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from hlm import __version__
from hlm.core.errors import CorruptError, ExistsError, InputError, MismatchError
from hlm.core.files import storage_errors, sync_folder, write_atomic
from hlm.datasets.command import CommandLog
from hlm.datasets.reader import read_spec
from hlm.datasets.schema import PAUSES_NS, DatasetSpec, EpisodeInfo, Json, Step
from hlm.datasets.store.attributes import group_metadata
from hlm.datasets.store.consolidated import drop_consolidated
from hlm.datasets.store.images import ImageFormat
from hlm.datasets.store.journal import HEADER_FILE, Columns, Header, read_journal
from hlm.datasets.store.lock import LOCK_FILE, FolderLock
from hlm.datasets.store.naming import METADATA, episode_folder, numbered_episodes
from hlm.datasets.store.notes import COMMAND_FILE, PAUSES_FILE, note_line
from hlm.datasets.store.packing import pack
from hlm.datasets.store.spool import KEEP_HINT, Spool
from hlm.datasets.store.swap import finish_swap

DEFAULT_FORMAT = ImageFormat()

_LOG = logging.getLogger(__name__)


class DatasetWriter:
    """The only writer of a dataset; a context manager that holds the dataset's lock."""

    def __init__(self, path: Path, spec: DatasetSpec, lock: FolderLock, image_format: ImageFormat) -> None:
        self.path = path
        self.spec = spec
        self.image_format = image_format
        self._lock = lock
        self._open: list[EpisodeWriter] = []

    @classmethod
    def open(cls, path: Path | str, spec: DatasetSpec, image_format: ImageFormat = DEFAULT_FORMAT) -> Self:
        """Create a dataset, or continue one with the same specification.

        Args:
            path: folder of the dataset.
            spec: its specification.
            image_format: how images of new episodes are stored; episodes of a dataset may differ in it.

        Raises:
            MismatchError: the dataset has another embodiment, rate, or set of cameras.
            ExistsError: the path holds something else.
            LockedError: another process is writing the dataset.
            StorageError: the folder cannot be written.
        """
        path = Path(path)
        finish_swap(path)
        if path.is_dir() and not (path / METADATA).exists():
            strangers = [entry.name for entry in path.iterdir() if entry.name != LOCK_FILE]
            if strangers:
                raise ExistsError(f"{path} exists and is not a dataset: it holds {strangers[0]}. Choose another name.")
        with storage_errors("create", path):
            path.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(path).acquire()
        try:
            _create_or_check(path, spec)
            with storage_errors("record into", path):
                drop_consolidated(path)
        except BaseException:
            lock.release()
            raise
        return cls(path, spec, lock, image_format)

    def episode(self, info: EpisodeInfo) -> EpisodeWriter:
        """Start an episode. Its number follows the highest one in the dataset, finished or not."""
        with storage_errors("start an episode in", self.path):
            taken = [number for partial in (False, True) for number, _ in numbered_episodes(self.path, partial=partial)]
            number = max(taken, default=-1) + 1
            folder = self.path / episode_folder(number, partial=True)
            folder.mkdir()
            sync_folder(self.path)
        self._open = [episode for episode in self._open if episode.is_open]
        self._open.append(EpisodeWriter(folder, number, self, info))
        return self._open[-1]

    def close(self) -> None:
        """Release the dataset. Open episodes stay partial and recoverable."""
        for episode in self._open:
            episode.close()
        self._open = []
        with storage_errors("unlock", self.path):
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class EpisodeWriter:
    """Writer of one episode; a context manager that closes the episode on the way out.

    An episode that is closed without having been committed or discarded stays partial and recoverable.
    """

    def __init__(self, folder: Path, number: int, dataset: DatasetWriter, info: EpisodeInfo) -> None:
        self.path = folder
        self.number = number
        self.info = info
        self.is_open = True
        self._spec = dataset.spec
        self._image_format = dataset.image_format
        self._start_utc = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._steps = 0
        self._stamp_ns = 0
        self._header: Header | None = None
        self._spool: Spool | None = None
        self._command = CommandLog()
        self._pauses_ns: list[list[int]] = []
        self._paused = False

    def __len__(self) -> int:
        return self._steps

    @property
    def takeovers(self) -> int:
        """How often another one than at the start came into command."""
        return self._command.takeovers

    def append(self, step: Step) -> None:
        """Add a step; one after a pause ends it. Blocks while the encoder is behind.

        Raises:
            MismatchError: cameras, inputs or privileged quantities differ from the first step's, or from the
                dataset's cameras.
            InputError: the stamp does not increase.
            StorageError: an earlier step could not be written.
        """
        self._must_be_open()
        columns = _columns_of(step)
        if self._header is None or self._spool is None:
            self._spool = self._begin(columns)
        elif columns != self._header.columns:
            raise MismatchError(_difference(self._header.columns, columns, self._steps))
        elif step.stamp_ns <= self._stamp_ns:
            raise InputError(
                f"step {self._steps} has stamp {step.stamp_ns} ns, not after {self._stamp_ns} ns of the last."
            )
        self._spool.put(step.values(), step.images, self._notes(step))
        self._steps += 1
        self._stamp_ns = step.stamp_ns

    def pause(self) -> None:
        """The next step comes after a pause that was wanted; before the first step there is none."""
        self._paused = self._steps > 0

    def commit(
        self,
        *,
        outcome: str | None = None,
        stage: int | None = None,
        fault: str | None = None,
        extra: Mapping[str, Json] | None = None,
    ) -> Path:
        """End the episode and keep it.

        Args:
            outcome: outcome of the episode; by default, as in its description.
            stage: number of task stages reached; by default, as in its description.
            fault: why the body stopped following references; by default, as in its description.
            extra: added to the `extra` of its description, as are its pauses and who was in command.

        Returns:
            Folder of the episode.

        Raises:
            InputError: the episode has no steps, or has ended.
            StorageError: the disk refused. What was written stays recoverable.
        """
        self._must_be_open()
        if self._header is None:
            raise InputError(f"episode {self.number} has no steps to commit; discard it.")
        pauses: dict[str, Json] = {PAUSES_NS: self._pauses_ns} if self._pauses_ns else {}
        extra = {**self.info.extra, **self._command.extra, **pauses, **(extra or {})}
        changes = {"outcome": outcome, "stage": stage, "fault": fault, "extra": extra}
        info = replace(self.info, **{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]
        self._end()
        with storage_errors("finish", self.path, KEEP_HINT):
            # Every write was acknowledged, so only a recovery has to read the images again.
            records = read_journal(self.path, self._header.columns)
            if len(records) != self._steps:
                raise CorruptError(f"{self.path} kept {len(records)} of {self._steps} steps; run `hlm data recover`.")
            return pack(self.path, self._header, records, info.to_attributes())

    def discard(self) -> None:
        """End the episode and delete it."""
        self._must_be_open()
        self.is_open = False
        if self._spool is not None:
            self._spool.abandon()
        with storage_errors("delete", self.path):
            # First, so that the rest of a deletion that was killed is not mistaken for an episode.
            (self.path / HEADER_FILE).unlink(missing_ok=True)
            shutil.rmtree(self.path)
            sync_folder(self.path.parent)

    def close(self) -> None:
        """Stop writing. An episode that was neither committed nor discarded stays partial and recoverable."""
        if not self.is_open:
            return
        self.is_open = False
        if self._header is None:
            shutil.rmtree(self.path, ignore_errors=True)
            return
        _LOG.warning("%s was left open after %d steps; `hlm data recover` keeps it", self.path.name, self._steps)
        if self._spool is not None:
            self._spool.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self, columns: Columns) -> Spool:
        self._spec.check_cameras(columns.cameras)
        self._header = Header(
            description=self.info.to_attributes(), columns=columns, start_utc=self._start_utc, software=__version__
        )
        return Spool(self.path, self._header, self._spec.rate_hz, self._image_format)

    def _notes(self, step: Step) -> dict[str, bytes]:
        """What a step says besides its numbers, see `hlm.datasets.store.notes`."""
        notes = {}
        if self._command.note(step.stamp_ns, step.in_command):
            notes[COMMAND_FILE] = note_line(step.stamp_ns, step.in_command)
        if self._paused:
            notes[PAUSES_FILE] = note_line(self._stamp_ns, step.stamp_ns)
            self._pauses_ns.append([self._stamp_ns, step.stamp_ns])
            self._paused = False
        return notes

    def _end(self) -> None:
        self.is_open = False
        if self._spool is not None:
            self._spool.close()

    def _must_be_open(self) -> None:
        if not self.is_open:
            raise InputError(f"episode {self.number} has ended; start another one.")


def _columns_of(step: Step) -> Columns:
    return Columns(
        cameras={name: (image.shape[0], image.shape[1]) for name, image in step.images.items()},
        inputs=tuple(sorted(step.age_s)),
        privileged={name: value.shape for name, value in step.privileged.items()},
    )


def _create_or_check(path: Path, spec: DatasetSpec) -> None:
    with storage_errors("create", path):
        if not (path / METADATA).exists():
            write_atomic(path / METADATA, group_metadata(spec.to_attributes()))
            return
    found = read_spec(path)
    for item in fields(DatasetSpec):
        has, asked = getattr(found, item.name), getattr(spec, item.name)
        if has != asked:
            raise MismatchError(
                f"{path} has {item.name} {_shown(has)}, asked for {_shown(asked)}. Record into another dataset."
            )


def _difference(first: Columns, now: Columns, step: int) -> str:
    for item in fields(Columns):
        before, after = getattr(first, item.name), getattr(now, item.name)
        if before != after:
            return f"step {step} has {item.name} {_shown(after)}, the episode's first step has {_shown(before)}."
    return f"step {step} differs from the first."


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {'x'.join(map(str, size)) or 'scalar'}" for name, size in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else f"'{value}'"
