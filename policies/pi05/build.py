"""Pi0.5 as its config and the data want it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lerobot.policies.pi05.configuration_pi05 import PI05Config

from hlm.core.errors import MismatchError
from hlm.policies.pi05.config import Pi05Config
from hlm.policies.pi05.core import draw as draw_weights
from hlm.policies.pi05.core import make_core
from hlm.policies.pi05.lora import add_adapters
from hlm.policies.pi05.network import Pi05Network
from hlm.policies.pi05.sizes import size_of
from hlm.policies.pi05.tokenizer import PromptTokenizer

if TYPE_CHECKING:
    from hlm.policies.encoding import Encoding


def build(config: Pi05Config, encoding: Encoding, *, seed: int = 0, draw: bool = True) -> Pi05Network:
    """The network with random weights, on the CPU.

    Args:
        config: size, and how it is to be trained.
        encoding: shapes of inputs and outputs.
        seed: seed of the weights.
        draw: False leaves every weight nan, for callers that load all of them right away.

    Raises:
        InputError: sizes that do not fit each other.
        MismatchError: the tokenizer's vocabulary is larger than the network's.
    """
    size = size_of(config.paligemma_variant, config.action_expert_variant, encoding.image_size)
    text = encoding.text
    if isinstance(text, PromptTokenizer) and text.vocabulary_size > size.vocabulary_size:
        raise MismatchError(
            f"the tokenizer's vocabulary has {text.vocabulary_size} tokens, and the network's {size.vocabulary_size}."
        )
    described = PI05Config(
        dtype=config.dtype,
        chunk_size=encoding.horizon,
        n_action_steps=encoding.horizon,
        max_action_dim=encoding.dimensions,
        max_state_dim=encoding.dimensions,
        image_resolution=encoding.image_size,
        tokenizer_max_length=config.token_limit,
        freeze_vision_encoder=config.freeze_vision,
        device="cpu",
    )
    network = Pi05Network(
        make_core(described, size), gradient_checkpointing=config.gradient_checkpointing, compiled=config.compile
    )
    if config.tuning == "lora":
        add_adapters(network, rank=config.lora_rank, alpha=config.lora_alpha)
    if draw:
        draw_weights(network, seed)
    return network
