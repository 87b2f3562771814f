"""Pi0.5 as its settings and the data want it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lerobot.policies.pi05.configuration_pi05 import PI05Config

from hlm.core.errors import MismatchError
from hlm.policies.pi05.config import Pi05Config
from hlm.policies.pi05.core import draw as draw_weights
from hlm.policies.pi05.core import make_core
from hlm.policies.pi05.loading import initialise
from hlm.policies.pi05.lora import add_adapters
from hlm.policies.pi05.network import Pi05Network
from hlm.policies.pi05.sizes import size_of
from hlm.policies.pi05.tokenizer import PromptTokenizer

if TYPE_CHECKING:
    from hlm.policies.encoding import Encoding

__all__ = ["build", "initialise"]


def build(settings: Pi05Config, encoding: Encoding, *, seed: int = 0, draw: bool = True) -> Pi05Network:
    """The network with random weights, on the CPU.

    Args:
        settings: its size, and how it is to learn.
        encoding: shapes of what it sees and gives.
        seed: of the weights.
        draw: False leaves every weight nan, for whoever loads all of them at once.

    Raises:
        InputError: sizes that do not fit each other.
        MismatchError: the tokenizer knows more words than the network.
    """
    size = size_of(settings.paligemma_variant, settings.action_expert_variant, encoding.image_size)
    text = encoding.text
    if isinstance(text, PromptTokenizer) and text.vocabulary > size.vocabulary:
        raise MismatchError(f"the tokenizer has {text.vocabulary} words, and the network {size.vocabulary}.")
    config = PI05Config(
        dtype=settings.dtype,
        chunk_size=encoding.horizon,
        n_action_steps=encoding.horizon,
        max_action_dim=encoding.dimensions,
        max_state_dim=encoding.dimensions,
        image_resolution=encoding.image_size,
        tokenizer_max_length=settings.token_limit,
        freeze_vision_encoder=settings.freeze_vision,
        device="cpu",
    )
    network = Pi05Network(
        make_core(config, size), gradient_checkpointing=settings.gradient_checkpointing, compiled=settings.compile
    )
    if settings.tuning == "lora":
        add_adapters(network, rank=settings.lora_rank, alpha=settings.lora_alpha)
    if draw:
        draw_weights(network, seed)
    return network
