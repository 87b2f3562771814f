"""A training run: what it learns from, what it changes, and where it goes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from hlm.core.clock import MonotonicClock
from hlm.core.documents import from_document, to_document
from hlm.core.errors import ExistsError, InputError, MismatchError
from hlm.datasets.statistics import Statistics, statistics
from hlm.policies.checkpoint import WEIGHTS_FILE, CheckpointConfig, Sampling, read_config, read_training
from hlm.policies.compact.config import CompactConfig
from hlm.policies.encoding import Encoding
from hlm.policies.training.candidates import instructions_of
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.data import TrainingData, load_data
from hlm.policies.training.display import Display
from hlm.policies.training.sources import Sources, open_sources
from hlm.policies.training.state import TrainState
from hlm.policies.transforms import Vocabulary

# May differ between the run that was interrupted and the one that resumes it.
FREE_WHEN_RESUMED = ("resume", "threads", "save_minutes")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Run:
    """A run that is ready to go.

    Attributes:
        config: what it was told.
        command: what was typed.
        sources: episodes.
        checkpoint: what will build the policy.
        statistics: of the training episodes.
        encoding: how rows become tensors.
        data: rows to learn from.
        held_out: rows for validation, if any.
        state: what training changes.
    """

    config: TrainConfig
    command: str
    sources: Sources
    checkpoint: CheckpointConfig
    statistics: Statistics
    encoding: Encoding
    data: TrainingData
    held_out: TrainingData | None
    state: TrainState


def prepare(config: TrainConfig, command: str, display: Display) -> Run:
    """Open, decode and build everything that a run needs.

    Raises:
        HlmError: any of what it is told cannot be used; see `open_sources`, `load_data`, `resumed`.
    """
    document: dict[str, Any] = {}
    if config.resume is None:
        _must_be_new(config.out)
    else:
        document = read_training(config.resume)
        config, command = resumed(config), str(document.get("command", command))
    torch.set_num_threads(config.threads or len(os.sched_getaffinity(0)))
    device = _device(config)
    sources = open_sources(config)
    figures = statistics(sources.training)
    checkpoint = _checkpoint_config(config, sources)
    encoding = checkpoint.encoding(figures)
    if document and document.get("episodes") != episode_list(sources):
        raise MismatchError(f"the datasets of {config.out} have changed since it was started; start a new run.")
    data, held_out = _load(sources, encoding, device, display)
    bfloat16 = config.precision == "bfloat16" or (config.precision == "auto" and bfloat16_pays(device))
    state = TrainState.start(checkpoint.network, config, device, bfloat16=bfloat16)
    if document:
        state.restore(document)
    return Run(
        config=config,
        command=command,
        sources=sources,
        checkpoint=checkpoint,
        statistics=figures,
        encoding=encoding,
        data=data,
        held_out=held_out,
        state=state,
    )


def resumed(config: TrainConfig) -> TrainConfig:
    """The settings that the run at `config.resume` was started with, with threads and save_minutes as told now.

    Raises:
        InputError: another setting is told that differs from them.
    """
    path = config.resume or config.out
    saved = from_document(TrainConfig, read_config(path).training, "training")
    default = TrainConfig(resume=path)
    for item in fields(TrainConfig):
        told, before = getattr(config, item.name), getattr(saved, item.name)
        if item.name not in (*FREE_WHEN_RESUMED, "out") and told not in (before, getattr(default, item.name)):
            raise InputError(f"{path} was started with {item.name} {before}, not {told}; resuming cannot change it.")
    return replace(saved, out=path, resume=path, threads=config.threads, save_minutes=config.save_minutes)


def episode_list(sources: Sources) -> list[list[Any]]:
    """Which episodes a run learns from and validates on, in order: path within the dataset, rows, and which of both."""
    parts: Mapping[str, tuple[Any, ...]] = {"training": sources.training, "validation": sources.validation}
    return [[episode.path.name, len(episode), part] for part, episodes in parts.items() for episode in episodes]


def bfloat16_pays(device: torch.device) -> bool:
    """Whether half precision is faster; processors without it emulate it, a hundred times slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    clock = MonotonicClock()
    took_ns = {}
    for dtype in (torch.float32, torch.bfloat16):
        matrix = torch.ones(256, 256, dtype=dtype)
        matrix @ matrix
        start_ns = clock.now_ns()
        matrix @ matrix
        took_ns[dtype] = clock.now_ns() - start_ns
    return took_ns[torch.bfloat16] < took_ns[torch.float32]


def _must_be_new(out: Path) -> None:
    if out.exists() and any(out.iterdir()):
        again = f"--resume {out} to go on with it, or " if (out / WEIGHTS_FILE).is_file() else ""
        raise ExistsError(f"{out} is there already: {again}choose another --out.")


def _device(config: TrainConfig) -> torch.device:
    if config.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if config.device == "cuda" and not torch.cuda.is_available():
        raise InputError("this machine has no GPU that torch can use; train with --device cpu.")
    return torch.device(config.device)


def _checkpoint_config(config: TrainConfig, sources: Sources) -> CheckpointConfig:
    vocabulary = Vocabulary.fit(instructions_of([*sources.training, *sources.validation]))
    network = CompactConfig(
        views=len(sources.cameras),
        image_size=config.image_size or sources.recorded_size,
        vocabulary_size=1 + len(vocabulary.words),
        word_slots=vocabulary.slots,
        size=config.network,
    )
    return CheckpointConfig(
        embodiment=sources.embodiment,
        rate_hz=sources.rate_hz,
        cameras=sources.cameras,
        optional_cameras=sources.optional_cameras,
        recorded_size=sources.recorded_size,
        vocabulary=vocabulary,
        network=network,
        sampling=Sampling(euler_steps=config.euler_steps, execute=min(Sampling().execute, config.network.horizon)),
        training=to_document(replace(config, resume=None)),
    )


def _load(
    sources: Sources, encoding: Encoding, device: torch.device, display: Display
) -> tuple[TrainingData, TrainingData | None]:
    display.begin("decoding", len(sources.training) + len(sources.validation))
    data = load_data(sources.training, sources.cameras, encoding, display.advance).to(device)
    if not sources.validation:
        return data, None
    return data, load_data(sources.validation, sources.cameras, encoding, display.advance).to(device)
