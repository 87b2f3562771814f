"""Checkpoints as folders of LeRobot's, which `lerobot-rollout` and LeRobot's own API read."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors.torch
from lerobot.policies.pi05.processor_pi05 import Pi05PrepareStateTokenizerProcessorStep
from lerobot.processor import (
    AbsoluteActionsProcessorStep,
    NewLineTaskProcessorStep,
    PolicyProcessorPipeline,
    RelativeActionsProcessorStep,
    TokenizerProcessorStep,
    make_default_policy_processor_steps,
    make_policy_processor_pipelines,
)
from lerobot.processor.hil_processor import ImageCropResizeProcessorStep
from lerobot.utils.constants import ACTION, OBS_STATE
from safetensors import SafetensorError
from torch import Tensor

from hlm.core.errors import StorageError
from hlm.core.layout import NAMES, UNITS
from hlm.datasets.convert.staging import must_be_free, staged
from hlm.policies.checkpoint import Checkpoint, read_checkpoint
from hlm.policies.encoding import EncodingConfig
from hlm.policies.exchange.normaliser import action_stats, state_stats
from hlm.policies.exchange.parts import Parts, parts_of
from hlm.policies.lerobot.features import picture_key
from hlm.policies.transforms.letterbox import content_box

WEIGHTS_FILE = "model.safetensors"
README_FILE = "README.md"


def export_checkpoint(path: Path, target: Path) -> tuple[str, ...]:
    """Make a folder of LeRobot's of a checkpoint; it is there completely when this returns, and not when it raises.

    Args:
        path: the checkpoint.
        target: folder to make.

    Returns:
        What LeRobot does otherwise than hlm, a sentence each.

    Raises:
        MissingFileError: there is no checkpoint, or a part of it is not on this machine.
        CorruptError: it is damaged.
        MismatchError: LeRobot cannot express the policy.
        ExistsError: something is at the target.
        StorageError: it could not be written.
    """
    must_be_free(target)
    checkpoint = read_checkpoint(path)
    parts = parts_of(checkpoint)
    before, after = pipelines(checkpoint, parts)
    notes = _notes(checkpoint)
    with staged(target) as folder:
        folder.mkdir()
        parts.config.save_pretrained(folder)
        before.save_pretrained(folder)
        after.save_pretrained(folder)
        (folder / README_FILE).write_text(_readme(checkpoint, notes), encoding="utf-8")
        try:
            safetensors.torch.save_file(_untied(parts.weights), folder / WEIGHTS_FILE, {"format": "pt"})
        except SafetensorError as error:
            raise StorageError(f"could not write {target}: {error}.") from error
    return notes


def _untied(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, of tied ones the first alone, as LeRobot saves them."""
    first: dict[int, str] = {}
    return {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in weights.items()
        if first.setdefault(tensor.data_ptr(), name) == name
    }


def pipelines(
    checkpoint: Checkpoint, parts: Parts
) -> tuple[PolicyProcessorPipeline[Any, Any], PolicyProcessorPipeline[Any, Any]]:
    """LeRobot's pre- and postprocessor, as its own factories make them for the kind."""
    encoding, config = checkpoint.encoding(), parts.config
    pi05 = checkpoint.config.policy == "pi05"
    stats: dict[str, Any] = {
        OBS_STATE: state_stats(encoding.state, told_in_bins=pi05),
        ACTION: action_stats(encoding.action),
    }
    if parts.pictures is not None:
        stats |= {picture_key(name): dict(parts.pictures) for name in encoding.cameras}
    config.device = "cpu"
    steps = make_default_policy_processor_steps(config, stats)
    config.device = None
    prepared: list[Any] = [steps.rename_observations, steps.add_batch_dim]
    if _to_resize(checkpoint.config.encoding) and not _needs_bars(checkpoint.config.encoding):
        prepared.append(ImageCropResizeProcessorStep(resize_size=encoding.image_size))
    undone: list[Any] = [steps.unnormalize, steps.to_cpu]
    if pi05:
        relative = RelativeActionsProcessorStep(enabled=False, exclude_joints=config.relative_exclude_joints)
        told = Pi05PrepareStateTokenizerProcessorStep(max_state_dim=config.max_state_dim)
        prepared += [relative, steps.normalize, told, _tokenizer(checkpoint, parts, "max_length"), steps.to_device]
        undone.insert(1, AbsoluteActionsProcessorStep(enabled=False, relative_step=relative))
    elif parts.tokenizer is not None:
        read = _tokenizer(checkpoint, parts, config.pad_language_to)
        prepared += [NewLineTaskProcessorStep(), read, steps.to_device, steps.normalize]
    else:
        prepared += [steps.to_device, steps.normalize]
    return make_policy_processor_pipelines(prepared, undone)


