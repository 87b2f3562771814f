"""Resuming a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hlm.core.errors import CorruptError, InputError, MismatchError
from hlm.policies.checkpoint_config import CheckpointConfig, read_config
from hlm.policies.training.config import SMALLEST_BATCH, TrainConfig, config_of

# Options that may change when a run is resumed.
FREE_WHEN_RESUMED = ("threads", "workers", "save_every_minutes", "max_minutes", "sharding", "wandb", "datasets")


def resuming(path: Path, **changes: Any) -> TrainConfig:
    """The config of a checkpoint's run, for resuming it, with changes.

    Raises:
        MissingFileError: there is no checkpoint.
        CorruptError: its config is damaged.
    """
    before = config_of(read_config(path).training, f"training of {path}")
    return replace(before, **{"out": path, "resume": path, **changes})


def must_continue(config: TrainConfig) -> CheckpointConfig:
    """What builds the policy of the run that a config resumes.

    Raises:
        InputError: the config changes an option that cannot change.
        HlmError: there is no checkpoint, or it is damaged.
    """
    path = config.resume or config.out
    before, now = _flat(resuming(path).to_document()), _flat(config.to_document())
    for name, value in now.items():
        if name not in FREE_WHEN_RESUMED and before.get(name) != value:
            raise InputError(
                f"{path} was started with {name} {before.get(name)}, not {value}; resuming cannot change it."
            )
    return read_config(path)


def moved_datasets(config: TrainConfig) -> tuple[Path, ...]:
    """Where a config says that the datasets of the run that it resumes are now; empty if it does not say."""
    before = resuming(config.resume or config.out).datasets
    return () if config.datasets == before else config.datasets


def share_of(document: Mapping[str, Any], processes: int) -> int:
    """The batch size of each process that keeps the number of samples per update.

    Raises:
        MismatchError: the processes cannot share the samples equally.
        CorruptError: the training state lacks the number of samples.
    """
    samples = document.get("samples")
    if not isinstance(samples, int):
        raise CorruptError("the training state lacks the number of samples per update; start a new run.")
    batch_size, left = divmod(samples, processes)
    if left or batch_size < SMALLEST_BATCH:
        raise MismatchError(
            f"the run's updates have {samples} samples, which {processes} processes cannot share equally with at least "
            f"{SMALLEST_BATCH} each; resume with another number of processes."
        )
    return batch_size


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values by their dotted names."""
    flat: dict[str, Any] = {}
    for name, value in document.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat
