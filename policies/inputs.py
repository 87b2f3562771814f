"""Batches of encoded observations as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hlm.policies.encoding import Encoded
from hlm.policies.network import Inputs
from hlm.policies.pixels import scale_pixels


class RawInputs(NamedTuple):
    """A batch of encoded observations before augmentation; uint8 images take a quarter of the memory of float32 ones.

    Attributes:
        images: [batch, view, height, width, 3] uint8.
        available: [batch, view] bool.
        state: [batch, dimension] normalised float32, also without proprioception.
        tokens: [batch, slot] int64.
        token_mask: [batch, slot] bool.
    """

    images: Tensor
    available: Tensor
    state: Tensor
    tokens: Tensor
    token_mask: Tensor

    def to(self, device: torch.device | str) -> RawInputs:
        """The same on a device."""
        return RawInputs(*(tensor.to(device, non_blocking=True) for tensor in self))


def stack(encoded: Sequence[Encoded]) -> RawInputs:
    """A batch of at least one observation, on the CPU."""
    return RawInputs(*(torch.from_numpy(np.stack(arrays)) for arrays in zip(*encoded, strict=True)))


def inputs(
    raw: RawInputs, *, proprioception: bool, device: torch.device | str, augmented: Tensor | None = None
) -> Inputs:
    """The inputs of a network.

    Args:
        raw: encoded observations.
        proprioception: whether the network sees the state.
        device: where the network computes.
        augmented: [batch, view, 3, height, width] float32 augmented images, in place of the observations' own.
    """
    raw = raw.to(device)
    return Inputs(
        images=scale_pixels(raw.images) if augmented is None else augmented.to(device),
        available=raw.available,
        state=raw.state if proprioception else None,
        tokens=raw.tokens,
        token_mask=raw.token_mask,
    )
