"""Options of ACT. Imports no torch, so that the command line can list them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from hlm.core.errors import InputError
from hlm.core.ranges import must_be_at_least
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.policy_config import PolicyConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class ActConfig(PolicyConfig):
    """Action Chunking Transformer (Zhao et al. 2023, arXiv 2304.13705), with the defaults of the paper and LeRobot.

    It reads no instructions: datasets with several tasks need another policy type.

    Attributes:
        backbone: ResNet that encodes each image.
        weights: `imagenet` starts the backbone from torchvision's weights, fetched once; by default, it starts from
            random weights and learns slowly, because its batch norms are frozen.
        dim_model: features of a token, a multiple of 4 and of `heads`.
        heads: attention heads.
        dim_feedforward: hidden features of the feed-forward blocks.
        encoder_layers: transformer layers over state and images.
        decoder_layers: transformer layers over the actions.
        use_vae: train with a latent variable that distinguishes several ways to do a task; it is 0 at inference.
        vae_encoder_layers: transformer layers that encode demonstrated actions into the latent variable.
        latent_dim: size of the latent variable.
        kl_weight: weight of the latent variable's KL divergence in the loss.
        dropout: fraction of features dropped in training.
    """

    # LeRobot's preset.
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "euler_steps": 1,
        "augmentation": AugmentationConfig.paper(),
        "batch_size": 8,
        "steps": 100_000,
        "max_minutes": None,
        "learning_rate": 1e-5,
        "final_learning_rate_ratio": 1.0,
        "warmup_steps": 0,
        "betas": (0.9, 0.999),
        "weight_decay": 1e-4,
        "max_grad_norm": 10.0,
        "ema_decay": 0.0,
        "save_every_minutes": 30.0,
    }
    backbone: Literal["resnet18", "resnet34", "resnet50"] = "resnet18"
    weights: Literal["imagenet"] | None = None
    dim_model: int = 512
    heads: int = 8
    dim_feedforward: int = 3200
    encoder_layers: int = 4
    decoder_layers: int = 1
    use_vae: bool = True
    vae_encoder_layers: int = 4
    latent_dim: int = 32
    kl_weight: float = 10.0
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a value out of range.
        """
        must_be_at_least(
            1, self, "dim_feedforward", "encoder_layers", "decoder_layers", "vae_encoder_layers", "latent_dim"
        )
        if self.heads < 1 or self.dim_model < 1 or self.dim_model % 4 or self.dim_model % self.heads:
            raise InputError(f"dim_model must be a multiple of 4 and of {self.heads} heads, got {self.dim_model}.")
        if self.kl_weight < 0 or not 0 <= self.dropout < 1:
            raise InputError(
                f"kl_weight must be at least 0 and dropout in [0, 1), got {self.kl_weight:g} and {self.dropout:g}."
            )