def _tokenizer(checkpoint: Checkpoint, parts: Parts, padding: str) -> TokenizerProcessorStep:
    text: Any = checkpoint.text
    step = TokenizerProcessorStep(
        tokenizer=text.tokenizer, max_length=text.slots, padding_side="right", padding=padding
    )
    # LeRobot writes the name of a tokenizer only if it has fetched it itself.
    step.tokenizer, step.tokenizer_name = None, parts.tokenizer
    return step


def _to_resize(config: EncodingConfig) -> bool:
    """Whether pictures are recorded in another size than the network's."""
    return any(size != config.image_size for size in config.recorded_sizes)


def _needs_bars(config: EncodingConfig) -> bool:
    """Whether recorded pictures have another shape than the network's."""
    boxes = [content_box(size, config.image_size) for size in config.recorded_sizes]
    return any((box.height, box.width) != config.image_size for box in boxes)


def _notes(checkpoint: Checkpoint) -> tuple[str, ...]:
    """What LeRobot does otherwise."""
    config, kind = checkpoint.config.encoding, checkpoint.config.policy
    notes = []
    size = "{} x {} px".format(*config.image_size)
    if _needs_bars(config):
        how = {
            "act": "takes pictures as they come",
            "smolvla": "fits them in with bars left and above, hlm on both sides",
            "pi05": "resizes them a little differently",
        }
        notes.append(f"give it pictures that are letterboxed to {size} (height x width): LeRobot {how[kind]}")
    elif _to_resize(config):
        notes.append(f"pictures of other sizes than {size} (height x width) are resized a little differently")
    if config.state_limit is not None and config.proprioception:
        notes.append(f"hlm limits normalised states to {config.state_limit:g} either way, LeRobot does not")
    if kind == "act" and config.optional_cameras:
        notes.append(f"LeRobot's ACT needs every camera, also {', '.join(config.optional_cameras)}")
    if kind == "smolvla":
        notes.append("LeRobot computes parts of SmolVLA in the precision that the vision-language model's folder names")
    if kind == "pi05" and checkpoint.config.options().dtype == "bfloat16":
        notes.append("LeRobot rounds the positions of tokens to bfloat16; --policy.dtype=float32 avoids it")
    return tuple(notes)


def _readme(checkpoint: Checkpoint, notes: tuple[str, ...]) -> str:
    """What one has to know to run the policy with LeRobot, as Markdown."""
    config = checkpoint.config
    encoding = config.encoding
    numbers = "\n".join(f"{place}. {name}, {unit}" for place, (name, unit) in enumerate(zip(NAMES, UNITS, strict=True)))
    differences = "\n".join(f"- {note}" for note in notes) or "None are known."
    height, width = encoding.image_size
    return f"""---
library_name: lerobot
pipeline_tag: robotics
tags: [lerobot, robotics, {config.policy}, {config.embodiment}]
---

# {config.policy} for {config.embodiment}

Made by hlm {version("hlm")} of a checkpoint after {checkpoint.step} updates.

- {config.rate_hz:g} actions per second, {encoding.horizon} in a chunk, {config.sampling.execution_horizon} executed
- cameras {", ".join(encoding.cameras)}; the network sees pictures of {height} x {width} px (height x width)
- state and action are the same {len(NAMES)} numbers; actions are absolute

What LeRobot does otherwise than hlm:

{differences}

## State and action

{numbers}
"""
