"""Figures of a run for TensorBoard, and for Weights & Biases if asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hlm.core.errors import HlmError, MissingDependencyError
from hlm.core.files import storage_errors
from hlm.policies.training.config import TrainConfig

LOG_FOLDER = "tensorboard"
WANDB_FOLDER = "wandb"


@dataclass(frozen=True, kw_only=True, slots=True)
class WandbRun:
    """A run in Weights & Biases.

    Attributes:
        project: its project.
        id: its name there, which never changes.
    """

    project: str
    id: str


class Reports:
    """Writes figures while entered.

    Args:
        config: config of the run.
        step: updates made so far; figures that an interrupted run wrote after this update are dropped.
        say: shows a line to a person when figures can no longer be written; training continues.
        wanted: False in all processes but one.
        wandb: the run in Weights & Biases to go on with, if it is in the project that the config names.

    Attributes:
        wandb: the run in Weights & Biases that figures go to, or that they went to before; None if there is none.

    Raises:
        StorageError: the run's folder cannot be written to.
        MissingDependencyError: Weights & Biases is requested and not installed.
        HlmError: Weights & Biases refuses access.
    """

    def __init__(
        self,
        config: TrainConfig,
        step: int,
        say: Callable[[str], None],
        *,
        wanted: bool,
        wandb: WandbRun | None = None,
    ) -> None:
        self._config = config
        self._step = step
        self._say = say
        self._wanted = wanted
        self._log: EventFile | None = None
        self._wandb: Any = None
        self.wandb = wandb

    def __enter__(self) -> Self:
        if not self._wanted:
            return self
        with storage_errors("write to", self._config.out):
            self._log = EventFile(self._config.out / LOG_FOLDER, self._step)
        if self._config.wandb is not None:
            before = self.wandb if self.wandb is not None and self.wandb.project == self._config.wandb else None
            self._wandb = _wandb_run(self._config, before)
            self.wandb = WandbRun(project=self._config.wandb, id=str(self._wandb.id))
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._wandb is not None:
            self._wandb.finish(exit_code=0 if error_type is None else 1)

    def write(self, figures: Mapping[str, float], step: int) -> None:
        """Write figures by name, after an update."""
        if self._log is not None:
            try:
                self._log.write(figures, step)
            except OSError as error:
                self._say(f"no figures for TensorBoard from update {step} on: {error}. Training continues.")
                self._log = None
        if self._wandb is not None:
            self._wandb.log(dict(figures), step=step)


class EventFile:
    """A TensorBoard event file.

    TensorBoard's own writer has a thread, whose errors cannot be caught, and buffers; this one writes at once.

    Args:
        folder: folder of the file, created if needed.
        step: TensorBoard drops figures after this update that older files of the folder hold.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads a folder's files in the order of their names.
        self._path = folder / f"events.out.tfevents.{_now_s():.6f}"
        self._append(Event(file_version="brain.Event:2", wall_time=_now_s()))
        self._append(Event(session_log=SessionLog(status=SessionLog.START), step=step + 1, wall_time=_now_s()))

    def write(self, figures: Mapping[str, float], step: int) -> None:
        """Write figures by name, after an update.

        Raises:
            OSError: it cannot be written.
        """
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=value) for name, value in figures.items()]
        self._append(Event(summary=Summary(value=values), step=step, wall_time=_now_s()))

    def _append(self, event: Any) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        with self._path.open("ab") as file:
            RecordWriter(file).write(event.SerializeToString())


def _now_s() -> float:
    return datetime.now(UTC).timestamp()


def _wandb_run(config: TrainConfig, before: WandbRun | None) -> Any:
    """A new run, or the one before; figures of updates that it has already are dropped there, and are the same."""
    try:
        import wandb
    except ImportError:
        raise MissingDependencyError("--wandb needs Weights & Biases; install it: pip install wandb") from None
    again = {} if before is None else {"id": before.id, "resume": "allow"}
    try:
        return wandb.init(
            project=config.wandb, name=config.out.name, dir=str(config.out), config=config.to_document(), **again
        )
    except wandb.Error as error:
        raise HlmError(f"Weights & Biases cannot be used: {' '.join(str(error).split())}") from error
