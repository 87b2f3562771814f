"""From a recorded step or a live observation to the inputs of a network, and from its output to absolute actions.

Training and serving use the same object, so that nothing can differ between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

import numpy as np

from hlm.core.arrays import BoolArray, ByteArray, FloatArray, frozen
from hlm.core.errors import InputError, MismatchError
from hlm.core.layout import DIMENSIONS, NAMES
from hlm.datasets.statistics import VectorStatistics
from hlm.policies.transforms.letterbox import letterbox
from hlm.policies.transforms.ordering import ORDERINGS, Order, Ordering
from hlm.policies.transforms.quantiles import Quantiles, SmallRanges
from hlm.policies.transforms.relative import relative, undo_relative
from hlm.policies.transforms.text import Text, TokenArray

# The quantiles of the training states are at -1 and 1. A joint that hardly moved in training can be far outside when
# the robot is pushed, and would outweigh everything else.
STATE_LIMIT = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodingConfig:
    """Options of an encoding.

    Attributes:
        cameras: views, in the network's order.
        optional_cameras: cameras that some training episodes lack, so that the policy can do without them.
        recorded_sizes: each (height, width) that training images were recorded in, px.
        image_size: height and width of the images that the network sees, px.
        horizon: actions of a chunk.
        order: order of the dimensions in the network, see `hlm.policies.transforms.ordering`.
        actions: absolute targets, or targets relative to the state at the start of the chunk.
        proprioception: whether the network sees the state.
        small_ranges: how dimensions that hardly moved in training are normalised, see `Quantiles.of`.
        state_limit: normalised states are clipped to this absolute value; None for no limit.
    """

    cameras: tuple[str, ...]
    recorded_sizes: tuple[tuple[int, int], ...]
    image_size: tuple[int, int]
    optional_cameras: tuple[str, ...] = ()
    horizon: int = 50
    order: Order = "bimanual"
    actions: Literal["absolute", "relative"] = "absolute"
    proprioception: bool = True
    small_ranges: SmallRanges = "hold"
    state_limit: float | None = STATE_LIMIT

    def __post_init__(self) -> None:
        """Check names and sizes.

        Raises:
            InputError: no cameras, a camera named twice, an optional camera that is not among them, or a size below 1.
        """
        if not self.cameras or len(set(self.cameras)) < len(self.cameras):
            raise InputError(f"a policy needs cameras, each once, got {', '.join(self.cameras) or 'none'}.")
        if strangers := [name for name in self.optional_cameras if name not in self.cameras]:
            raise InputError(f"optional cameras {', '.join(strangers)} are not among {', '.join(self.cameras)}.")
        if not self.recorded_sizes:
            raise InputError("recorded_sizes must list the sizes of the training images.")
        if self.horizon < 1 or any(min(size) < 1 for size in (*self.recorded_sizes, self.image_size)):
            raise InputError(
                f"horizon and sizes must be at least 1, got horizon {self.horizon}, image size {self.image_size} "
                f"and recorded sizes {self.recorded_sizes}."
            )
        if self.state_limit is not None and self.state_limit <= 0.0:
            raise InputError(f"state_limit must be positive, got {self.state_limit:g}.")


class Encoded(NamedTuple):
    """One observation, encoded for a network, before augmentation; `hlm.policies.inputs` makes batches of it.

    Attributes:
        images: [view, height, width, 3] uint8 RGB; black where not available.
        available: [view] bool.
        state: [dimension] normalised float32 in the network's order, also without proprioception.
        tokens: [slot] int64.
        token_mask: [slot] bool.
    """

    images: ByteArray
    available: BoolArray
    state: FloatArray
    tokens: TokenArray
    token_mask: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """The transforms of a policy.

    Attributes:
        config: options.
        state: normalises states, in the contract's order.
        action: normalises actions, in the contract's order; relative actions if the encoding is relative.
        text: encodes instructions as tokens.
    """

    config: EncodingConfig
    state: Quantiles
    action: Quantiles
    text: Text

    @classmethod
    def of(cls, config: EncodingConfig, state: VectorStatistics, action: VectorStatistics, text: Text) -> Self:
        """The encoding that fits the training data.

        Args:
            config: options.
            state: statistics of the states.
            action: statistics of the actions; `relative_statistics` if the encoding is relative.
            text: encodes instructions as tokens.
        """
        return cls(config, Quantiles.of(state, config.small_ranges), Quantiles.of(action, config.small_ranges), text)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Views, in the network's order."""
        return self.config.cameras

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images that the network sees, px."""
        return self.config.image_size

    @property
    def horizon(self) -> int:
        """Actions of a chunk."""
        return self.config.horizon

    @property
    def dimensions(self) -> int:
        """Entries of a state and of an action."""
        return DIMENSIONS

    @property
    def proprioception(self) -> bool:
        """Whether the network sees the state."""
        return self.config.proprioception

    @property
    def state_active(self) -> BoolArray:
        """[dimension] True where states move, in the network's order; the others are always 0."""
        return self._ordering.apply(self.state.active)

    @property
    def action_active(self) -> BoolArray:
        """[dimension] True where actions move, in the network's order; the others are always 0."""
        return self._ordering.apply(self.action.active)

    def observation(self, images: Mapping[str, ByteArray], state: FloatArray, instruction: str) -> Encoded:
        """Encode a recorded step or a live observation.

        Args:
            images: [height, width, 3] uint8 RGB by camera, of any size. Other cameras' images are ignored.
            state: [34] measured state, in the contract's order.
            instruction: the task in words.

        Raises:
            MismatchError: a required camera or every camera is missing; an image is not uint8 RGB; the state does not
                have 34 entries.
            InputError: words that the policy does not know; a state that is not finite.
        """
        available = self._availability(images)
        views = np.zeros((len(self.cameras), *self.image_size, 3), np.uint8)
        for view, name in enumerate(self.cameras):
            if available[view]:
                views[view] = self.fit_image(images[name], name)
        measured = frozen(state, (DIMENSIONS,), "state", np.float32)
        # Before it is clipped, which would turn infinity into an ordinary number.
        if not np.isfinite(measured).all():
            broken = [name for name, value in zip(NAMES, measured, strict=True) if not np.isfinite(value)]
            raise InputError(f"the state has no finite {', '.join(broken)}.")
        normalised = self.normalised_state(measured)
        tokens = self.text.encode(instruction, normalised if self.proprioception else None)
        return Encoded(views, available, normalised, *tokens)

    def fit_image(self, image: ByteArray, camera: str) -> ByteArray:
        """[height, width, 3] uint8 image in the network's size: whole and undistorted, with black bars if need be.

        An image of any size is taken, as openpi's servers do, and becomes what training made of images of its shape.

        Raises:
            MismatchError: the image is not uint8 RGB, or empty.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            found = " x ".join(map(str, image.shape))
            raise MismatchError(
                f"camera '{camera}' delivers {found} {image.dtype}; an image is height x width x 3 uint8."
            )
        return letterbox(image, self.image_size)

    def normalised_state(self, state: FloatArray) -> FloatArray:
        """[..., dimension] normalised float32 states, clipped, in the network's order, of [..., 34] states.

        Raises:
            MismatchError: the state has other dimensions.
        """
        normalised = self._ordering.apply(self.state.normalise(_whole(state, "state")))
        limit = self.config.state_limit
        return normalised if limit is None else np.clip(normalised, -limit, limit)

    def chunk(self, actions: FloatArray, state: FloatArray) -> FloatArray:
        """[..., time, dimension] normalised float32 actions, in the network's order.

        Args:
            actions: [..., time, 34] absolute, in the contract's order.
            state: [..., 34] state that each chunk starts from.

        Raises:
            MismatchError: actions or state have other dimensions.
        """
        absolute, origin = _whole(actions, "action"), _whole(state, "state")
        moved = relative(absolute, origin) if self.config.actions == "relative" else absolute
        return self._ordering.apply(self.action.normalise(moved))

    def undo_chunk(self, normalised: FloatArray, state: FloatArray) -> FloatArray:
        """[..., time, 34] absolute float32 actions; undoes `chunk`, except for inactive dimensions.

        Args:
            normalised: [..., time, dimension] in the network's order.
            state: [..., 34] state that each chunk starts from.

        Raises:
            MismatchError: actions or state have other dimensions.
        """
        moved = self.action.undo(self._ordering.undo(_whole(normalised, "action")))
        return undo_relative(moved, _whole(state, "state")) if self.config.actions == "relative" else moved

    @property
    def _ordering(self) -> Ordering:
        return ORDERINGS[self.config.order]

    def _availability(self, images: Mapping[str, ByteArray]) -> BoolArray:
        available = np.array([name in images for name in self.cameras])
        missing = [name for name in self.cameras if name not in images]
        if len(missing) == len(self.cameras) or any(name not in self.config.optional_cameras for name in missing):
            needed = ", ".join(
                f"{name} (optional)" if name in self.config.optional_cameras else name for name in self.cameras
            )
            raise MismatchError(
                f"the policy needs cameras {needed}; the observation has {', '.join(images) or 'none'}."
            )
        return available


def _whole(vectors: FloatArray, name: str) -> FloatArray:
    array = np.asarray(vectors, np.float32)
    if array.shape[-1:] != (DIMENSIONS,):
        raise MismatchError(f"{name} must have {DIMENSIONS} entries, got an array of shape {list(array.shape)}.")
    return array
