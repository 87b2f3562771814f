"""LeRobot's pi0.5 at any size, without the parts that no action depends on, with weights drawn from a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

import torch
from lerobot.policies.pi05.configuration_pi05 import PI05Config
from lerobot.policies.pi05.modeling_pi05 import PaliGemmaWithExpertModel, PI05Pytorch
from lerobot.policies.pi_gemma import PaliGemmaForConditionalGenerationWithPiGemma, PiGemmaForCausalLM
from torch import Generator, nn

from hlm.policies.pi05.sizes import Size, expert_config, paligemma_config
from hlm.policies.pretrained.empty_network import fill_with_nan, without_weights


class Backbone(PaliGemmaWithExpertModel):
    """LeRobot's two language models side by side, of any size."""

    def __init__(self, size: Size, *, precision: str, freeze_vision: bool) -> None:
        # LeRobot's own constructor supports only the published size.
        nn.Module.__init__(self)
        self.freeze_vision_encoder = freeze_vision
        self.train_expert_only = False
        self.paligemma = PaliGemmaForConditionalGenerationWithPiGemma(config=paligemma_config(size))
        self.gemma_expert = PiGemmaForCausalLM(config=expert_config(size))
        self.gemma_expert.model.embed_tokens = None
        # No language head is ever used; in LeRobot they are 0.8 of 4.1 billion weights.
        self.paligemma.lm_head = None
        self.gemma_expert.lm_head = None
        self.to_bfloat16_for_selected_params(precision)
        for model in (self.paligemma.model.language_model, self.gemma_expert.model):
            # They were cast to bfloat16 with the weights, which is too coarse for positions of several hundred tokens.
            frequency, _ = model.rotary_emb.compute_default_rope_parameters(model.config)
            model.rotary_emb.inv_freq = frequency
            model.rotary_emb.original_inv_freq = frequency.clone()
        self._set_requires_grad()


class Core(PI05Pytorch):
    """LeRobot's pi0.5 of any size; LeRobot's own forward pass and sampling work with it."""

    def __init__(self, config: PI05Config, size: Size) -> None:
        nn.Module.__init__(self)
        self.config = config
        self.rtc_processor = None
        self.gradient_checkpointing_enabled = False
        self.paligemma_with_expert = Backbone(size, precision=config.dtype, freeze_vision=config.freeze_vision_encoder)
        width, dimensions = size.expert.width, config.max_action_dim
        self.action_in_proj = nn.Linear(dimensions, width)
        self.action_out_proj = nn.Linear(width, dimensions)
        self.time_mlp_in = nn.Linear(width, width)
        self.time_mlp_out = nn.Linear(width, width)

    @property
    def paligemma(self) -> Any:
        """The vision-language model."""
        return self.paligemma_with_expert.paligemma.model

    @property
    def language(self) -> Any:
        """The language model of the vision-language model."""
        return self.paligemma.language_model

    @property
    def expert(self) -> Any:
        """The action expert."""
        return self.paligemma_with_expert.gemma_expert.model


def make_core(config: PI05Config, size: Size) -> Core:
    """The network on the CPU, with every weight nan until it is drawn or loaded."""
    with without_weights():
        core = Core(config, size)
    fill_with_nan(core)
    freeze_unreached(core)
    return core


def freeze_unreached(core: Core) -> None:
    """Freeze the weights that no loss reaches.

    Actions read the keys and values of the language model's last layer, and nothing after them.
    """
    last = core.language.layers[-1]
    for part in (last.self_attn.q_proj, last.self_attn.o_proj, last.post_attention_layernorm, last.mlp):
        part.requires_grad_(requires_grad=False)
    core.language.norm.requires_grad_(requires_grad=False)


@torch.no_grad()
def draw(network: nn.Module, seed: int, names: Collection[str] | None = None) -> None:
    """Draw weights at random; each depends only on the seed and its own name.

    Args:
        network: changed in place.
        seed: seed of the weights.
        names: names of the weights; all by default.
    """
    for path, part in network.named_modules():
        for own, weight in part.named_parameters(recurse=False):
            name = f"{path}.{own}"
            if names is None or name in names:
                _fill(part, own, name, weight, generator(seed, name))


def generator(seed: int, name: str) -> Generator:
    """The random generator of a named weight."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return Generator().manual_seed(int.from_bytes(digest[:8]) >> 1)


def _fill(part: nn.Module, own: str, name: str, weight: nn.Parameter, random: Generator) -> None:
    if isinstance(part, nn.LayerNorm) and own == "weight":
        weight.fill_(1.0)
    elif weight.ndim == 1 or ".dense." in name or ".lora_B." in name:
        # Biases; Gemma's norms, which scale by 1 + weight; modulations and adapters, which must do nothing at first.
        weight.zero_()
    else:
        inputs = weight.shape[1] if isinstance(part, nn.Embedding) else weight[0].numel()
        drawn = torch.empty(weight.shape, dtype=weight.dtype).normal_(std=inputs**-0.5, generator=random)
        weight.copy_(drawn)
