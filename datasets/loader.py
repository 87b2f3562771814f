"""Training samples by number: pictures and state of a row, and the actions that follow it.

`Samples` is a map-style dataset in PyTorch's sense that does not need PyTorch: samples are NumPy arrays, and PyTorch's
default collation makes batches of tensors of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from hlm.core.arrays import ByteArray, FloatArray
from hlm.core.errors import InputError, MismatchError, UnknownNameError
from hlm.datasets.reader import Episode
from hlm.datasets.row_index import RowIndex


class Sample(NamedTuple):
    """One row to learn from; its arrays are its own and may be changed.

    Attributes:
        number: of the sample.
        images: [height, width, 3] uint8 RGB by camera. Batches need a tensor for every camera: zeros where
            `available` is False.
        available: by camera, whether the episode has it; what is False must be masked in the model.
        state: [34] measured, float32.
        action: [horizon, 34] references from this row on, float32; the last one is held beyond the episode's end.
        action_is_pad: [horizon] True beyond the episode's end.
        instruction: what is to be done.
        source: who gave the references, one of `hlm.datasets.schema.SOURCES`.
    """

    number: int
    images: dict[str, ByteArray]
    available: dict[str, bool]
    state: FloatArray
    action: FloatArray
    action_is_pad: np.ndarray[Any, np.dtype[np.bool_]]
    instruction: str
    source: str


class Samples:
    """Samples of episodes, one for each row, in the episodes' order.

    Reading is random access: files are open only while they are read, states and actions are kept after their first
    use (272 bytes a row), the index of the pictures too (16 bytes a row and camera). It can be pickled and forked.

    Args:
        episodes: at least one.
        cameras: which, in this order; every camera of the episodes by default.
        image_size: (height, width) of all pictures, resized as `hlm.datasets.store.images.resize` does it for training
            and serving alike; as recorded by default.
        horizon: actions of a sample.

    Raises:
        UnknownNameError: a camera that no episode has.
        MismatchError: without `image_size`, cameras of different size; an episode that has none of the cameras.
        InputError: no episodes, or a size or horizon below 1.
    """

    def __init__(
        self,
        episodes: Sequence[Episode],
        *,
        cameras: Sequence[str] = (),
        image_size: tuple[int, int] | None = None,
        horizon: int = 50,
    ) -> None:
        if not episodes:
            raise InputError("samples need at least one episode.")
        if horizon < 1 or (image_size and min(image_size) < 1):
            raise InputError(f"horizon and image size must be at least 1, got {horizon} and {image_size}.")
        self.episodes = tuple(episodes)
        self._rows = RowIndex(self.episodes)
        self.cameras = _known_cameras(self.episodes, cameras)
        self.horizon = horizon
        self.sizes = {name: image_size or _common_size(self.episodes, name) for name in self.cameras}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Sample:
        episode, row = self.locate(index)
        due = np.arange(row, row + self.horizon)
        return Sample(
            number=index,
            images={name: self._picture(episode, name, row) for name in self.cameras},
            available={name: name in episode.cameras for name in self.cameras},
            state=episode.state[row].copy(),
            action=episode.action[np.minimum(due, len(episode) - 1)],
            action_is_pad=due >= len(episode),
            instruction=episode.info.instruction,
            source=episode.info.source,
        )

    def locate(self, index: int) -> tuple[Episode, int]:
        """The episode and its row that a sample shows.

        Raises:
            IndexError: there is no such sample.
        """
        return self._rows.locate(index)

    def _picture(self, episode: Episode, camera: str, row: int) -> ByteArray:
        if camera in episode.cameras:
            return episode.pictures(camera).read(row, self.sizes[camera])
        return np.zeros((*self.sizes[camera], 3), np.uint8)


def _known_cameras(episodes: Sequence[Episode], wanted: Sequence[str]) -> tuple[str, ...]:
    known = list(dict.fromkeys(name for episode in episodes for name in episode.cameras))
    for name in wanted:
        if name not in known:
            raise UnknownNameError("camera", name, known)
    cameras = tuple(wanted or known)
    for episode in episodes:
        if not set(cameras) & set(episode.cameras):
            raise MismatchError(
                f"{episode.path} has none of the cameras {', '.join(cameras) or '(there is none)'}; leave it out."
            )
    return cameras


def _common_size(episodes: Sequence[Episode], camera: str) -> tuple[int, int]:
    having = [episode for episode in episodes if camera in episode.cameras]
    first = having[0].image_size(camera)
    for episode in having:
        if (size := episode.image_size(camera)) != first:
            shown = " x ".join(map(str, size)), " x ".join(map(str, first))
            raise MismatchError(
                f"camera '{camera}' is {shown[0]} px in {episode.path}, {shown[1]} px in {having[0].path}; "
                "choose an image size for all."
            )
    return first
