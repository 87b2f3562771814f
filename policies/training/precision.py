"""Whether to compute in bfloat16."""

from __future__ import annotations

from itertools import pairwise

import torch
from accelerate import Accelerator

from hlm.core.clock import MonotonicClock
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.processes import any_of

# Timed matrix products; the fastest counts, so that other load on the machine does not.
PRODUCTS = 20


def use_bfloat16(config: TrainConfig, accelerator: Accelerator) -> bool:
    """Whether the run computes in bfloat16; the same in all processes, whatever each of them measures."""
    if config.precision != "auto":
        return config.precision == "bfloat16"
    (slow,) = any_of(accelerator, not bfloat16_pays(accelerator.device))
    return not slow


def bfloat16_pays(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32; processors without it emulate it, a hundred times slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    clock = MonotonicClock()

    def fastest_ns(dtype: torch.dtype) -> int:
        matrix, instants = torch.ones(256, 256, dtype=dtype), [clock.now_ns()]
        for _ in range(PRODUCTS):
            matrix @ matrix
            instants.append(clock.now_ns())
        return min(later - earlier for earlier, later in pairwise(instants))

    return fastest_ns(torch.bfloat16) < fastest_ns(torch.float32)
