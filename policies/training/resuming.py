"""Going on with a run that was interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hlm.core.documents import to_document
from hlm.core.errors import CorruptError, InputError, MismatchError
from hlm.policies.checkpoint import CheckpointConfig, read_config
from hlm.policies.training.config import SMALLEST_BATCH, TrainConfig, config_of

# May differ between the run that was interrupted and the one that resumes it.
FREE_WHEN_RESUMED = ("threads", "workers", "save_every_minutes", "max_minutes", "sharding", "wandb")


def resuming(path: Path, **changes: Any) -> TrainConfig:
    """The settings of the run in a checkpoint, for going on with it, and changes to those that may differ.

    Raises:
        MissingFileError: there is no checkpoint.
        CorruptError: its description is damaged.
    """
    before = config_of(read_config(path).training, f"training of {path}")
    return replace(before, **{"out": path, "resume": path, **changes})


def must_continue(config: TrainConfig) -> CheckpointConfig:
    """What builds the policy of the run that a config resumes.

    Raises:
        InputError: the config differs from that run's in what cannot change.
        HlmError: there is no checkpoint, or it is damaged.
    """
    path = config.resume or config.out
    before, now = _flat(to_document(resuming(path))), _flat(to_document(config))
    for name, told in now.items():
        was = before.get(name)
        if name not in FREE_WHEN_RESUMED and was != told:
            raise InputError(f"{path} was started with {name} {was}, not {told}; resuming cannot change it.")
    return read_config(path)


def share_of(document: Mapping[str, Any], processes: int) -> int:
    """Samples per update of each process, so that all together make updates of as many as before.

    Raises:
        MismatchError: they cannot.
        CorruptError: the training state does not tell how many those are.
    """
    samples = document.get("samples")
    if not isinstance(samples, int):
        raise CorruptError("the training state does not tell how many samples an update has; start a new run.")
    batch, left = divmod(samples, processes)
    if left or batch < SMALLEST_BATCH:
        raise MismatchError(
            f"the run's updates have {samples} samples, which {processes} processes cannot share equally with at least "
            f"{SMALLEST_BATCH} each; go on with another number of processes."
        )
    return batch


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A document's values by their dotted names."""
    flat: dict[str, Any] = {}
    for name, value in document.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat
