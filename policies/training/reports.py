"""Figures of a run for programs that draw them: TensorBoard always, Weights & Biases if asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hlm.core.documents import to_document
from hlm.core.errors import HlmError, MissingDependencyError
from hlm.datasets.store.storage import storage_errors
from hlm.policies.training.config import TrainConfig

LOG_FOLDER = "tensorboard"
WANDB_FOLDER = "wandb"


class Reports:
    """Where figures go while it is entered.

    Args:
        config: of the run.
        step: after which figures are written; those that an interrupted run has after it are dropped.
        say: tells a person what is no longer reported, and why; training goes on.
        wanted: False in all processes but one.

    Raises:
        StorageError: the run's folder cannot be written to.
        MissingDependencyError: Weights & Biases is asked for and not installed.
        HlmError: it does not let us in.
    """

    def __init__(self, config: TrainConfig, step: int, say: Callable[[str], None], *, wanted: bool) -> None:
        self._config = config
        self._step = step
        self._say = say
        self._wanted = wanted
        self._log: EventFile | None = None
        self._wandb: Any = None

    def __enter__(self) -> Self:
        if not self._wanted:
            return self
        with storage_errors("write to", self._config.out):
            self._log = EventFile(self._config.out / LOG_FOLDER, self._step)
        if self._config.wandb is not None:
            self._wandb = _wandb_run(self._config)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._wandb is not None:
            self._wandb.finish(exit_code=0 if kind is None else 1)

    def write(self, figures: Mapping[str, float], step: int) -> None:
        """Figures of an update, by name."""
        if self._log is not None:
            try:
                self._log.write(figures, step)
            except OSError as error:
                self._say(f"no figures for TensorBoard from update {step} on: {error}. Training goes on.")
                self._log = None
        if self._wandb is not None:
            self._wandb.log(dict(figures), step=step)


class EventFile:
    """A file that TensorBoard reads.

    Unlike TensorBoard's own writer it has no thread, whose errors nobody can catch, and leaves nothing to be written.

    Args:
        folder: where to, created if needed.
        step: figures after it that older files of the folder have are dropped.

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
        """Figures of an update, by name.

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


def _wandb_run(config: TrainConfig) -> Any:
    try:
        import wandb
    except ImportError:
        raise MissingDependencyError("--wandb needs Weights & Biases; install it: pip install wandb") from None
    try:
        return wandb.init(project=config.wandb, name=config.out.name, dir=str(config.out), config=to_document(config))
    except wandb.Error as error:
        raise HlmError(f"Weights & Biases cannot be used: {' '.join(str(error).split())}") from error
