"""Training samples by number: images and state of a step, and the actions that follow it.

`Samples` is a map-style dataset in PyTorch's sense that does not need PyTorch: samples are NumPy arrays, and PyTorch's
default collation makes batches of tensors of them. The trainer reads through it too, with a transform of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, cast, overload

import numpy as np

from hlm.core.arrays import BoolArray, ByteArray, FloatArray
from hlm.core.errors import InputError, MismatchError, UnknownNameError
from hlm.datasets.reader import Episode


class Sample(NamedTuple):
    """One step to learn from; its arrays are its own and may be changed.

    Attributes:
        number: of the sample, over all episodes.
        images: [height, width, 3] uint8 RGB by camera. Without a transform there is an image for every camera, so that
            samples can be collated: zeros where `available` is False.
        available: by camera, whether the episode has it. A model must mask what is False.
        state: [34] measured, float32.
        action: [horizon, 34] references from this step on, float32; the last one is held beyond the episode's end, or
            beyond a gap in its stamps.
        action_is_pad: [horizon] True where it is held.
        instruction: what is to be done.
        source: where the references came from, one of `hlm.datasets.schema.SOURCES`.
    """

    number: int
    images: dict[str, ByteArray]
    available: dict[str, bool]
    state: FloatArray
    action: FloatArray
    action_is_pad: BoolArray
    instruction: str
    source: str


type Transform[Result] = Callable[[Sample, Episode, int], Result]
"""Turns a sample into a training example, given the episode and step that it shows.

The sample's `images` are those of the cameras that the episode has, and no others.
"""


class Samples[Result]:
    """Samples of episodes, one for each step, in the episodes' order.

    Reading is random access: files are open only while they are read, states and actions are kept after their first
    use (272 bytes a step), the index of the images too (16 bytes a step and camera). It can be forked, and pickled if
    its transform can.

    Args:
        episodes: at least one.
        cameras: which, in this order; every camera of the episodes by default.
        image_size: (height, width) of all images, resized as `hlm.datasets.store.images.resize` does it for training
            and serving alike; as recorded by default.
        horizon: actions of a sample.
        transform: what becomes of a sample, in the process that reads it; by default it stays a `Sample` that
            PyTorch's default collation takes.

    Raises:
        UnknownNameError: a camera that no episode has.
        MismatchError: an episode that has none of the cameras; without `image_size` and `transform`, images of one
            camera in different sizes.
        InputError: no episodes, or a size or horizon below 1.
    """

    @overload
    def __init__(
        self: Samples[Sample],
        episodes: Sequence[Episode],
        *,
        cameras: Sequence[str] = (),
        image_size: tuple[int, int] | None = None,
        horizon: int = 50,
    ) -> None: ...

    @overload
    def __init__(
        self,
        episodes: Sequence[Episode],
        *,
        cameras: Sequence[str] = (),
        image_size: tuple[int, int] | None = None,
        horizon: int = 50,
        transform: Transform[Result],
    ) -> None: ...

    def __init__(
        self,
        episodes: Sequence[Episode],
        *,
        cameras: Sequence[str] = (),
        image_size: tuple[int, int] | None = None,
        horizon: int = 50,
        transform: Transform[Any] | None = None,
    ) -> None:
        if not episodes:
            raise InputError("samples need at least one episode.")
        if horizon < 1 or (image_size and min(image_size) < 1):
            raise InputError(f"horizon and image size must be at least 1, got {horizon} and {image_size}.")
        self.episodes = tuple(episodes)
        self.cameras = _known_cameras(self.episodes, cameras)
        self.horizon = horizon
        self._image_size = image_size
        self._ends = list(accumulate(len(episode) for episode in self.episodes))
        self._transform = transform or _Complete(
            {name: image_size or _common_size(self.episodes, name) for name in self.cameras}
        )

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, number: int) -> Result:
        """A sample, after the transform.

        Raises:
            IndexError: there is no such sample.
            InputError: its state or an action is nan or infinite.
            CorruptError: an image is missing or damaged.
            StorageError: the system would not read it.
        """
        episode, step = self.locate(number)
        due, end = np.arange(step, step + self.horizon), episode.end_of_piece(step)
        steps = np.minimum(due, end - 1)
        state, action = episode.state[step].copy(), episode.action[steps]
        _must_be_finite(episode, "state", state[None], [step])
        _must_be_finite(episode, "action", action, steps)
        sample = Sample(
            number=number,
            images={
                name: episode.image_reader(name).read(step, self._image_size)
                for name in self.cameras
                if name in episode.cameras
            },
            available={name: name in episode.cameras for name in self.cameras},
            state=state,
            action=action,
            action_is_pad=due >= end,
            instruction=episode.info.instruction,
            source=episode.info.source,
        )
        return cast(Result, self._transform(sample, episode, step))

    def locate(self, number: int) -> tuple[Episode, int]:
        """The episode that a sample shows, and the step in it.

        Raises:
            IndexError: there is no such sample.
        """
        if not 0 <= number < len(self):
            raise IndexError(f"no sample {number}; there are {len(self)}.")
        place = bisect_right(self._ends, number)
        return self.episodes[place], number - self._ends[place] + len(self.episodes[place])


class _Complete:
    """Adds an image of zeros for each camera that an episode lacks; `sizes` are (height, width) by camera."""

    def __init__(self, sizes: dict[str, tuple[int, int]]) -> None:
        self._sizes = sizes

    def __call__(self, sample: Sample, episode: Episode, step: int) -> Sample:
        del episode, step
        recorded = sample.images
        images = {
            name: recorded[name] if name in recorded else np.zeros((*size, 3), np.uint8)
            for name, size in self._sizes.items()
        }
        return sample._replace(images=images)


def _must_be_finite(episode: Episode, name: str, values: FloatArray, steps: Sequence[int] | np.ndarray) -> None:
    """Raise InputError that names the first of the steps whose [step, dimension] values are not finite."""
    finite = np.isfinite(values).all(-1)
    if not finite.all():
        step = steps[int(finite.argmin())]
        raise InputError(f"{episode.path} step {step} holds nan or infinity in its {name}; leave the episode out.")


def _known_cameras(episodes: Sequence[Episode], wanted: Sequence[str]) -> tuple[str, ...]:
    known = list(dict.fromkeys(name for episode in episodes for name in episode.cameras))
    for name in wanted:
        if name not in known:
            raise UnknownNameError("camera", name, known)
    cameras = tuple(wanted or known)
    if not cameras:
        raise MismatchError(f"{episodes[0].path} has no images: the dataset has no camera. Record one with a camera.")
    for episode in episodes:
        if not set(cameras) & set(episode.cameras):
            raise MismatchError(f"{episode.path} has none of the cameras {', '.join(cameras)}; leave it out.")
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
