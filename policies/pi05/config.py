"""Options of pi0.5. Imports no torch, so that the command line can list them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from hlm.core.errors import InputError
from hlm.core.ranges import must_be_at_least
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.policy_config import PolicyConfig

Language = Literal["gemma_2b", "gemma_small", "gemma_toy"]
Expert = Literal["gemma_300m", "gemma_small", "gemma_toy"]
TOKENIZER = "google/paligemma-3b-pt-224"
PUBLISHED = {"robot": "lerobot/pi05_base", "vision_language": "google/paligemma-3b-pt-224"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pi05Config(PolicyConfig):
    """Pi0.5 (arXiv 2504.16054): a vision-language model and a flow-matching action expert.

    Attributes:
        pretrained: folder or Hugging Face name of the weights to start from: pi0.5 in LeRobot's or openpi's format, or
            PaliGemma for `init=vision_language`. By default, the published weights for `init`.
        tokenizer: folder or Hugging Face name of the language model's tokenizer.
        init: weights to start from. `robot` loads all of pi0.5 (`lerobot/pi05_base`), `vision_language` only the
            vision-language model (`google/paligemma-3b-pt-224`, which never saw a robot), `random` nothing.
        action_projection: the pretrained policy has 32 action dimensions. `surgery` keeps their weights and initialises
            the other dimensions at random; `random` initialises the projections into and out of the action expert.
        tuning: `full` trains all weights; `lora` trains low-rank adapters in the action expert's attention, and its
            input and output projections. `lora` requires `init=robot`: a new expert has to be trained as a whole.
        lora_rank: rank of the adapters.
        lora_alpha: scale of the adapters is lora_alpha / lora_rank.
        freeze_vision: do not train the vision encoder.
        gradient_checkpointing: recompute activations in the backward pass, to save memory.
        dtype: type of the weights. `bfloat16` is LeRobot's layout, in which norms, vision encoder and projections stay
            float32. It halves the memory, but loses optimizer steps that change a weight by less than 1 part in 256;
            it suits adapters, whose base weights are frozen.
        compile: compile the layers for training; the first update then takes a minute longer.
        token_limit: longest prompt, instruction and state together, tokens.
        paligemma_variant: size of the vision-language model; the published one is gemma_2b.
        action_expert_variant: size of the action expert; the published one is gemma_300m.
    """

    # OpenHLM's Table 3, except for its 128 samples per update, which are shared by several GPUs.
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
    sources: ClassVar[tuple[str, ...]] = ("pretrained", "tokenizer")
    pretrained: str | None = None
    tokenizer: str = TOKENIZER
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
    paligemma_variant: Language = "gemma_2b"
    action_expert_variant: Expert = "gemma_300m"

    def __post_init__(self) -> None:
        """Check ranges and combinations.

        Raises:
            InputError: a number below 1, or options that exclude each other.
        """
        must_be_at_least(1, self, "lora_rank", "lora_alpha", "token_limit")
        if self.tuning == "lora" and self.init != "robot":
            raise InputError(
                f"tuning=lora needs a pretrained action expert, and init={self.init} initialises it at random. Use "
                "tuning=full, or init=robot."
            )

    @property
    def origin(self) -> str | None:
        """Folder or Hugging Face name of the weights to start from; None for `init=random`."""
        return None if self.init == "random" else self.pretrained or PUBLISHED[self.init]
