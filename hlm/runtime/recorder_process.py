"""Recording in a process of its own: the loop hands its steps over and never waits, whatever the disk does."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hlm.core.errors import HlmError, InputError
from hlm.core.processes import ChildProcess, Leash
from hlm.core.shared_ring import SharedRing
from hlm.core.wording import counted
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Json, Step
from hlm.datasets.store.images import ImageFormat
from hlm.datasets.store.lock import LOCK_FILE
from hlm.datasets.store.naming import METADATA
from hlm.datasets.writer import DEFAULT_FORMAT, DatasetWriter, EpisodeWriter
from hlm.runtime.companion_process import CompanionProcess, Line
from hlm.runtime.step_records import step_dtype, step_from_record, step_to_record

_LOOK_S = 0.02
_READY_S, _COMMIT_S, _END_S = 120.0, 60.0, 5.0
# An orphan has nobody who would end it, should the disk hang.
_ORPHAN_S = 60
_LEFT_ALONE = "the session ended without saying how: its process was killed"
_MOST_BYTES = 512 * 2**20
_LONGEST_ERROR = 512
_REPORT = np.dtype([("written", np.int64), ("lost", np.int64), ("error", f"S{_LONGEST_ERROR}")])


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingPlan:
    """One episode to record.

    Attributes:
        path: of the dataset.
        spec: of the dataset.
        info: of the episode, before it has happened.
        inputs: that steps have ages of.
        privileged: shapes of the privileged quantities by name.
        image_format: how images are stored.
        buffer_s: the disk may be slower for so long before steps are lost.
    """

    path: Path
    spec: DatasetSpec
    info: EpisodeInfo
    inputs: tuple[str, ...]
    privileged: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    image_format: ImageFormat = DEFAULT_FORMAT
    buffer_s: float = 3.0

    def __post_init__(self) -> None:
        """Check ranges."""
        if not self.buffer_s > 0.0:
            raise InputError(f"buffer_s must be positive, got {self.buffer_s}.")

    @property
    def step_dtype(self) -> np.dtype[Any]:
        """Type of the record of a step."""
        return step_dtype(self.spec.cameras, self.inputs, self.privileged)

    @property
    def slots(self) -> int:
        """Steps that wait for the disk at most."""
        return max(4, min(round(self.buffer_s * self.spec.rate_hz), _MOST_BYTES // self.step_dtype.itemsize))


class Ending(NamedTuple):
    """How an episode has ended; see `EpisodeWriter.commit`."""

    outcome: str
    stage: int | None
    fault: str
    extra: Mapping[str, Json]


class Recorded(NamedTuple):
    """What became of a recording.

    Attributes:
        path: folder of the episode; None when it was not kept.
        steps: how many it has.
        lost: how many were not written because the disk was too slow.
        trouble: why the episode is not there or not complete; empty when it is both.
    """

    path: Path | None = None
    steps: int = 0
    lost: int = 0
    trouble: str = ""


class RecorderProcess(CompanionProcess):
    """Writes one episode in a process of its own, which is ready when the dataset is open.

    `append` returns at once. When the process that records is gone, `trouble` says so; what it wrote stays recoverable.
    When the process that moves is gone, the recorder commits what there is, and marks it.

    Args:
        plan: what to record.
    """

    def __init__(self, plan: RecordingPlan) -> None:
        self._plan = plan
        self._steps = SharedRing(plan.step_dtype, plan.slots)
        self._reports = SharedRing(_REPORT)
        line = Line(*Pipe())
        child = ChildProcess("recorder", _record, plan, self._steps, self._reports, line.there)
        super().__init__(child, line, _READY_S, _END_S)
        self._ended = False

    def append(self, step: Step, stage: int | None = None) -> None:
        """Hand a step over.

        Args:
            step: see `EpisodeWriter.append`.
            stage: of the task that was reached by now; None without a task.
        """
        self._steps.append(step_to_record(self._plan.step_dtype, step, stage))

    def trouble(self) -> str:
        """Why nothing is being recorded any more; empty while it is."""
        alive, report = self._child.alive, self._reports.newest()
        if report is not None and report["error"]:
            return bytes(report["error"]).decode(errors="replace")
        if not alive and not self._ended:
            return f"{self._child.death()}; `hlm data recover {self._plan.path}` keeps what it wrote"
        return ""

    @property
    def lost(self) -> int:
        """Steps that were not written because the disk was too slow."""
        report = self._reports.newest()
        return 0 if report is None else int(report["lost"])

    def commit(self, ending: Ending) -> Recorded:
        """End the episode and keep it; without steps nothing is kept. Waits for the disk, and may be called once."""
        try:
            self._line.here.send(ending)
            if self._line.here.poll(_COMMIT_S):
                recorded: Recorded = self._line.here.recv()
                self._ended = True
                return recorded
        except (EOFError, OSError):
            pass
        written = self._reports.newest()
        return Recorded(
            steps=0 if written is None else int(written["written"]),
            trouble=self.trouble() or f"the recorder did not finish within {_COMMIT_S:g} s",
        )

    def close(self) -> None:
        """End the process; an episode that was not committed is kept, and marked as one that was broken off."""
        super().close()
        self._ended = True


def _record(leash: Leash, plan: RecordingPlan, steps: SharedRing, reports: SharedRing, line: Connection) -> None:
    """Write steps until it is told how the episode ended, or nobody is there any more to tell."""
    os.nice(5)
    logging.getLogger("hlm.datasets").setLevel(logging.ERROR)  # what is left open is told by whoever records
    new = not plan.path.exists()
    with DatasetWriter.open(plan.path, plan.spec, plan.image_format) as writer:
        course = _Course(writer.episode(plan.info), reports)
        leash.ready()
        while not (released := leash.wait(_LOOK_S, line)) and not line.poll():
            course.add(steps)
        if leash.orphaned:
            signal.alarm(_ORPHAN_S)
        course.add(steps)
        ending = None
        with suppress(EOFError, OSError):
            ending = line.recv() if not released or line.poll() else None
        course.add(steps)
        recorded = course.end(ending)
        with suppress(OSError):
            line.send(recorded)
            leash.wait(_READY_S)
    if new and not recorded.steps:
        _remove_empty(plan.path)


def _remove_empty(path: Path) -> None:
    """Take a dataset away that was made for an episode without steps: its name is to be free for the next attempt."""
    with suppress(OSError):
        if {entry.name for entry in path.iterdir()} <= {METADATA, LOCK_FILE}:
            for entry in list(path.iterdir()):
                entry.unlink()
            path.rmdir()


class _Course:
    """The episode as far as it has been written."""

    def __init__(self, episode: EpisodeWriter, reports: SharedRing) -> None:
        self._episode = episode
        self._reports = reports
        self._next = self._lost = 0
        self._stage: int | None = None
        self._error = ""

    def add(self, steps: SharedRing) -> None:
        """Write the steps that are new; an error of the disk is told, and ends the writing."""
        batch = steps.since(self._next)
        self._next, self._lost = batch.next_index, self._lost + batch.lost
        for record in batch.records:
            step, self._stage = step_from_record(record)
            if not self._error:
                self._append(step)
        if batch.records or batch.lost:
            self._report()

    def end(self, ending: Ending | None) -> Recorded:
        """Commit, and say what became of it."""
        if ending is None:
            ending = Ending("failure", self._stage, _LEFT_ALONE, {})
        extra = {**ending.extra, **({"steps_lost": self._lost} if self._lost else {})}
        length = len(self._episode)
        trouble = self._error or (f"{counted(self._lost, 'step')} not recorded" if self._lost else "")
        if not length:
            self._episode.discard()
            return Recorded(trouble=trouble or "there was no step to record", lost=self._lost)
        if self._error:
            self._episode.close()
            return Recorded(steps=length, lost=self._lost, trouble=trouble)
        try:
            path = self._episode.commit(
                outcome=ending.outcome, stage=ending.stage, fault=ending.fault or None, extra=extra
            )
        except HlmError as error:
            return Recorded(steps=length, lost=self._lost, trouble=" ".join(str(error).split()))
        return Recorded(path, length, self._lost, trouble)

    def _append(self, step: Step) -> None:
        try:
            self._episode.append(step)
        except HlmError as error:
            self._error = " ".join(str(error).split())

    def _report(self) -> None:
        records = np.zeros(1, _REPORT)
        records["written"], records["lost"] = len(self._episode), self._lost
        records["error"] = self._error.encode()[:_LONGEST_ERROR]
        self._reports.append(records[0])
