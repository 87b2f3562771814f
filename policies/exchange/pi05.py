"""Pi0.5 to LeRobot's format and back; implements `hlm.policies.exchange.exchange_type.ExchangeType`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from lerobot.policies.pi05.configuration_pi05 import PI05Config
from lerobot.policies.pi05.processor_pi05 import Pi05PrepareStateTokenizerProcessorStep
from lerobot.processor import AbsoluteActionsProcessorStep, RelativeActionsProcessorStep
from torch import Tensor

from hlm.core.errors import MismatchError
from hlm.policies.checkpoint import Checkpoint
from hlm.policies.encoding import Encoding
from hlm.policies.exchange.exchange_type import tokenizer_step
from hlm.policies.exchange.folder import PolicyFolder
from hlm.policies.exchange.lerobot_policy import LeRobotPolicy, findable
from hlm.policies.load_report import LoadReport
from hlm.policies.pi05.config import Pi05Config
from hlm.policies.pi05.loading import initialise
from hlm.policies.pi05.lora import merge_adapters
from hlm.policies.pi05.names import EMBEDDING, HEADS
from hlm.policies.pi05.network import Pi05Network
from hlm.policies.pretrained.lerobot_config import FixedFields, input_features, output_features
from hlm.policies.trained import build_network

FIXED: FixedFields = {
    "n_obs_steps": (1,),
    "min_period": (4e-3,),
    "max_period": (4.0,),
    "use_relative_actions": (False,),
    "use_peft": (False,),
}
LETTERBOXING = "resizes them a little differently"
STATE_IN_BINS = True
# LeRobot's names of our options.
FIELDS = {
    "paligemma_variant": "paligemma_variant",
    "action_expert_variant": "action_expert_variant",
    "dtype": "dtype",
    "freeze_vision": "freeze_vision_encoder",
    "token_limit": "tokenizer_max_length",
}
# LeRobot's names of sizes by hlm's; the smaller sizes are hlm's alone.
VARIANTS: Mapping[str, str] = {"gemma_2b": "gemma_2b", "gemma_300m": "gemma_300m"}


def to_lerobot(checkpoint: Checkpoint, encoding: Encoding) -> LeRobotPolicy:
    """The policy in LeRobot's terms.

    Raises:
        MismatchError: LeRobot cannot express it, or its tokenizer is gone.
    """
    options: Pi05Config = checkpoint.config.options()
    if not encoding.proprioception:
        raise MismatchError("LeRobot cannot express proprioception = False: its pi0.5 always reads the state.")
    variants = options.paligemma_variant, options.action_expert_variant
    if unknown := [name for name in variants if name not in VARIANTS]:
        raise MismatchError(f"LeRobot has no pi0.5 of size {unknown[0]}; it has {', '.join(VARIANTS)}.")
    config = PI05Config(
        paligemma_variant=VARIANTS[options.paligemma_variant],
        action_expert_variant=VARIANTS[options.action_expert_variant],
        input_features=input_features(encoding),
        output_features=output_features(encoding),
        dtype=options.dtype,
        chunk_size=encoding.horizon,
        n_action_steps=encoding.horizon,
        max_state_dim=encoding.dimensions,
        max_action_dim=encoding.dimensions,
        num_inference_steps=checkpoint.config.sampling.euler_steps,
        image_resolution=encoding.image_size,
        tokenizer_max_length=options.token_limit,
        freeze_vision_encoder=options.freeze_vision,
        device="cpu",
    )
    network = build_network(checkpoint)
    if options.tuning == "lora":
        merge_adapters(network)
    return LeRobotPolicy(
        config=config,
        weights=_with_heads(network.state_dict()),
        tokenizer=findable(options.tokenizer, "tokenizer"),
    )


def processor_steps(policy: LeRobotPolicy, steps: Any, text: Any) -> tuple[list[Any], list[Any]]:
    """Steps of LeRobot's pre- and postprocessor."""
    relative = RelativeActionsProcessorStep(enabled=False, exclude_joints=policy.config.relative_exclude_joints)
    prompt = Pi05PrepareStateTokenizerProcessorStep(max_state_dim=policy.config.max_state_dim)
    encode = tokenizer_step(text, policy.tokenizer, "max_length")
    absolute = AbsoluteActionsProcessorStep(enabled=False, relative_step=relative)
    before = [relative, steps.normalize, prompt, encode, steps.to_device]
    return before, [steps.unnormalize, absolute, steps.to_cpu]


def notes(checkpoint: Checkpoint) -> tuple[str, ...]:
    """What LeRobot's pi0.5 does otherwise."""
    if checkpoint.config.options().dtype != "bfloat16":
        return ()
    return ("LeRobot rounds the positions of tokens to bfloat16; --policy.dtype=float32 avoids it",)


def config_of(folder: PolicyFolder) -> Pi05Config:
    """The options of a policy that LeRobot saved.

    Raises:
        MismatchError: hlm cannot express it.
    """
    folder.check_raw_images()
    # The state is in the prompt: only actions are padded.
    folder.check_padding("max_action_dim")
    tokenizer = str(folder.steps["tokenizer_processor"].config["tokenizer_name"])
    return folder.options(Pi05Config, FIELDS, pretrained=str(folder.path), tokenizer=tokenizer)


def image_size(folder: PolicyFolder) -> tuple[int, int]:
    """Height and width that LeRobot resizes images to, px."""
    height, width = folder.config["image_resolution"]
    return int(height), int(width)


def euler_steps(folder: PolicyFolder) -> int:
    """Flow steps per chunk."""
    return int(folder.config.get("num_inference_steps", 1))


def load(network: Pi05Network, config: Pi05Config, folder: PolicyFolder) -> LoadReport:
    """Load the folder's weights."""
    return initialise(network, replace(config, pretrained=str(folder.path)))


def _with_heads(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights with the language heads that LeRobot's strict loading expects.

    Nothing uses the heads. The language model's head is tied to its word embedding, and LeRobot loads both from one
    tensor.
    """
    embedding, expert = weights[EMBEDDING], weights["model.action_in_proj.weight"]
    head = torch.zeros(len(embedding), len(expert), dtype=embedding.dtype)
    kept = {name: tensor for name, tensor in weights.items() if name != EMBEDDING}
    return kept | {HEADS[0]: embedding, HEADS[1]: head}
