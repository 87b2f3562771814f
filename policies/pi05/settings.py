"""What a user can choose about pi0.5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hlm.core.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Pi05Settings:
    """Pi0.5 (arXiv 2504.16054): a vision-language model and an expert that makes actions by flow matching.

    Attributes:
        pretrained: folder or Hugging Face name of the weights to start from: pi0.5 as LeRobot or openpi writes it, or,
            for `init=vision_language`, PaliGemma. None only for `init=random`.
        tokenizer: folder or Hugging Face name of the language model's tokenizer.
        init: `robot` starts from all of the pretrained weights; `vision_language` from the vision-language model's, the
            action expert and its projections drawn afresh; `random` from none.
        action_projection: the pretrained robots have 32 dimensions. `surgery` keeps their weights and draws those of
            the dimensions beyond; `random` draws the layers into and out of the action expert whole.
        tuning: `full` trains every weight; `lora` low-rank adapters in the action expert's attention, and the layers
            into and out of it whole.
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

    pretrained: str | None = "lerobot/pi05_base"
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
            InputError: a number below 1, or weights to start from that are not named.
        """
        for name in ("lora_rank", "lora_alpha", "token_limit"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.pretrained is None and self.init != "random":
            raise InputError(
                f"init={self.init} needs pretrained weights: name a folder or a Hugging Face model, such as "
                "lerobot/pi05_base, or choose init=random."
            )
