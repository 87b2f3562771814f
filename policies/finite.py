"""Whether all values of a tensor are finite, without a second tensor of its size."""

from __future__ import annotations

import torch
from torch import Tensor


def is_finite(weight: Tensor) -> bool:
    """Whether no value of a tensor, of any shape and type, is nan or infinite."""
    if not weight.is_floating_point():
        return True
    # The sum is not finite if any value is not; large values may make it overflow, which takes a second look.
    return bool(weight.sum(dtype=torch.float32).isfinite() or weight.isfinite().all())
