"""What a run begins with: its config and data, and its state where it is resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from accelerate import Accelerator

from hlm.core.documents import from_document, to_document
from hlm.core.files import must_be_writable
from hlm.datasets.mixture import MixtureConfig
from hlm.datasets.store.lock import FolderLock
from hlm.policies.checkpoint import read_training
from hlm.policies.checkpoint_config import CheckpointConfig
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.description import usable_augmentation
from hlm.policies.training.output_folder import must_be_new
from hlm.policies.training.resuming import moved_datasets, must_continue, share_of
from hlm.policies.training.run_data import find_datasets, kept_names, must_be_the_same
from hlm.policies.training.training_data import TrainingData, mixture_config, open_training_data
from hlm.policies.upgrade import upgrade_state

_STAYS = "A resumed run stays where it is: make that writable."


class Saved(NamedTuple):
    """A run to resume.

    Attributes:
        checkpoint: what builds its policy.
        document: its training state.
    """

    checkpoint: CheckpointConfig
    document: Mapping[str, Any]


class Opened(NamedTuple):
    """What a run begins with.

    Attributes:
        config: its config, fitted to processes and data.
        data: its data.
        episodes: `TrainingData.document` of the data; empty in all processes but the first.
        folder: what relative paths of its datasets are relative to.
        saved: the run to resume, if any.
    """

    config: TrainConfig
    data: TrainingData
    episodes: list[list[Any]]
    folder: Path
    saved: Saved | None


def lock_run(config: TrainConfig, lock: FolderLock) -> None:
    """Take the lock of a run to resume.

    Raises:
        LockedError: it is being trained.
        HlmError: there is no run, or its folder cannot be written to.
    """
    must_continue(config)  # Without a checkpoint there is nothing to lock.
    must_be_writable(config.out, _STAYS)
    lock.acquire()


def open_run(config: TrainConfig, accelerator: Accelerator) -> Opened:
    """Begin a new run.

    Raises:
        HlmError: its folder exists, or its data cannot be used.
    """
    must_be_new(config.out)
    mixture = mixture_config(config)
    must_be_writable(config.out, "Choose another --out.")
    data = open_training_data(config, mixture)
    return Opened(_fitted(config, data), data, _episodes(data, accelerator), Path.cwd(), None)


def reopen_run(config: TrainConfig, accelerator: Accelerator, say: Callable[[str], None]) -> Opened:
    """Open a run to resume.

    Raises:
        HlmError: there is none, it is damaged, or its data is not what it was.
    """
    checkpoint = must_continue(config)
    must_be_writable(config.out, _STAYS)
    document = upgrade_state(read_training(config.resume or config.out))
    moved_to = moved_datasets(config)
    began_in = document.get("folder")
    place = find_datasets(
        config.out,
        from_document(MixtureConfig, checkpoint.mixture, "mixture"),
        began_in=None if began_in is None else Path(str(began_in)),
        moved_to=moved_to,
    )
    config = replace(
        config,
        batch_size=share_of(document, accelerator.num_processes),
        # The checkpoint holds the mixture, with the places that its datasets have now.
        mixture=None if moved_to else config.mixture,
    )
    data = kept_names(document, open_training_data(config, place.opened()))
    episodes = _episodes(data, accelerator)
    if accelerator.is_main_process:
        must_be_the_same(config.out, document, episodes, say)
    checkpoint = replace(checkpoint, mixture=to_document(place.mixture))
    return Opened(_fitted(config, data), data, episodes, place.folder, Saved(checkpoint, document))


def _fitted(config: TrainConfig, data: TrainingData) -> TrainConfig:
    return replace(config, augmentation=usable_augmentation(config, data.cameras))


def _episodes(data: TrainingData, accelerator: Accelerator) -> list[list[Any]]:
    """What the first process notes and compares; the others rely on it."""
    return data.document() if accelerator.is_main_process else []
