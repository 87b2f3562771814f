"""ACT to LeRobot's format and back; implements `hlm.policies.exchange.exchange_type.ExchangeType`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from lerobot.configs.types import NormalizationMode

from hlm.core.errors import MismatchError
from hlm.policies.act.config import ActConfig
from hlm.policies.act.network import IMAGENET_MEAN, IMAGENET_STD, ActNetwork, lerobot_config
from hlm.policies.checkpoint import Checkpoint
from hlm.policies.encoding import Encoding
from hlm.policies.exchange.folder import PolicyFolder
from hlm.policies.exchange.lerobot_policy import LeRobotPolicy
from hlm.policies.load_report import LoadReport
from hlm.policies.pretrained.lerobot_config import FixedFields
from hlm.policies.pretrained.loading import load_tensors, read_tensors
from hlm.policies.trained import build_network

FIXED: FixedFields = {
    "n_obs_steps": (1,),
    "pre_norm": (False,),
    "feedforward_activation": ("relu",),
    "replace_final_stride_with_dilation": (False, 0),
    "temporal_ensemble_coeff": (None,),
    "use_peft": (False,),
}
LETTERBOXING = "takes images as they come"
STATE_IN_BINS = False
# LeRobot's names of our options.
FIELDS = {
    "backbone": "vision_backbone",
    "dim_model": "dim_model",
    "heads": "n_heads",
    "dim_feedforward": "dim_feedforward",
    "encoder_layers": "n_encoder_layers",
    "decoder_layers": "n_decoder_layers",
    "use_vae": "use_vae",
    "vae_encoder_layers": "n_vae_encoder_layers",
    "latent_dim": "latent_dim",
    "kl_weight": "kl_weight",
    "dropout": "dropout",
}


def to_lerobot(checkpoint: Checkpoint, encoding: Encoding) -> LeRobotPolicy:
    """The policy in LeRobot's terms."""
    return LeRobotPolicy(
        config=lerobot_config(checkpoint.config.options(), encoding),
        weights=build_network(checkpoint).state_dict(),
        image_stats={
            "mean": torch.tensor(IMAGENET_MEAN).view(3, 1, 1),
            "std": torch.tensor(IMAGENET_STD).view(3, 1, 1),
        },
    )


def processor_steps(policy: LeRobotPolicy, steps: Any, text: Any) -> tuple[list[Any], list[Any]]:
    """Steps of LeRobot's pre- and postprocessor."""
    del policy, text
    return [steps.to_device, steps.normalize], [steps.unnormalize, steps.to_cpu]


def notes(checkpoint: Checkpoint) -> tuple[str, ...]:
    """What LeRobot's ACT does otherwise."""
    optional = checkpoint.config.encoding.optional_cameras
    return (f"LeRobot's ACT needs every camera, also {', '.join(optional)}",) if optional else ()


def config_of(folder: PolicyFolder) -> ActConfig:
    """The options of a policy that LeRobot saved.

    Raises:
        MismatchError: hlm cannot express it.
    """
    imagenet = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    if folder.mode("VISUAL") is not NormalizationMode.MEAN_STD or not all(
        name in figures and np.allclose(figures[name], wanted, atol=1e-4)
        for figures in folder.image_figures
        for name, wanted in imagenet.items()
    ):
        raise MismatchError(
            f"{folder.path} does not normalise images with ImageNet's mean and standard deviation, as hlm always does. "
            "LeRobot does so by default (--dataset.use_imagenet_stats=true)."
        )
    return folder.options(ActConfig, FIELDS)


def image_size(folder: PolicyFolder) -> tuple[int, int]:
    """The size of all cameras' images, or the one that LeRobot resizes them to.

    Raises:
        MismatchError: the cameras have several sizes.
    """
    step = folder.steps.get("image_crop_resize_processor")
    if step is not None and step.config.get("resize_size"):
        height, width = step.config["resize_size"]
        return int(height), int(width)
    sizes = set(folder.cameras.values())
    if len(sizes) != 1:
        found = ", ".join(f"{name} {height} x {width}" for name, (height, width) in folder.cameras.items())
        raise MismatchError(f"{folder.path} has cameras of different sizes ({found}); hlm's networks see one size.")
    return sizes.pop()


def euler_steps(folder: PolicyFolder) -> int:
    """ACT has no flow."""
    del folder
    return 1


def load(network: ActNetwork, config: ActConfig, folder: PolicyFolder) -> LoadReport:
    """Load the folder's weights."""
    del config
    return load_tensors(network, read_tensors(folder.path), str(folder.path))
