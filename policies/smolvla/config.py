"""Options of SmolVLA. Imports no torch, so that the command line can list them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from hlm.core.errors import InputError
from hlm.core.ranges import must_be_at_least
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.policy_config import PolicyConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class SmolVLAConfig(PolicyConfig):
    """SmolVLA (arXiv 2506.01844): a small vision-language model and a flow-matching action expert.

    Attributes:
        vlm: folder or Hugging Face name of the vision-language model, for its shape, tokenizer and weights.
        pretrained: folder or Hugging Face name of a SmolVLA policy to start from, or None.
        load_vlm_weights: without a pretrained policy, start from the weights of the vision-language model.
        freeze_vision_encoder: do not train the vision encoder.
        train_expert_only: do not train the vision-language model at all.
        vlm_layers: number of language model layers to use, counted from the first.
        expert_width: width of the action expert, relative to the language model's.
        resize_px: side of the square images that the vision encoder sees, px; None for no resizing. The pretrained
            policy saw 512 px.
        max_tokens: longest instruction, tokens.
    """

    # LeRobot's preset.
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "image_size": (224, 224),
        "euler_steps": 10,
        "augmentation": AugmentationConfig.paper(),
        "batch_size": 64,
        "steps": 30_000,
        "max_minutes": None,
        "learning_rate": 1e-4,
        "final_learning_rate_ratio": 0.025,
        "warmup_steps": 1000,
        "weight_decay": 1e-10,
        "max_grad_norm": 10.0,
        "ema_decay": 0.0,
        "save_every_minutes": 30.0,
    }
    sources: ClassVar[tuple[str, ...]] = ("vlm", "pretrained")
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
            InputError: a value out of range.
        """
        must_be_at_least(1, self, "vlm_layers", "max_tokens")
        if self.expert_width <= 0:
            raise InputError(f"expert_width must be positive, got {self.expert_width:g}.")
        must_be_at_least(1, self, "resize_px")
