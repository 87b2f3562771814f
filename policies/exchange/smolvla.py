"""SmolVLA to LeRobot's format and back; implements `hlm.policies.exchange.exchange_type.ExchangeType`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from lerobot.processor import NewLineTaskProcessorStep

from hlm.core.errors import MismatchError
from hlm.policies.checkpoint import Checkpoint
from hlm.policies.encoding import Encoding
from hlm.policies.exchange.act import image_size as image_size
from hlm.policies.exchange.exchange_type import tokenizer_step
from hlm.policies.exchange.folder import PolicyFolder
from hlm.policies.exchange.lerobot_policy import LeRobotPolicy, findable
from hlm.policies.load_report import LoadReport
from hlm.policies.smolvla.config import SmolVLAConfig
from hlm.policies.smolvla.loading import FIXED as FIXED
from hlm.policies.smolvla.loading import initialise
from hlm.policies.smolvla.network import SmolVLANetwork, lerobot_config
from hlm.policies.trained import build_network

LETTERBOXING = "fits them in with bars left and above, hlm on both sides"
STATE_IN_BINS = False
# LeRobot's names of our options.
FIELDS = {
    "vlm": "vlm_model_name",
    "freeze_vision_encoder": "freeze_vision_encoder",
    "train_expert_only": "train_expert_only",
    "vlm_layers": "num_vlm_layers",
    "expert_width": "expert_width_multiplier",
    "max_tokens": "tokenizer_max_length",
}
STATE_WEIGHT = "model.state_proj.weight"


def to_lerobot(checkpoint: Checkpoint, encoding: Encoding) -> LeRobotPolicy:
    """The policy in LeRobot's terms.

    Raises:
        MismatchError: the vision-language model is in no folder and has no Hugging Face name.
    """
    options = checkpoint.config.options()
    config = lerobot_config(options, encoding)
    config.vlm_model_name = findable(options.vlm, "vlm")
    config.num_steps = checkpoint.config.sampling.euler_steps
    weights = build_network(checkpoint).state_dict()
    if not encoding.proprioception:
        # LeRobot gives the network the robot's state even if its configuration has none.
        weights = weights | {STATE_WEIGHT: torch.zeros_like(weights[STATE_WEIGHT])}
    return LeRobotPolicy(config=config, weights=weights, tokenizer=config.vlm_model_name)


def processor_steps(policy: LeRobotPolicy, steps: Any, text: Any) -> tuple[list[Any], list[Any]]:
    """Steps of LeRobot's pre- and postprocessor."""
    encode = tokenizer_step(text, policy.tokenizer, policy.config.pad_language_to)
    before = [NewLineTaskProcessorStep(), encode, steps.to_device, steps.normalize]
    return before, [steps.unnormalize, steps.to_cpu]


def notes(checkpoint: Checkpoint) -> tuple[str, ...]:
    """What LeRobot's SmolVLA does otherwise."""
    del checkpoint
    return ("LeRobot computes parts of SmolVLA in the precision that the vision-language model's folder names",)


def config_of(folder: PolicyFolder) -> SmolVLAConfig:
    """The options of a policy that LeRobot saved.

    Raises:
        MismatchError: hlm cannot express it.
    """
    folder.check_raw_images()
    folder.check_padding("max_state_dim", "max_action_dim")
    width, height = folder.config["resize_imgs_with_padding"]
    if width != height:
        raise MismatchError(f"{folder.path} has a vision encoder for {height} x {width} px; hlm's sees squares.")
    return folder.options(SmolVLAConfig, FIELDS, pretrained=str(folder.path), resize_px=int(width))


def euler_steps(folder: PolicyFolder) -> int:
    """Flow steps per chunk."""
    return int(folder.config.get("num_steps", 1))


def load(network: SmolVLANetwork, config: SmolVLAConfig, folder: PolicyFolder) -> LoadReport:
    """Load the folder's weights."""
    return initialise(network, replace(config, pretrained=str(folder.path)))
