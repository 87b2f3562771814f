"""Forward pass over the layers that LeRobot builds, with fused attention.

The prefix does not attend to the actions. The language model therefore runs over it once, and the action expert reads
the keys and values of each of its layers. Training and sampling share this code, and nothing is computed only to be
masked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

type KeysValues = tuple[Tensor, Tensor]


class Rotation(NamedTuple):
    """Rotary position embedding of tokens.

    Attributes:
        cosine: [batch, 1, token, feature] float32.
        sine: [batch, 1, token, feature] float32.
    """

    cosine: Tensor
    sine: Tensor


def rotation(model: Any, positions: Tensor) -> Rotation:
    """A language model's rotary embedding at [batch, token] positions."""
    like = torch.empty(0, dtype=torch.float32, device=positions.device)
    cosine, sine = model.rotary_emb(like, positions)
    return Rotation(cosine[:, None], sine[:, None])


def rotate(heads: Tensor, turn: Rotation) -> Tensor:
    """[batch, head, token, feature] queries or keys with their positions embedded."""
    first, second = heads.chunk(2, -1)
    turned = torch.cat([-second, first], -1)
    return (heads * turn.cosine + turned * turn.sine).to(heads.dtype)


def split_heads(tokens: Tensor, features: int) -> Tensor:
    """[batch, head, token, feature] of [batch, token, head * feature]."""
    return rearrange(tokens, "batch token (head feature) -> batch head token feature", feature=features)


def attend(query: Tensor, keys_values: KeysValues, mask: Tensor) -> Tensor:
    """[batch, token, head * feature] attention output.

    Args:
        query: [batch, head, token, feature].
        keys_values: [batch, shared head, key, feature] each.
        mask: [batch, 1, 1, key] bool, False for masked keys.
    """
    tokens, shared = query.shape[2], keys_values[0].shape[1]
    # Heads that share keys become further queries to them, so that no key is repeated.
    folded = rearrange(query, "batch (shared group) token feature -> batch shared (group token) feature", shared=shared)
    read = functional.scaled_dot_product_attention(folded, *keys_values, attn_mask=mask)
    return rearrange(read, "batch shared (group token) feature -> batch token (shared group feature)", token=tokens)


def normalise(hidden: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Gemma's root-mean-square norm of [..., feature], computed in float32."""
    scaled = functional.rms_norm(hidden.float(), list(weight.shape), 1.0 + weight.float(), eps)
    return scaled.to(hidden.dtype)


def modulate(hidden: Tensor, modulation: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """[batch, token, feature] norm, scaled and shifted by flow time, and [batch, 1, feature] gate of the next block.

    Args:
        hidden: [batch, token, feature].
        modulation: [batch, 3 * feature] float32: scale, shift, gate.
        eps: epsilon of the norm.
    """
    scale, shift, gate = modulation[:, None].chunk(3, -1)
    normed = functional.rms_norm(hidden.float(), [hidden.shape[-1]], None, eps)
    return torch.addcmul(shift, normed, 1.0 + scale).to(hidden.dtype), gate.to(hidden.dtype)


def read_prefix(layer: Any, hidden: Tensor, turn: Rotation) -> KeysValues:
    """Keys and values of the [batch, token, feature] prefix in a layer of the language model."""
    key, value = _keys_values(layer.self_attn, _normed(layer, hidden), turn)
    # The strides that a compiled layer returns; others would make the compiler specialise the reader a second time.
    return key.flatten(0, 1).unflatten(0, key.shape[:2]), value.flatten(0, 1).unflatten(0, value.shape[:2])


def prefix_layer(layer: Any, hidden: Tensor, turn: Rotation, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The prefix after a layer of the language model, and its keys and values in it.

    Args:
        layer: LeRobot's layer.
        hidden: [batch, token, feature] prefix before the layer.
        turn: rotary embedding of the tokens.
        mask: [batch, 1, 1, token] bool, False for empty tokens.
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
        layer: LeRobot's layer.
        hidden: [batch, action, feature] actions before the layer.
        modulations: [batch, 3 * feature] modulations of its two norms.
        past: keys and values of the prefix.
        where: rotary embedding of the actions, and [batch, 1, 1, prefix + action] bool, False where masked.
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
