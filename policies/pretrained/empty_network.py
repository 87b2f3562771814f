"""Networks without weights, for those that a file will fill: drawing hundreds of millions of numbers takes minutes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from accelerate import init_empty_weights
from torch import nn
from transformers.initialization import no_init_weights


@contextmanager
def without_weights() -> Iterator[None]:
    """Build models whose weights have shapes but no values; buffers are computed as ever. See `fill_with_nan`."""
    with init_empty_weights(include_buffers=False), no_init_weights():
        yield


def fill_with_nan(network: nn.Module) -> None:
    """Give the weights of a network that was built `without_weights` memory, on the CPU.

    One that nobody sets later shows in every output, where arbitrary numbers might not. Ties between weights are lost.
    """
    for part in network.modules():
        for name, weight in part.named_parameters(recurse=False):
            empty = torch.full(weight.shape, torch.nan, dtype=weight.dtype)
            setattr(part, name, nn.Parameter(empty, requires_grad=weight.requires_grad))
