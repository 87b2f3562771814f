"""Checkpoints in LeRobot's format, for `lerobot-rollout` and LeRobot's Python API."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors.torch
from lerobot.configs.types import NormalizationMode
from lerobot.processor import (
    PolicyProcessorPipeline,
    make_default_policy_processor_steps,
    make_policy_processor_pipelines,
)
from lerobot.processor.hil_processor import ImageCropResizeProcessorStep
from lerobot.utils.constants import ACTION, OBS_STATE
from safetensors import SafetensorError
from torch import Tensor

from hlm.core.errors import MismatchError, StorageError
from hlm.core.layout import NAMES, UNITS
from hlm.datasets.convert.staging import must_be_free, staged
from hlm.policies.checkpoint import Checkpoint, read_checkpoint
from hlm.policies.encoding import EncodingConfig
from hlm.policies.exchange.exchange_type import ExchangeType, find_exchange_type
from hlm.policies.exchange.lerobot_policy import LeRobotPolicy
from hlm.policies.exchange.normaliser import action_stats, state_stats
from hlm.policies.pretrained.lerobot_config import image_key
from hlm.policies.transforms.letterbox import content_box

WEIGHTS_FILE = "model.safetensors"
README_FILE = "README.md"


def export_checkpoint(path: Path, target: Path) -> tuple[str, ...]:
    """Write a checkpoint as a LeRobot policy folder, all or nothing.

    Args:
        path: the checkpoint.
        target: folder to create.

    Returns:
        What LeRobot does differently from hlm, a sentence each.

    Raises:
        MissingFileError: no checkpoint, or a model that it needs is missing.
        CorruptError: the checkpoint is damaged.
        MismatchError: LeRobot cannot express the policy.
        ExistsError: the target exists.
        StorageError: it could not be written.
    """
    must_be_free(target)
    checkpoint = read_checkpoint(path)
    exchange = find_exchange_type(checkpoint.config.policy, f"LeRobot has no policy type '{checkpoint.config.policy}'")
    policy = _lerobot_policy(checkpoint, exchange)
    before, after = pipelines(checkpoint, exchange, policy)
    notes = _notes(checkpoint, exchange)
    with staged(target) as folder:
        folder.mkdir()
        policy.config.save_pretrained(folder)
        before.save_pretrained(folder)
        after.save_pretrained(folder)
        (folder / README_FILE).write_text(_readme(checkpoint, notes), encoding="utf-8")
        try:
            safetensors.torch.save_file(_untied(policy.weights), folder / WEIGHTS_FILE, {"format": "pt"})
        except SafetensorError as error:
            raise StorageError(f"could not write {target}: {error}.") from error
    return notes


def _untied(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, but of tied ones only the first, as LeRobot saves them."""
    first: dict[int, str] = {}
    return {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in weights.items()
        if first.setdefault(tensor.data_ptr(), name) == name
    }


def pipelines(
    checkpoint: Checkpoint, exchange: ExchangeType, policy: LeRobotPolicy
) -> tuple[PolicyProcessorPipeline[Any, Any], PolicyProcessorPipeline[Any, Any]]:
    """LeRobot's pre- and postprocessor, as its own factories make them for the policy type."""
    encoding, config = checkpoint.encoding(), policy.config
    stats: dict[str, Any] = {
        OBS_STATE: state_stats(encoding.state, in_bins=exchange.STATE_IN_BINS),
        ACTION: action_stats(encoding.action),
    }
    if policy.image_stats is not None:
        stats |= {image_key(name): dict(policy.image_stats) for name in encoding.cameras}
    config.device = "cpu"
    steps = make_default_policy_processor_steps(config, stats)
    config.device = None
    first: list[Any] = [steps.rename_observations, steps.add_batch_dim]
    if _resizes(checkpoint.config.encoding) and not _letterboxes(checkpoint.config.encoding):
        first.append(ImageCropResizeProcessorStep(resize_size=encoding.image_size))
    before, after = exchange.processor_steps(policy, steps, checkpoint.text)
    return make_policy_processor_pipelines([*first, *before], after)


def _lerobot_policy(checkpoint: Checkpoint, exchange: ExchangeType) -> LeRobotPolicy:
    """The policy in LeRobot's terms.

    Raises:
        MismatchError: LeRobot cannot express it.
    """
    config = checkpoint.config
    for name, only in (("order", "bimanual"), ("actions", "absolute")):
        if (chosen := getattr(config.encoding, name)) != only:
            raise MismatchError(f"LeRobot cannot express {name} = '{chosen}', only '{only}'.")
    policy = exchange.to_lerobot(checkpoint, checkpoint.encoding())
    policy.config.n_action_steps = config.sampling.execution_horizon
    images = NormalizationMode.IDENTITY if policy.image_stats is None else NormalizationMode.MEAN_STD
    quantiles = NormalizationMode.QUANTILES
    policy.config.normalization_mapping = {"VISUAL": images, "STATE": quantiles, "ACTION": quantiles}
    policy.config.push_to_hub = False
    policy.config.device = None  # Whatever the machine has.
    return policy


def _resizes(config: EncodingConfig) -> bool:
    """Whether images are recorded in another size than the network's."""
    return any(size != config.image_size for size in config.recorded_sizes)


def _letterboxes(config: EncodingConfig) -> bool:
    """Whether images are recorded in another shape than the network's, so that they get bars."""
    boxes = [content_box(size, config.image_size) for size in config.recorded_sizes]
    return any((box.height, box.width) != config.image_size for box in boxes)


def _notes(checkpoint: Checkpoint, exchange: ExchangeType) -> tuple[str, ...]:
    """Differences between LeRobot and hlm, a sentence each."""
    config = checkpoint.config.encoding
    notes = []
    size = "{} x {} px".format(*config.image_size)
    if _letterboxes(config):
        notes.append(f"give it images letterboxed to {size} (height x width): LeRobot {exchange.LETTERBOXING}")
    elif _resizes(config):
        notes.append(f"images of other sizes than {size} (height x width) are resized a little differently")
    if config.state_limit is not None and config.proprioception:
        notes.append(f"hlm clips normalised states to +-{config.state_limit:g}, LeRobot does not")
    return (*notes, *exchange.notes(checkpoint))


def _readme(checkpoint: Checkpoint, notes: tuple[str, ...]) -> str:
    """What a user has to know to run the policy with LeRobot, as Markdown."""
    config = checkpoint.config
    encoding = config.encoding
    numbers = "\n".join(f"{place}. {name}, {unit}" for place, (name, unit) in enumerate(zip(NAMES, UNITS, strict=True)))
    differences = "\n".join(f"- {note}" for note in notes) or "- none known"
    height, width = encoding.image_size
    return f"""---
library_name: lerobot
pipeline_tag: robotics
tags: [lerobot, robotics, {config.policy}, {config.embodiment}]
---

# {config.policy} for {config.embodiment}

Exported by hlm {version("hlm")} from a checkpoint after {checkpoint.step} updates.

- {config.rate_hz:g} actions per second, {encoding.horizon} in a chunk, {config.sampling.execution_horizon} executed
- cameras {", ".join(encoding.cameras)}; the network sees images of {height} x {width} px (height x width)
- state and action have the same {len(NAMES)} dimensions, listed below; actions are absolute

Differences between LeRobot and hlm:

{differences}

## State and action

{numbers}
"""
