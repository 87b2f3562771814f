"""Samples as training takes them: encoded for the network one by one, then collated to batches of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hlm.core.arrays import BoolArray, FloatArray
from hlm.core.errors import InputError
from hlm.datasets.loader import Sample, Samples
from hlm.datasets.reader import Episode
from hlm.policies.encoding import Encoded, Encoding
from hlm.policies.inputs import RawInputs, stack
from hlm.policies.policy_type import PrivilegedOf


class EncodedSample(NamedTuple):
    """A sample in the network's normalised space, before augmentation.

    Attributes:
        number: of the sample, over all episodes.
        observation: the encoded observation.
        actions: [horizon, dimension] normalised actions from this step on; the last one is held beyond the end.
        action_is_pad: [horizon] bool, True beyond the episode's end.
        privileged: privileged quantities by name.
    """

    number: int
    observation: Encoded
    actions: FloatArray
    action_is_pad: BoolArray
    privileged: Mapping[str, np.ndarray[Any, Any]]


class RawBatch(NamedTuple):
    """Encoded samples as tensors on the CPU, before augmentation.

    Attributes:
        numbers: [batch] int64 of the samples.
        observations: the encoded observations.
        actions: [batch, horizon, dimension].
        action_is_pad: [batch, horizon] bool.
        privileged: [batch, ...] by name.
    """

    numbers: Tensor
    observations: RawInputs
    actions: Tensor
    action_is_pad: Tensor
    privileged: dict[str, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Encode:
    """Encodes samples; a transform of `Samples`.

    Attributes:
        encoding: the transforms, the same as for live observations.
        privileged: privileged quantities of a step, or None.
    """

    encoding: Encoding
    privileged: PrivilegedOf | None

    def __call__(self, sample: Sample, episode: Episode, step: int) -> EncodedSample:
        """The sample as the network learns from it.

        Raises:
            HlmError: it cannot be encoded, or a privileged quantity is nan or infinite.
        """
        privileged = self.privileged(episode, step) if self.privileged is not None else {}
        for name, values in privileged.items():
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise InputError(
                    f"{episode.path} step {step} holds nan or infinity in its {name}; leave the episode out."
                )
        return EncodedSample(
            number=sample.number,
            observation=self.encoding.observation(sample.images, sample.state, sample.instruction),
            actions=self.encoding.chunk(sample.action, sample.state),
            action_is_pad=sample.action_is_pad,
            privileged=privileged,
        )


def encoded_samples(
    episodes: Sequence[Episode], encoding: Encoding, privileged: PrivilegedOf | None
) -> Samples[EncodedSample]:
    """Every step of the episodes as the network learns from it."""
    return Samples(episodes, cameras=encoding.cameras, horizon=encoding.horizon, transform=Encode(encoding, privileged))


def collate(samples: Sequence[EncodedSample]) -> RawBatch:
    """A batch of at least one sample."""

    def stacked(arrays: Iterable[Any]) -> Tensor:
        return torch.from_numpy(np.stack([np.asarray(array) for array in arrays]))

    return RawBatch(
        numbers=torch.tensor([sample.number for sample in samples]),
        observations=stack([sample.observation for sample in samples]),
        actions=stacked(sample.actions for sample in samples),
        action_is_pad=stacked(sample.action_is_pad for sample in samples),
        privileged={name: stacked(sample.privileged[name] for sample in samples) for name in samples[0].privileged},
    )
