"""Transformer layers: over the prefix, and over action tokens that attend to its cached keys and values."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

FEED_FORWARD = 3
type KeysValues = tuple[Tensor, Tensor]


def split_heads(tokens: Tensor, heads: int) -> Tensor:
    """[batch, head, token, feature] of [batch, token, head * feature]."""
    return rearrange(tokens, "batch token (head feature) -> batch head token feature", head=heads)


def attend(query: Tensor, keys_values: KeysValues, mask: Tensor | None) -> Tensor:
    """[batch, token, width] what each query reads; `mask` [batch, 1, 1, key] is False for keys to ignore."""
    read = functional.scaled_dot_product_attention(query, *keys_values, attn_mask=mask)
    return rearrange(read, "batch head token feature -> batch token (head feature)")


def feed_forward(width: int) -> nn.Sequential:
    """The feed-forward part of a transformer layer."""
    hidden = FEED_FORWARD * width
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, width))


class PrefixLayer(nn.Module):
    """A pre-norm transformer layer; every token attends to every unmasked token."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = feed_forward(width)

    def forward(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """[batch, token, width] tokens after the layer."""
        query, key, value = self.query_key_value(self.attention_norm(tokens)).chunk(3, -1)
        keys_values = split_heads(key, self.heads), split_heads(value, self.heads)
        tokens = tokens + self.out(attend(split_heads(query, self.heads), keys_values, mask))
        return tokens + self.feed_forward(self.feed_forward_norm(tokens))


class ExpertLayer(nn.Module):
    """A layer over action tokens, which attend to the prefix and to each other; modulated by flow time (adaLN)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.prefix_norm = nn.LayerNorm(width)
        self.prefix_key_value = nn.Linear(width, 2 * width)
        self.attention_norm = nn.LayerNorm(width, elementwise_affine=False)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width, elementwise_affine=False)
        self.feed_forward = feed_forward(width)
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def read_prefix(self, prefix: Tensor) -> KeysValues:
        """Keys and values of the [batch, token, width] prefix, computed once and used at every flow step."""
        key, value = self.prefix_key_value(self.prefix_norm(prefix)).chunk(2, -1)
        return split_heads(key, self.heads), split_heads(value, self.heads)

    def forward(self, tokens: Tensor, prefix: KeysValues, modulation: Tensor, mask: Tensor | None) -> Tensor:
        """[batch, token, width] action tokens after the layer.

        Args:
            tokens: [batch, token, width].
            prefix: keys and values from `read_prefix`.
            modulation: [batch or 1, 6 * width] output of `self.modulation` for the embedded flow time.
            mask: [batch, 1, 1, prefix token + token] False for keys to ignore.
        """
        scale, shift, gate, scale_wide, shift_wide, gate_wide = rearrange(
            modulation, "batch feature -> batch 1 feature"
        ).chunk(6, -1)
        hidden = torch.addcmul(shift, self.attention_norm(tokens), 1.0 + scale)
        query, key, value = (split_heads(part, self.heads) for part in self.query_key_value(hidden).chunk(3, -1))
        keys_values = torch.cat([prefix[0], key], 2), torch.cat([prefix[1], value], 2)
        tokens = torch.addcmul(tokens, self.out(attend(query, keys_values, mask)), 1.0 + gate)
        hidden = torch.addcmul(shift_wide, self.feed_forward_norm(tokens), 1.0 + scale_wide)
        return torch.addcmul(tokens, self.feed_forward(hidden), 1.0 + gate_wide)
