"""The action expert for sampling: fused weights, so that a layer takes few, large matrix products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from hlm.policies.pi05.model import Context, Pi05Model
from hlm.policies.pi05.transformer import KeysValues, Rotation, modulate, rotate, split_heads


class FusedLayer(NamedTuple):
    """Fused weights of a layer of the action expert.

    Attributes:
        query_key_value: [(query heads + 2 * shared heads) * feature, width].
        out: [width, query heads * feature].
        gate_up: [2 * hidden, width].
        down: [width, hidden].
    """

    query_key_value: Tensor
    out: Tensor
    gate_up: Tensor
    down: Tensor


class Surroundings(NamedTuple):
    """Inputs that all layers of a flow step share.

    Attributes:
        turn: rotary embedding of the actions.
        bias: [batch, 1, 1, prefix + action] float32 attention bias, minus infinity where attention is masked.
        eps: epsilon of the norms.
    """

    turn: Rotation
    bias: Tensor
    eps: float


class FusedExpert:
    """The action expert of a network whose weights are final."""

    def __init__(self, network: Pi05Model) -> None:
        self._network = network
        self._eps = float(network.model.expert.norm.eps)
        self._layers = [_fused(layer, network.dtype) for layer in network.model.expert.layers]
        self._tables: dict[int, Tensor] = {}

    def table(self, steps: int) -> Tensor:
        """[step, norm, 1, 3 * width] float32 modulations of the norms, which depend only on flow time."""
        if steps not in self._tables:
            device = self._layers[0].out.device
            time = torch.tensor([1.0 - step / steps for step in range(steps)], device=device)
            self._tables[steps] = torch.stack(self._network.modulations(time), 1)[:, :, None]
        return self._tables[steps]

    def velocity(self, context: Context, noisy: Tensor, modulations: Tensor, layer: Callable[..., Tensor]) -> Tensor:
        """[batch, horizon, dimension] velocity from data to noise.

        Args:
            context: prefix that the actions read.
            noisy: [batch, horizon, dimension] float32 points of the flow.
            modulations: [norm, 1, 3 * width], a row of the table.
            layer: `fused_layer`, compiled or not.
        """
        core = self._network.model
        turn, seen = self._network.place(context.mask)
        bias = torch.zeros(seen.shape, device=seen.device).masked_fill(~seen, -torch.inf)
        around = Surroundings(turn, bias, self._eps)
        hidden = core.action_in_proj(noisy).to(self._network.dtype)
        for number, (weights, past) in enumerate(zip(self._layers, context.keys_values, strict=True)):
            hidden = layer(weights, hidden, modulations[2 * number : 2 * number + 2], past, around)
        hidden, _ = modulate(hidden, modulations[-1], self._eps)
        velocity: Tensor = core.action_out_proj(hidden.float())
        return velocity


def fused_layer(
    weights: FusedLayer, hidden: Tensor, modulations: Tensor, past: KeysValues, around: Surroundings
) -> Tensor:
    """[batch, action, width] actions after a layer.

    Args:
        weights: weights of the layer.
        hidden: [batch, action, width] actions before the layer.
        modulations: [2, 1, 3 * width] modulations of its norms.
        past: keys and values of the prefix.
        around: inputs that all layers share.
    """
    features, shared = past[0].shape[-1], past[0].shape[1]
    normed, gate = modulate(hidden, modulations[0], around.eps)
    packed = split_heads(functional.linear(normed, weights.query_key_value), features)
    turned = rotate(packed[:, :-shared], around.turn)
    key = torch.cat([past[0], turned[:, -shared:]], 2)
    value = torch.cat([past[1], packed[:, -shared:]], 2)
    read = attend_few(turned[:, :-shared], key, value, around.bias)
    hidden = torch.addcmul(hidden, functional.linear(read, weights.out), gate)
    normed, gate = modulate(hidden, modulations[1], around.eps)
    first, second = functional.linear(normed, weights.gate_up).chunk(2, -1)
    inner = functional.gelu(first, approximate="tanh") * second
    return torch.addcmul(hidden, functional.linear(inner, weights.down), gate)


def attend_few(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """The result of `transformer.attend`, by two matrix products.

    A fused attention kernel splits its work by queries; so few of them would leave most of a large GPU idle.
    """
    tokens, shared = query.shape[2], key.shape[1]
    folded = rearrange(query, "batch (shared group) token feature -> batch shared (group token) feature", shared=shared)
    scores = folded @ key.transpose(-1, -2) * query.shape[-1] ** -0.5 + bias
    read = scores.softmax(-1, dtype=torch.float32).to(value.dtype) @ value
    return rearrange(read, "batch shared (group token) feature -> batch token (shared group feature)", token=tokens)


def _fused(layer: Any, dtype: torch.dtype) -> FusedLayer:
    attention, mlp = layer.self_attn, layer.mlp

    def together(*parts: Any) -> Tensor:
        return torch.cat([part.weight.detach().to(dtype) for part in parts])

    return FusedLayer(
        query_key_value=together(attention.q_proj, attention.k_proj, attention.v_proj),
        out=together(attention.o_proj),
        gate_up=together(mlp.gate_proj, mlp.up_proj),
        down=together(mlp.down_proj),
    )
