"""Batches on the device that the network computes on, plain or augmented."""

from __future__ import annotations

import torch
from torch import Tensor

from hlm.policies.augmentation import augment
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.encoding import Encoding
from hlm.policies.inputs import inputs
from hlm.policies.network import Batch, Draws
from hlm.policies.training.samples import RawBatch


def plain_batch(raw: RawBatch, encoding: Encoding, device: torch.device) -> Batch:
    """A batch with the images as recorded."""
    return _batch(raw, encoding, device, None)


def augmented_batch(
    raw: RawBatch, encoding: Encoding, device: torch.device, config: AugmentationConfig, draws: Draws
) -> Batch:
    """A batch with augmented images."""
    raw = raw._replace(observations=raw.observations.to(device))
    return _batch(raw, encoding, device, augment(raw.observations.images, encoding.cameras, config, draws))


def _batch(raw: RawBatch, encoding: Encoding, device: torch.device, augmented: Tensor | None) -> Batch:
    return Batch(
        inputs=inputs(raw.observations, proprioception=encoding.proprioception, device=device, augmented=augmented),
        actions=raw.actions.to(device),
        action_is_pad=raw.action_is_pad.to(device),
        privileged={name: values.to(device) for name, values in raw.privileged.items()},
    )
