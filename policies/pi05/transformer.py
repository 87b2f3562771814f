"""Forward pass over the layers that LeRobot builds, with fused attention.

The prefix never looks at the actions. So the language model runs over it once, and the action expert reads the keys and
values that each of its layers left: the same code in training and in sampling, and no attention of one to the other
that only a mask would undo.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

type KeysValues = tuple[Tensor, Tensor]


class Rotation(NamedTuple):
    """Rotary position embedding of tokens.

    Attributes:
        cosine: [batch, 1, token, feature] float32.
        sine: likewise.
    """

    cosine: Tensor
    sine: Tensor


def rotation(model: Any, positions: Tensor) -> Rotation:
    """The rotation of a language model at [batch, token] positions."""
    like = torch.empty(0, dtype=torch.float32, device=positions.device)
    cosine, sine = model.rotary_emb(like, positions)
    return Rotation(cosine[:, None], sine[:, None])


def rotate(heads: Tensor, turn: Rotation) -> Tensor:
    """[batch, head, token, feature] queries or keys that know where they are."""
    first, second = heads.chunk(2, -1)
    turned = torch.cat([-second, first], -1)
    return (heads * turn.cosine + turned * turn.sine).to(heads.dtype)


def split_heads(tokens: Tensor, features: int) -> Tensor:
    """[batch, head, token, feature] of [batch, token, head * feature]."""
    return tokens.unflatten(-1, (-1, features)).transpose(1, 2)


def attend(query: Tensor, keys_values: KeysValues, mask: Tensor) -> Tensor:
    """[batch, token, head * feature] what each query reads.

    Args:
        query: [batch, head, token, feature].
        keys_values: [batch, shared head, key, feature] each.
        mask: [batch, 1, 1, key] False where nobody may look.
    """
    tokens, shared = query.shape[2], keys_values[0].shape[1]
    # Heads that share their keys are further queries to them: nothing is repeated.
    folded = query.unflatten(1, (shared, -1)).flatten(2, 3)
    read = functional.scaled_dot_product_attention(folded, *keys_values, attn_mask=mask)
    return read.unflatten(2, (-1, tokens)).flatten(1, 2).transpose(1, 2).flatten(2)


def normalise(hidden: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Gemma's root-mean-square norm of [..., feature], computed in float32."""
    scaled = functional.rms_norm(hidden.float(), list(weight.shape), 1.0 + weight.float(), eps)
    return scaled.to(hidden.dtype)


def modulate(hidden: Tensor, modulation: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """[batch, token, feature] norm that flow time scales and shifts, and [batch, 1, feature] gate of what follows.

    Args:
        hidden: [batch, token, feature].
        modulation: [batch, 3 * feature] float32: scale, shift, gate.
        eps: of the norm.
    """
    scale, shift, gate = modulation[:, None].chunk(3, -1)
    normed = functional.rms_norm(hidden.float(), [hidden.shape[-1]], None, eps)
    return torch.addcmul(shift, normed, 1.0 + scale).to(hidden.dtype), gate.to(hidden.dtype)


def read_prefix(layer: Any, hidden: Tensor, turn: Rotation) -> KeysValues:
    """Keys and values of the [batch, token, feature] prefix at a layer of the language model."""
    key, value = _keys_values(layer.self_attn, _normed(layer, hidden), turn)
    # Strides as a compiled layer gives them, or the one that reads them would be compiled twice.
    return key.flatten(0, 1).unflatten(0, key.shape[:2]), value.flatten(0, 1).unflatten(0, value.shape[:2])


def prefix_layer(layer: Any, hidden: Tensor, turn: Rotation, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The prefix after a layer of the language model, and its keys and values there.

    Args:
        layer: LeRobot's.
        hidden: [batch, token, feature].
        turn: where the tokens are.
        mask: [batch, 1, 1, token] False where there is none.
    """
    normed = _normed(layer, hidden)
    keys_values = _keys_values(layer.self_attn, normed, turn)
    query = rotate(split_heads(layer.self_attn.q_proj(normed), layer.self_attn.head_dim), turn)
    hidden = hidden + layer.self_attn.o_proj(attend(query, keys_values, mask))
    after = layer.post_attention_layernorm
    return hidden + layer.mlp(normalise(hidden, after.weight, after.eps)), *keys_values


def expert_layer(
    layer: Any, hidden: Tensor, modulations: tuple[Tensor, Tensor], past: KeysValues, where: tuple[Rotation, Tensor]
) -> Tensor:
    """[batch, action, feature] actions after a layer of the action expert.

    Args:
        layer: LeRobot's.
        hidden: [batch, action, feature].
        modulations: [batch, 3 * feature] of its norms.
        past: keys and values of the prefix.
        where: the actions are, and [batch, 1, 1, prefix + action] False where nobody may look.
    """
    attention, (turn, mask) = layer.self_attn, where
    normed, gate = modulate(hidden, modulations[0], layer.input_layernorm.eps)
    key, value = _keys_values(attention, normed, turn)
    query = rotate(split_heads(attention.q_proj(normed), attention.head_dim), turn)
    keys_values = torch.cat([past[0], key], 2), torch.cat([past[1], value], 2)
    hidden = torch.addcmul(hidden, attention.o_proj(attend(query, keys_values, mask)), gate)
    normed, gate = modulate(hidden, modulations[1], layer.post_attention_layernorm.eps)
    return torch.addcmul(hidden, layer.mlp(normed), gate)


def _normed(layer: Any, hidden: Tensor) -> Tensor:
    return normalise(hidden, layer.input_layernorm.weight, layer.input_layernorm.eps)


def _keys_values(attention: Any, normed: Tensor, turn: Rotation) -> KeysValues:
    key = split_heads(attention.k_proj(normed), attention.head_dim)
    return rotate(key, turn), split_heads(attention.v_proj(normed), attention.head_dim)
