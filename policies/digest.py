"""What tells two policies apart: a digest of everything that decides their actions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

from hlm.core.documents import to_document
from hlm.core.serialization import json_bytes
from hlm.policies.checkpoint import Checkpoint
from hlm.policies.checkpoint_config import Sampling


def policy_digest(checkpoint: Checkpoint, sampling: Sampling) -> str:
    """SHA-256 of weights, statistics, options, encoding, words and sampling, in hexadecimal digits.

    A copy is the same policy, wherever it lies and whatever its card says.

    Args:
        checkpoint: the policy.
        sampling: how its chunks are sampled, where that differs from the checkpoint's default.
    """
    config = checkpoint.config
    described = {
        "policy": config.policy,
        "policy_config": config.policy_config,
        "encoding": to_document(config.encoding),
        "vocabulary": to_document(config.vocabulary),
        "statistics": checkpoint.statistics.to_dict(),
        "sampling": to_document(sampling),
    }
    total = hashlib.sha256(json_bytes(described))
    total.update(_of_weights(checkpoint.weights))
    return total.hexdigest()


def _of_weights(weights: Mapping[str, Tensor]) -> bytes:
    total = hashlib.sha256()
    for name in sorted(weights):
        weight = weights[name].detach().cpu().contiguous()
        total.update(f"{name} {weight.dtype} {list(weight.shape)} ".encode())
        total.update(weight.reshape(-1).view(torch.uint8).numpy())
    return total.digest()
