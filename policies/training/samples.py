"""Training samples by number: what the network sees of a row, and what it is to answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hlm.core.arrays import BoolArray, FloatArray
from hlm.core.errors import InputError
from hlm.datasets.reader import Episode
from hlm.datasets.row_index import RowIndex
from hlm.policies.encoding import Encoded, Encoding
from hlm.policies.inputs import RawInputs, stack
from hlm.policies.kinds import RowLabels


class RowSample(NamedTuple):
    """A row to learn from.

    Attributes:
        number: of the row, over all episodes.
        seen: the observation.
        actions: [horizon, dimension] normalised actions from this row on; the last one is held beyond the end.
        padded: [horizon] bool, True beyond the episode's end.
        labels: privileged labels by name.
    """

    number: int
    seen: Encoded
    actions: FloatArray
    padded: BoolArray
    labels: Mapping[str, np.ndarray[Any, Any]]


class RawBatch(NamedTuple):
    """Rows as tensors on the CPU, before augmentation.

    Attributes:
        numbers: [batch] int64 of the rows.
        seen: the observations.
        actions: [batch, horizon, dimension].
        padded: [batch, horizon] bool.
        labels: [batch, ...] by name.
    """

    numbers: Tensor
    seen: RawInputs
    actions: Tensor
    padded: Tensor
    labels: dict[str, Tensor]


class RowSamples(torch.utils.data.Dataset[RowSample]):
    """Rows of episodes, one after the other; a map-style dataset that is read at random.

    Args:
        episodes: at least one.
        encoding: how rows become what the network sees, the same as live observations do.
        labels: privileged labels of a row, or None.
    """

    def __init__(self, episodes: Sequence[Episode], encoding: Encoding, labels: RowLabels | None) -> None:
        self._rows = RowIndex(episodes)
        self._encoding = encoding
        self._labels = labels

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> RowSample:
        """A sample.

        Raises:
            HlmError: the row cannot be read or encoded, or holds what is no number.
        """
        episode, row = self.locate(number)
        cameras = [name for name in self._encoding.cameras if name in episode.cameras]
        pictures = {name: episode.pictures(name).read(row) for name in cameras}
        state = episode.state[row]
        due = np.arange(row, row + self._encoding.horizon)
        rows = np.minimum(due, len(episode) - 1)
        actions = episode.action[rows]
        labels = self._labels(episode, row) if self._labels is not None else {}
        floats = [values for values in labels.values() if values.dtype.kind == "f"]
        if not all(np.isfinite(values).all() for values in (state, actions, *floats)):
            here = all(np.isfinite(values).all() for values in (actions[0], state, *floats))
            broken = rows[np.isfinite(actions).all(-1).argmin()] if here else row
            raise InputError(f"{episode.path} row {broken} holds nan or infinity; leave the episode out.")
        return RowSample(
            number=number,
            seen=self._encoding.observation(pictures, state, episode.info.instruction),
            actions=self._encoding.chunk(actions, state),
            padded=due >= len(episode),
            labels=labels,
        )

    def locate(self, number: int) -> tuple[Episode, int]:
        """The episode and its row that a sample shows.

        Raises:
            IndexError: there is no such sample.
        """
        return self._rows.locate(number)


def collate(samples: Sequence[RowSample]) -> RawBatch:
    """A batch of at least one sample."""

    def stacked(arrays: Iterable[Any]) -> Tensor:
        return torch.from_numpy(np.stack([np.asarray(array) for array in arrays]))

    return RawBatch(
        numbers=torch.tensor([sample.number for sample in samples]),
        seen=stack([sample.seen for sample in samples]),
        actions=stacked(sample.actions for sample in samples),
        padded=stacked(sample.padded for sample in samples),
        labels={name: stacked(sample.labels[name] for sample in samples) for name in samples[0].labels},
    )
