"""What a user can choose about ACT and SmolVLA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hlm.core.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class ActSettings:
    """Action Chunking Transformer; the defaults are the original's and LeRobot's (Zhao et al. 2023, arXiv 2304.13705).

    It reads no instruction: a dataset with several tasks needs another kind.

    Attributes:
        backbone: ResNet that looks at each picture.
        weights: `imagenet` starts the backbone from torchvision's weights, which are fetched from the network once; by
            default it is drawn, and learns slowly, as its batch norms are frozen.
        dim_model: features of a token, a multiple of 4 and of `heads`.
        heads: attention heads.
        dim_feedforward: features inside a transformer layer's feed-forward part.
        encoder_layers: transformer layers over state and pictures.
        decoder_layers: transformer layers over the actions.
        use_vae: learn with a latent variable that tells apart several ways to do the same; it is 0 when served.
        vae_encoder_layers: transformer layers that make the latent variable of the demonstrated actions.
        latent_dim: its size.
        kl_weight: of its divergence from a standard normal in the loss.
        dropout: share of features that training hides.
    """

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
        """Check what the layers need.

        Raises:
            InputError: a size that they cannot have.
        """
        for name in ("dim_feedforward", "encoder_layers", "decoder_layers", "vae_encoder_layers", "latent_dim"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.heads < 1 or self.dim_model < 1 or self.dim_model % 4 or self.dim_model % self.heads:
            raise InputError(f"dim_model must be a multiple of 4 and of {self.heads} heads, got {self.dim_model}.")
        if self.kl_weight < 0 or not 0 <= self.dropout < 1:
            raise InputError(
                f"kl_weight must be at least 0 and dropout in [0, 1), got {self.kl_weight:g} and {self.dropout:g}."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class SmolVLASettings:
    """SmolVLA: a small vision-language model and an expert that makes actions by flow matching (arXiv 2506.01844).

    Attributes:
        vlm: folder or Hugging Face name of the vision-language model, for its shape, tokenizer and weights.
        pretrained: folder or Hugging Face name of a SmolVLA policy to start from, or None.
        load_vlm_weights: without a pretrained policy, start from the vision-language model's weights.
        freeze_vision_encoder: leave the vision encoder as it is.
        train_expert_only: leave all of the vision-language model as it is.
        vlm_layers: how many of the language model's layers to use, from the first on.
        expert_width: of the expert's features, as a share of the language model's.
        resize_px: side of the squares that the vision encoder sees; None takes pictures as they come. The pretrained
            policy saw 512 x 512.
        max_tokens: longest instruction, in tokens.
    """

    vlm: str = "HuggingFaceTB/SmolVLM2-500M-Video-Instruct"
    pretrained: str | None = "lerobot/smolvla_base"
    load_vlm_weights: bool = True
    freeze_vision_encoder: bool = True
    train_expert_only: bool = True
    vlm_layers: int = 16
    expert_width: float = 0.75
    resize_px: int | None = 512
    max_tokens: int = 48

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a number that the network cannot have.
        """
        for name in ("vlm_layers", "max_tokens"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.expert_width <= 0:
            raise InputError(f"expert_width must be positive, got {self.expert_width:g}.")
        if self.resize_px is not None and self.resize_px < 1:
            raise InputError(f"resize_px must be at least 1, got {self.resize_px}.")
