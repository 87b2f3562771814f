"""What a checkpoint's policy is to LeRobot: its description and its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lerobot.configs.types import NormalizationMode
from torch import Tensor

from hlm.core.errors import MismatchError
from hlm.policies.act.network import IMAGENET_MEAN, IMAGENET_STD, act_config
from hlm.policies.checkpoint import Checkpoint
from hlm.policies.encoding import Encoding
from hlm.policies.hub import HUB_NAME
from hlm.policies.lerobot.features import input_features, output_features
from hlm.policies.network import module
from hlm.policies.smolvla.network import smolvla_config
from hlm.policies.trained import build_network

PI05_VARIANTS: Mapping[str, str] = {"gemma_2b": "gemma_2b", "gemma_300m": "gemma_300m"}
"""LeRobot's names of sizes by hlm's; the smaller ones are not LeRobot's."""

STATE_WEIGHT = "model.state_proj.weight"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What LeRobot needs.

    Attributes:
        config: LeRobot's description of the policy.
        weights: by LeRobot's names.
        pictures: figures that pictures are normalised with by mean and standard deviation; None for none.
        tokenizer: folder or Hugging Face name of the tokenizer; None for policies that read nothing.
    """

    config: Any
    weights: Mapping[str, Tensor]
    pictures: Mapping[str, Tensor] | None = None
    tokenizer: str | None = None


def parts_of(checkpoint: Checkpoint) -> Parts:
    """What LeRobot needs of a checkpoint.

    Raises:
        MismatchError: LeRobot cannot express the policy.
        CorruptError: the weights do not fit the network.
    """
    config = checkpoint.config
    if config.policy not in _PARTS:
        raise MismatchError(f"LeRobot has no policy of kind '{config.policy}'; it has {', '.join(_PARTS)}.")
    for name, only in (("order", "bimanual"), ("actions", "absolute")):
        if (chosen := getattr(config.encoding, name)) != only:
            raise MismatchError(f"LeRobot cannot express {name} = '{chosen}', only '{only}'.")
    parts = _PARTS[config.policy](checkpoint, checkpoint.encoding())
    described = parts.config
    described.n_action_steps = config.sampling.execution_horizon
    normalised = NormalizationMode.IDENTITY if parts.pictures is None else NormalizationMode.MEAN_STD
    quantiles = NormalizationMode.QUANTILES
    described.normalization_mapping = {"VISUAL": normalised, "STATE": quantiles, "ACTION": quantiles}
    described.push_to_hub = False
    described.device = None  # whatever the machine has
    return parts


def _act(checkpoint: Checkpoint, encoding: Encoding) -> Parts:
    pictures = {"mean": torch.tensor(IMAGENET_MEAN).view(3, 1, 1), "std": torch.tensor(IMAGENET_STD).view(3, 1, 1)}
    return Parts(
        config=act_config(checkpoint.config.options(), encoding),
        weights=module(build_network(checkpoint)).state_dict(),
        pictures=pictures,
    )


def _smolvla(checkpoint: Checkpoint, encoding: Encoding) -> Parts:
    settings = checkpoint.config.options()
    config = smolvla_config(settings, encoding)
    config.vlm_model_name = _findable(settings.vlm, "vlm")
    config.num_steps = checkpoint.config.sampling.euler_steps
    weights = module(build_network(checkpoint)).state_dict()
    if not encoding.proprioception:
        # LeRobot tells the network the robot's state whatever the policy is described to take.
        weights = weights | {STATE_WEIGHT: torch.zeros_like(weights[STATE_WEIGHT])}
    return Parts(config=config, weights=weights, tokenizer=config.vlm_model_name)


def _pi05(checkpoint: Checkpoint, encoding: Encoding) -> Parts:
    from lerobot.policies.pi05.configuration_pi05 import PI05Config

    from hlm.policies.pi05.lora import merge_adapters

    settings = checkpoint.config.options()
    if not encoding.proprioception:
        raise MismatchError("LeRobot cannot express proprioception = False: its pi0.5 always reads the state.")
    variants = settings.paligemma_variant, settings.action_expert_variant
    if strange := [name for name in variants if name not in PI05_VARIANTS]:
        raise MismatchError(f"LeRobot has no pi0.5 of size {strange[0]}; it has {', '.join(PI05_VARIANTS)}.")
    config = PI05Config(
        paligemma_variant=PI05_VARIANTS[settings.paligemma_variant],
        action_expert_variant=PI05_VARIANTS[settings.action_expert_variant],
        input_features=input_features(encoding),
        output_features=output_features(encoding),
        dtype=settings.dtype,
        chunk_size=encoding.horizon,
        n_action_steps=encoding.horizon,
        max_state_dim=encoding.dimensions,
        max_action_dim=encoding.dimensions,
        num_inference_steps=checkpoint.config.sampling.euler_steps,
        image_resolution=encoding.image_size,
        tokenizer_max_length=settings.token_limit,
        freeze_vision_encoder=settings.freeze_vision,
        device="cpu",
    )
    network = module(build_network(checkpoint))
    if settings.tuning == "lora":
        merge_adapters(network)
    return Parts(
        config=config,
        weights=_with_heads(network.state_dict()),
        tokenizer=_findable(settings.tokenizer, "tokenizer"),
    )


def _with_heads(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Pi0.5's weights with the layers that say words, without which LeRobot loads none.

    Nothing asks for them. The language model's is one tensor with its input words, and LeRobot makes both of it.
    """
    from hlm.policies.pi05.names import HEADS, WORDS

    words, expert = weights[WORDS], weights["model.action_in_proj.weight"]
    head = torch.zeros(len(words), len(expert), dtype=words.dtype)
    return {name: tensor for name, tensor in weights.items() if name != WORDS} | {HEADS[0]: words, HEADS[1]: head}


def _findable(source: str, name: str) -> str:
    """A folder or a Hugging Face name as LeRobot can find it from anywhere."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return str(folder.resolve())
    if HUB_NAME.fullmatch(source) and not source.startswith("."):
        return source
    raise MismatchError(f"LeRobot needs the checkpoint's {name}, and there is no folder {source}. Put it there again.")


_PARTS: Mapping[str, Callable[[Checkpoint, Encoding], Parts]] = {"act": _act, "smolvla": _smolvla, "pi05": _pi05}
