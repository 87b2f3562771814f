"""A training run: what it learns from, what it changes, and where it goes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator

from hlm.core.clock import MonotonicClock
from hlm.core.documents import from_document, to_document
from hlm.core.errors import ExistsError, MismatchError, UnknownNameError
from hlm.datasets.loader import Samples
from hlm.datasets.mixture import MixtureConfig
from hlm.datasets.reader import Episode
from hlm.datasets.statistics import Statistics
from hlm.datasets.statistics_cache import cached_statistics
from hlm.datasets.store.lock import LOCK_FILE
from hlm.datasets.store.storage import StorageError
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.checkpoint import (
    EARLY_FILES,
    TRAINING_FILE,
    WEIGHTS_FILE,
    CheckpointConfig,
    Sampling,
    is_left,
    read_statistics,
    read_training,
)
from hlm.policies.encoding import Encoding, EncodingConfig
from hlm.policies.kinds import Kind, find_kind
from hlm.policies.network import LoadReport, module
from hlm.policies.settings import SETTINGS
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.display import Display
from hlm.policies.training.processes import any_of, join_processes, local_processes, together
from hlm.policies.training.reports import LOG_FOLDER, WANDB_FOLDER
from hlm.policies.training.resuming import must_continue, share_of
from hlm.policies.training.samples import EncodedSample, encoded_samples
from hlm.policies.training.state import TrainState
from hlm.policies.training.training_data import TrainingData, mixture_config, open_training_data
from hlm.policies.training.upgrade import upgrade_state
from hlm.policies.training.validation import HeldOut, Validation
from hlm.policies.transforms.relative import relative_statistics
from hlm.policies.transforms.text import Text
from hlm.policies.transforms.vocabulary import Vocabulary

# Products whose fastest is timed, so that whatever else a machine does has no say.
PRODUCTS = 20


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Run:
    """A run that is ready to go.

    Attributes:
        config: what it was told.
        command: what was typed.
        data: episodes to train and validate on.
        checkpoint: what will build the policy.
        statistics: of the training rows.
        encoding: how rows become what the network sees.
        samples: rows to learn from.
        held_out: rows for validation, if any.
        loaded: what became of pretrained weights, if there were any.
        validation: the latest of a run that is resumed, if there was one.
        accelerator: the processes.
        state: what training changes.
    """

    config: TrainConfig
    command: str
    data: TrainingData
    checkpoint: CheckpointConfig
    statistics: Statistics
    encoding: Encoding
    samples: Samples[EncodedSample]
    held_out: HeldOut | None
    loaded: LoadReport | None
    validation: Validation | None
    accelerator: Accelerator
    state: TrainState

    @property
    def samples_per_update(self) -> int:
        """Of all processes together."""
        return self.config.batch_size * self.accelerator.num_processes

    def fractions(self) -> dict[str, float]:
        """Share of all samples so far that each source gave, by its name."""
        return self.data.fractions(self.config.seed, self.state.step * self.samples_per_update)


def prepare(config: TrainConfig, command: str, display: Display) -> Run:
    """Open and build everything that a run needs.

    Raises:
        HlmError: the data, the config or the checkpoint to resume cannot be used.
    """
    accelerator = join_processes(config)
    if not accelerator.is_main_process:
        display.silence()
    torch.set_num_threads(config.threads or max(1, len(os.sched_getaffinity(0)) // local_processes()))
    saved: CheckpointConfig | None = None
    document: dict[str, Any] = {}
    with together(accelerator):
        if config.resume is None:
            _must_be_new(config.out)
            mixture = mixture_config(config)
        else:
            saved, document = must_continue(config), upgrade_state(read_training(config.resume))
            config = replace(config, batch_size=share_of(document, accelerator.num_processes))
            mixture = from_document(MixtureConfig, saved.mixture, "mixture")
        _must_be_writable(config.out)
        data = open_training_data(config, mixture)
        if document and document.get("episodes") != data.document():
            raise MismatchError(f"the datasets of {config.out} have changed since it was started; start a new run.")
        config = replace(config, augmentation=_augmentation(config, data.cameras))
        kind = find_kind(config.policy)
        if saved is None and accelerator.is_main_process:
            cached_statistics(data.episodes, data.step_weights)  # The others find them in the cache.
    with together(accelerator):
        if saved is None:
            text = kind.new_text(config.policy_config, data.episodes)
            figures, checkpoint = _statistics(config, data), _checkpoint_config(config, data, text)
        else:
            text = kind.saved_text(config.policy_config, saved.vocabulary, config.out)
            figures, checkpoint = read_statistics(config.out), replace(saved, training=_settings_document(config))
        encoding = Encoding.of(checkpoint.encoding, figures.state, figures.action, text)
        samples = encoded_samples(data.episodes, encoding, kind.privileged(data.episodes, encoding))
        samples[0]  # What cannot be read or encoded shows before anything long begins.
        held_out = _held_out(config, data, kind, encoding, display)
        network, loaded = _network(config, kind, encoding, load=not document)
    validation: Validation | None = None
    state = TrainState.start(network.to(accelerator.device), config, accelerator, bfloat16=_half(config, accelerator))
    if saved is not None:
        with together(accelerator):
            state.restore(document)
            loaded = _kept(LoadReport, document, "loaded")
            validation = _kept(Validation, document, "validation")
        if config.steps is None and config.max_minutes != saved.training.get("max_minutes"):
            state.steps = None
    return Run(
        config=config,
        command=str(document.get("command", command)),
        data=data,
        checkpoint=checkpoint,
        statistics=figures,
        encoding=encoding,
        samples=samples,
        held_out=held_out,
        loaded=loaded,
        validation=validation,
        accelerator=accelerator,
        state=state,
    )


def bfloat16_pays(device: torch.device) -> bool:
    """Whether half precision is faster; processors without it emulate it, a hundred times slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    clock = MonotonicClock()

    def fastest_ns(dtype: torch.dtype) -> int:
        matrix, instants = torch.ones(256, 256, dtype=dtype), [clock.now_ns()]
        for _ in range(PRODUCTS):
            matrix @ matrix
            instants.append(clock.now_ns())
        return min(later - earlier for earlier, later in pairwise(instants))

    return fastest_ns(torch.bfloat16) < fastest_ns(torch.float32)


