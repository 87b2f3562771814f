"""Action projections of pretrained policies, resized to another number of action dimensions."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Generator, Tensor

# The axis of each tensor that counts action dimensions.
PROJECTIONS: Mapping[str, int] = {
    "model.action_in_proj.weight": 1,
    "model.action_out_proj.weight": 0,
    "model.action_out_proj.bias": 0,
}
# Tensors that action_projection=random initialises together.
DRAWN_TOGETHER = (*PROJECTIONS, "model.action_in_proj.bias")


def fits(name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a projection's tensor differs from the wanted shape only in its number of action dimensions."""
    axis = PROJECTIONS.get(name)
    if axis is None or len(found) != len(wanted):
        return False
    return all(place == axis or a == b for place, (a, b) in enumerate(zip(found, wanted, strict=True)))


def resize(name: str, pretrained: Tensor, wanted: tuple[int, ...], random: Generator) -> Tensor:
    """The tensor with its first dimensions pretrained, and the others initialised as in a new layer.

    That is OpenHLM's weight surgery (section 4.5). New weights are drawn from Xavier's uniform distribution; new biases
    are 0.

    Args:
        name: name of the tensor.
        pretrained: pretrained tensor.
        wanted: shape of the result.
        random: random generator for new weights.
    """
    axis = PROJECTIONS[name]
    kept = min(pretrained.shape[axis], wanted[axis])
    resized = torch.zeros(wanted)
    if len(wanted) > 1 and kept < wanted[axis]:
        new = resized.narrow(axis, kept, wanted[axis] - kept)
        bound = math.sqrt(6.0 / sum(new.shape))
        new.copy_(torch.empty(new.shape).uniform_(-bound, bound, generator=random))
    resized.narrow(axis, 0, kept).copy_(pretrained.narrow(axis, 0, kept))
    return resized


def in_words(name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """Description of what `resize` does to a tensor."""
    axis = PROJECTIONS[name]
    kept = min(found[axis], wanted[axis])
    if found[axis] >= wanted[axis]:
        return f"first {kept} of {found[axis]} action dimensions"
    return f"first {kept} of {wanted[axis]} action dimensions; {'0' if len(wanted) == 1 else 'random'} in the others"
