"""Options of pi0.5. Imports no torch, so that the command line can list them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from hlm.core.errors import InputError
from hlm.core.ranges import must_be_at_least
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.policy_config import PolicyConfig

PUBLISHED = {"robot": "lerobot/pi05_base", "vision_language": "google/paligemma-3b-pt-224"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pi05Config(PolicyConfig):
    """Pi0.5 (arXiv 2504.16054): a vision-language model and an expert that makes actions by flow matching.

    Attributes:
        pretrained: folder or Hugging Face name of the weights to start from: pi0.5 as LeRobot or openpi writes it, or,
            for `init=vision_language`, PaliGemma or pi0.5's. By default those that are published for the `init`.
        tokenizer: folder or Hugging Face name of the language model's tokenizer.
        init: `robot` starts from all of the pretrained weights; `vision_language` from the vision-language model's, the
            action expert and its projections drawn afresh; `random` from none. By default they are `lerobot/pi05_base`
            and `google/paligemma-3b-pt-224`, which never saw a robot.
        action_projection: the pretrained robots have 32 dimensions. `surgery` keeps their weights and draws those of
            the dimensions beyond; `random` draws the layers into and out of the action expert whole.
        tuning: `full` trains every weight; `lora` low-rank adapters in the action expert's attention, and the layers
            into and out of it whole, which takes `init=robot`: an expert that was drawn afresh has to be trained whole.
        lora_rank: of the adapters.
        lora_alpha: the adapters' part is scaled by alpha / rank.
        freeze_vision: leave the vision encoder as it is.
        gradient_checkpointing: compute activations twice to hold fewer of them.
        dtype: of the weights. `bfloat16` is LeRobot's layout, in which norms, vision encoder and projections stay
            float32: half the memory, but steps of the optimizer that change a weight by less than 1 part in 256 are
            mostly lost. It suits adapters, whose base does not move.
        compile: compile the layers for training; the first update then takes a minute more.
        token_limit: longest prompt, instruction and state together, in tokens.
        paligemma_variant: size of the vision-language model; the published one is gemma_2b.
        action_expert_variant: size of the action expert; the published one is gemma_300m.
    """

    # OpenHLM's (Table 3), which takes several GPUs: 128 samples per update there, all processes together.
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "image_size": (224, 224),
        "euler_steps": 10,
        "augmentation": AugmentationConfig.paper(),
        "batch_size": 32,
        "steps": 30_000,
        "max_minutes": None,
        "learning_rate": 1e-4,
        "final_learning_rate_ratio": 0.1,
        "warmup_steps": 1000,
        "weight_decay": 1e-10,
        "ema_decay": 0.0,
        "save_every_minutes": 30.0,
    }
    pretrained: str | None = None
    tokenizer: str = "google/paligemma-3b-pt-224"
    init: Literal["robot", "vision_language", "random"] = "robot"
    action_projection: Literal["surgery", "random"] = "surgery"
    tuning: Literal["full", "lora"] = "full"
    lora_rank: int = 16
    lora_alpha: int = 16
    freeze_vision: bool = False
    gradient_checkpointing: bool = True
    dtype: Literal["bfloat16", "float32"] = "float32"
    compile: bool = False
    token_limit: int = 200
    paligemma_variant: Literal["gemma_2b", "gemma_small", "gemma_toy"] = "gemma_2b"
    action_expert_variant: Literal["gemma_300m", "gemma_small", "gemma_toy"] = "gemma_300m"

    def __post_init__(self) -> None:
        """Check ranges, and what belongs together.

        Raises:
            InputError: a number below 1, or choices that exclude each other.
        """
        must_be_at_least(1, self, "lora_rank", "lora_alpha", "token_limit")
        if self.tuning == "lora" and self.init != "robot":
            raise InputError(
                f"tuning=lora adapts a pretrained action expert, and init={self.init} draws a new one, which would "
                "never look at what it is told. Choose tuning=full, or init=robot."
            )

    @property
    def origin(self) -> str | None:
        """Folder or Hugging Face name of the weights to start from; None for `init=random`."""
        return None if self.init == "random" else self.pretrained or PUBLISHED[self.init]
