"""Training data in memory: pictures decoded once, everything else normalised and projected once."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from hlm.core.errors import InputError
from hlm.datasets.reader import Episode
from hlm.policies.encoding import Encoding
from hlm.policies.training.candidates import candidate_columns, candidates_of

GIB = 2**30
# Pictures may take this much of the memory; the rest is for the network, other columns and other programs.
MEMORY_SHARE = 0.8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrainingData:
    """Rows of all episodes one after another.

    Attributes:
        images: [row, view, height, width, 3] uint8; black where a view is not there.
        available: [row, view] bool.
        state: [row, dimension] normalised.
        coefficients: [row, coefficient, dimension] normalised chunk that starts there.
        candidate_words: [row, candidate, slot] instruction of each candidate.
        candidate_m: [row, candidate, 3] each candidate in the gripper's frame; 0 where not labelled.
        goal_m: [row, 3] the goal in the gripper's frame.
        asked: [row] which candidate the demonstration is about.
        candidates: [row] how many there are, >= 1.
        labelled: [row] bool, whether candidate_m and goal_m are known.
        swappable: numbers of the rows in which another candidate could still have been asked for.
        deciding: [row] bool, whether the asked candidate is being reached for or grasped.
        active: [dimension] 1 where actions move, else 0.
        state_active: [dimension] 1 where states move, else 0.
    """

    images: Tensor
    available: Tensor
    state: Tensor
    coefficients: Tensor
    candidate_words: Tensor
    candidate_m: Tensor
    goal_m: Tensor
    asked: Tensor
    candidates: Tensor
    labelled: Tensor
    swappable: Tensor
    deciding: Tensor
    active: Tensor
    state_active: Tensor

    def __len__(self) -> int:
        return len(self.state)

    def to(self, device: torch.device) -> Self:
        """The same on a device; pictures stay where they are if they would fill more than half of its free memory."""
        moved = {item.name: getattr(self, item.name).to(device) for item in fields(self) if item.name != "images"}
        fits = device.type == "cpu" or self.images.nbytes < 0.5 * torch.cuda.mem_get_info(device)[0]
        return replace(self, **moved, images=self.images.to(device) if fits else self.images)


def load_data(
    episodes: Sequence[Episode], cameras: Sequence[str], encoding: Encoding, on_episode: Callable[[], None]
) -> TrainingData:
    """Decode episodes into memory.

    Args:
        episodes: at least one.
        cameras: views, in this order.
        encoding: how rows become tensors.
        on_episode: called after each episode, from any thread.

    Raises:
        InputError: the pictures do not fit into memory.
    """
    starts = np.cumsum([0, *(len(episode) for episode in episodes)])
    images = _allocate((int(starts[-1]), len(cameras), *encoding.image_size, 3))

    def decode(place: int) -> None:
        episode, rows = episodes[place], slice(starts[place], starts[place + 1])
        for view, camera in enumerate(cameras):
            if camera in episode.cameras:
                images[rows, view] = episode.images(camera, size=encoding.image_size)
        on_episode()

    # Decoding happens outside the interpreter's lock; two threads keep two cores busy without much memory.
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decode, range(len(episodes))))
    widest = max(len(candidates_of(episode)[0]) for episode in episodes)
    columns = [_columns(episode, cameras, encoding, widest) for episode in episodes]
    joined = {name: torch.from_numpy(np.concatenate([column[name] for column in columns])) for name in columns[0]}
    return TrainingData(
        swappable=torch.nonzero(joined.pop("undecided") & (joined["candidates"] > 1)).flatten(),
        images=torch.from_numpy(images),
        active=torch.from_numpy(encoding.action.active.astype(np.float32)),
        state_active=torch.from_numpy(encoding.state.active.astype(np.float32)),
        **joined,
    )


def _columns(
    episode: Episode, cameras: Sequence[str], encoding: Encoding, widest: int
) -> dict[str, np.ndarray[Any, Any]]:
    return {
        "available": np.tile([camera in episode.cameras for camera in cameras], (len(episode), 1)),
        "state": encoding.proprioception(episode.state),
        "coefficients": encoding.coefficients(episode.action),
        **candidate_columns(episode, encoding.vocabulary, widest),
    }


def _allocate(shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    needed = math.prod(shape)
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > MEMORY_SHARE * installed:
        raise InputError(
            f"the pictures take {needed / GIB:.1f} GiB of the {installed / GIB:.1f} GiB of memory; "
            "choose a smaller --image-size or fewer --cameras."
        )
    return np.zeros(shape, np.uint8)