def _kept[T](kind: type[T], document: Mapping[str, Any], name: str) -> T | None:
    """What the training state holds under a name, if anything."""
    return from_document(kind, document[name], name) if document.get(name) else None


def _must_be_new(out: Path) -> None:
    if out.is_file():
        raise ExistsError(f"{out} is a file; choose another --out, a checkpoint is a folder.")
    if not out.is_dir():
        return
    begun = any((out / name).is_file() for name in (WEIGHTS_FILE, TRAINING_FILE))
    # What a run leaves that was killed before its first checkpoint may be written over.
    early = (LOG_FOLDER, WANDB_FOLDER, LOCK_FILE, *EARLY_FILES)
    others = [entry for entry in out.iterdir() if entry.name not in early and not is_left(entry)]
    if begun or others:
        again = f"--resume {out} to go on with it, or " if (out / TRAINING_FILE).is_file() else ""
        raise ExistsError(f"{out} is there already: {again}choose another --out.")


def _must_be_writable(out: Path) -> None:
    """Raise StorageError early; the folder is made when there is something to write."""
    there = out
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise StorageError(f"cannot write to {out}: {there} is a file. Choose another --out.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise StorageError(f"cannot write to {out}: {there} does not let you. Choose another --out.")


def _augmentation(config: TrainConfig, cameras: Sequence[str]) -> AugmentationConfig:
    """What is told; cameras of the kind's own default need not be there.

    Raises:
        UnknownNameError: a camera is named that there is not.
    """
    told, default = config.augmentation, TrainConfig.for_policy(config.policy).augmentation
    for name in told.geometric:
        if name not in cameras and told.geometric != default.geometric:
            raise UnknownNameError("camera", name, cameras)
    return replace(told, geometric=tuple(name for name in told.geometric if name in cameras))


def _settings_document(config: TrainConfig) -> dict[str, Any]:
    """What resuming starts from; the settings of other kinds, whose defaults may change, say nothing about it."""
    document: dict[str, Any] = to_document(replace(config, resume=None))
    return {name: value for name, value in document.items() if name == config.policy or name not in SETTINGS}


def _statistics(config: TrainConfig, data: TrainingData) -> Statistics:
    figures = cached_statistics(data.episodes, data.step_weights)
    if config.actions == "absolute":
        return figures
    moved = relative_statistics(data.episodes, config.horizon, data.step_weights)
    return replace(figures, action=moved)


def _checkpoint_config(config: TrainConfig, data: TrainingData, text: Text) -> CheckpointConfig:
    sizes = data.recorded_sizes
    return CheckpointConfig(
        policy=config.policy,
        embodiment=data.embodiment,
        rate_hz=data.rate_hz,
        encoding=EncodingConfig(
            cameras=data.cameras,
            optional_cameras=data.optional_cameras,
            recorded_sizes=sizes,
            image_size=config.image_size or sizes[0],
            horizon=config.horizon,
            order=config.order,
            actions=config.actions,
            proprioception=config.proprioception,
            # A joint that never moves is best held where it was; relative to the state it would drift away from there.
            near="still" if config.policy == "compact" and config.actions == "absolute" else "widen",
        ),
        settings=to_document(config.policy_config),
        vocabulary=text if isinstance(text, Vocabulary) else None,
        sampling=Sampling(euler_steps=config.euler_steps, execute=config.execution_horizon),
        training=_settings_document(config),
        mixture=to_document(data.mixture),
    )


def _network(
    config: TrainConfig, kind: Kind, encoding: Encoding, *, load: bool
) -> tuple[torch.nn.Module, LoadReport | None]:
    """A new network; with what the settings name in it, unless all of its weights will be replaced anyway."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = kind.build(config.policy_config, encoding)
        loaded = kind.initialise(network, config.policy_config) if load else None
    return module(network), loaded


def _half(config: TrainConfig, accelerator: Accelerator) -> bool:
    """Whether to compute in half precision, the same in all processes whatever each measures."""
    if config.precision != "auto":
        return config.precision == "bfloat16"
    (slow,) = any_of(accelerator, not bfloat16_pays(accelerator.device))
    return not slow


def _held_out(
    config: TrainConfig, data: TrainingData, kind: Kind, encoding: Encoding, display: Display
) -> HeldOut | None:
    if not data.validation:
        return None
    seen = [episode for episode in data.validation if _can_be_seen(episode, data)]
    known = [episode for episode in seen if _can_be_read(episode, config, kind, encoding.text)]
    for left, what in ((len(data.validation) - len(seen), "cameras"), (len(seen) - len(known), "words")):
        if left:
            display.say(f"{left} episodes held out have {what} that no training episode has, and are left out.")
    if not known:
        return None
    samples = encoded_samples(known, encoding, kind.privileged(known, encoding))
    return HeldOut(samples, encoding, config.batch_size, config.seed)


def _can_be_seen(episode: Episode, data: TrainingData) -> bool:
    """Whether an episode has the cameras that every training episode has, and pictures of sizes that they have."""
    there = [name for name in data.cameras if name in episode.cameras]
    needed = set(data.cameras) - set(data.optional_cameras)
    return needed <= set(there) and all(episode.image_size(name) in data.recorded_sizes for name in there)


def _can_be_read(episode: Episode, config: TrainConfig, kind: Kind, text: Text) -> bool:
    """Whether the training episodes have every word of an episode, and are as long; tokens are known for any words."""
    if not isinstance(text, Vocabulary):
        return True
    own = cast(Vocabulary, kind.new_text(config.policy_config, [episode]))
    return set(own.words) <= set(text.words) and own.slots <= text.slots
