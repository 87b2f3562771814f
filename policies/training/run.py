"""A training run: what it learns from, what it changes, and where it writes to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator

from hlm.core.documents import from_document
from hlm.datasets.loader import Samples
from hlm.datasets.statistics import Statistics
from hlm.datasets.statistics_cache import cached_statistics
from hlm.datasets.store.lock import FolderLock
from hlm.policies.catalog import find_policy_type
from hlm.policies.checkpoint import read_statistics
from hlm.policies.checkpoint_config import CheckpointConfig
from hlm.policies.encoding import Encoding
from hlm.policies.load_report import LoadReport
from hlm.policies.network import Network
from hlm.policies.policy_type import PolicyType
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.data_checks import doubts, must_be_plausible
from hlm.policies.training.description import (
    new_checkpoint_config,
    run_document,
    training_statistics,
)
from hlm.policies.training.display import Display
from hlm.policies.training.held_out import HeldOut, open_held_out
from hlm.policies.training.opening import Saved, lock_run, open_run, reopen_run
from hlm.policies.training.precision import use_bfloat16
from hlm.policies.training.processes import join_processes, local_processes, together
from hlm.policies.training.reports import WandbRun
from hlm.policies.training.samples import EncodedSample, encoded_samples
from hlm.policies.training.state import TrainState
from hlm.policies.training.training_data import TrainingData
from hlm.policies.training.validation import Validation


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Run:
    """A run that is ready to train.

    Attributes:
        config: config of the run.
        command: command line that started it.
        data: episodes to train and validate on.
        episodes: what resuming compares the episodes with; empty in all processes but the first.
        folder: what relative paths of its datasets are relative to.
        checkpoint: what will build the policy.
        statistics: statistics of the training steps.
        encoding: how steps become what the network sees.
        samples: samples to learn from.
        held_out: samples to validate on, if any.
        loaded: report on pretrained weights, if any were loaded.
        validation: latest validation of a resumed run, if any.
        wandb: its run in Weights & Biases, if it had one.
        accelerator: the processes.
        state: what training changes.
    """

    config: TrainConfig
    command: str
    data: TrainingData
    episodes: list[list[Any]]
    folder: Path
    checkpoint: CheckpointConfig
    statistics: Statistics
    encoding: Encoding
    samples: Samples[EncodedSample]
    held_out: HeldOut | None
    loaded: LoadReport | None
    validation: Validation | None
    wandb: WandbRun | None
    accelerator: Accelerator
    state: TrainState

    @property
    def samples_per_update(self) -> int:
        """Samples per update of all processes together."""
        return self.config.batch_size * self.accelerator.num_processes

    def fractions(self) -> dict[str, float]:
        """Fraction of the samples so far that each dataset gave, by its name."""
        return self.data.fractions(self.config.seed, self.state.step * self.samples_per_update)


class Described(NamedTuple):
    """What builds the policy.

    Attributes:
        checkpoint: its config.
        statistics: statistics of the training steps.
        encoding: the encoding that follows from both.
    """

    checkpoint: CheckpointConfig
    statistics: Statistics
    encoding: Encoding


def prepare(config: TrainConfig, command: str, display: Display, lock: FolderLock | None = None) -> Run:
    """Open and build everything that a run needs.

    Args:
        config: config of the run.
        command: command line that starts it.
        display: where to say what.
        lock: lock of the run's folder, taken before the state of a run to resume is read; by default, none is taken.

    Raises:
        HlmError: the data, the config or the checkpoint to resume cannot be used.
    """
    accelerator = join_processes(config)
    if not accelerator.is_main_process:
        display.silence()
    torch.set_num_threads(config.threads or max(1, len(os.sched_getaffinity(0)) // local_processes()))
    with together(accelerator):
        if accelerator.is_main_process and lock is not None and config.resume is not None:
            lock_run(config, lock)
    with together(accelerator):
        if config.resume is None:
            opened = open_run(config, accelerator)
        else:
            opened = reopen_run(config, accelerator, display.say)
        config, data, saved = opened.config, opened.data, opened.saved
        policy_type = find_policy_type(config.policy)
        if saved is None and accelerator.is_main_process:
            cached_statistics(data.episodes, data.step_weights)  # The other processes find them in the cache.
    with together(accelerator):
        checkpoint, statistics, encoding = _described(config, data, policy_type, saved)
        samples = encoded_samples(data.episodes, encoding, policy_type.privileged(data.episodes, encoding))
        must_be_plausible(data.episodes, statistics)
        for line in doubts(len(samples), statistics):
            display.say(line)
        samples[0]  # Fails before anything long begins if samples cannot be read or encoded.
        held_out = open_held_out(config, data, policy_type, encoding, display.say)
        network, loaded = _network(config, policy_type, encoding, load=saved is None)
    bfloat16 = use_bfloat16(config, accelerator)
    state = TrainState.start(network.to(accelerator.device), config, accelerator, bfloat16=bfloat16)
    validation, wandb = None, None
    if saved is not None:
        with together(accelerator):
            state.restore(saved.document)
            loaded = _kept(LoadReport, saved.document, "loaded")
            validation = _kept(Validation, saved.document, "validation")
            wandb = _kept(WandbRun, saved.document, "wandb")
        if config.steps is None and config.max_minutes != saved.checkpoint.training.get("max_minutes"):
            state.steps = None
    return Run(
        config=config,
        command=command if saved is None else str(saved.document.get("command", command)),
        data=data,
        episodes=opened.episodes,
        folder=opened.folder,
        checkpoint=checkpoint,
        statistics=statistics,
        encoding=encoding,
        samples=samples,
        held_out=held_out,
        loaded=loaded,
        validation=validation,
        wandb=wandb,
        accelerator=accelerator,
        state=state,
    )


def _described(config: TrainConfig, data: TrainingData, policy_type: PolicyType, saved: Saved | None) -> Described:
    if saved is None:
        text = policy_type.new_text(config.policy_config, data.episodes)
        statistics, checkpoint = training_statistics(config, data), new_checkpoint_config(config, data, text)
    else:
        text = policy_type.saved_text(config.policy_config, saved.checkpoint.vocabulary, config.out)
        statistics = read_statistics(config.out)
        checkpoint = replace(saved.checkpoint, training=run_document(config), training_seeds=data.seeds)
    encoding = Encoding.of(checkpoint.encoding, statistics.state, statistics.action, text)
    return Described(checkpoint, statistics, encoding)


def _network(
    config: TrainConfig, policy_type: PolicyType, encoding: Encoding, *, load: bool
) -> tuple[Network, LoadReport | None]:
    """A new network, with pretrained weights unless all of its weights will be replaced anyway."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = policy_type.build(config.policy_config, encoding)
        loaded = policy_type.initialise(network, config.policy_config) if load else None
    return network, loaded


def _kept[T](cls: type[T], document: Mapping[str, Any], name: str) -> T | None:
    """What the training state holds under a name, if anything."""
    return from_document(cls, document[name], name) if document.get(name) else None
