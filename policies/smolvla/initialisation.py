"""Random weights of SmolVLA, part by part, distributed as LeRobot initialises them.

The network is built without weights, and only what no file brings is drawn: the vision-language model alone has 350 of
the 450 million.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from hlm.policies.smolvla.network import SmolVLANetwork


@torch.no_grad()
def draw_vision_language(network: SmolVLANetwork) -> None:
    """Draw the weights of the vision-language model from torch's random state."""
    network.model.vlm_with_expert.vlm.init_weights()


@torch.no_grad()
def draw_expert(network: SmolVLANetwork) -> None:
    """Draw the weights of the action expert and of the projections around it."""
    network.model.vlm_with_expert.lm_expert.init_weights()
    for layer in (*_layers_of_lerobot(network), *_projections(network)):
        layer.reset_parameters()


@torch.no_grad()
def draw_new_dimensions(network: SmolVLANetwork) -> None:
    """Draw what a policy of fewer dimensions left nan in the projections of states and actions."""
    for layer in _projections(network):
        if any(weight.isnan().any() for weight in layer.parameters()):
            fresh = nn.Linear(layer.in_features, layer.out_features)
            for weight, drawn in zip(layer.parameters(), fresh.parameters(), strict=True):
                weight.copy_(torch.where(weight.isnan(), drawn, weight))


def _projections(network: SmolVLANetwork) -> Iterator[nn.Linear]:
    """The layers that the policy has beside the two language models."""
    return (layer for layer in network.model.children() if isinstance(layer, nn.Linear))


def _layers_of_lerobot(network: SmolVLANetwork) -> Iterator[nn.Linear]:
    """Keys and values that LeRobot puts in place of the language model's own, to read the vision-language model's."""
    both = network.model.vlm_with_expert
    for number, layer in enumerate(both.lm_expert.layers):
        if number % both.self_attn_every_n_layers:
            yield from (layer.self_attn.k_proj, layer.self_attn.v_proj)
