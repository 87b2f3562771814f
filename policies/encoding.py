"""How a recorded row or a live observation becomes what a network sees, and its output absolute actions.

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
from hlm.policies.transforms.quantiles import Near, Quantiles
from hlm.policies.transforms.relative import relative, undo_relative
from hlm.policies.transforms.text import Text, TokenArray

# The quantiles of the training states are at -1 and 1. A joint that hardly moved in training can be far outside on a
# robot that is pushed, and would drown everything else.
STATE_LIMIT = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodingConfig:
    """What there is to choose about an encoding.

    Attributes:
        cameras: views, in the network's order.
        optional_cameras: those of them that some training episodes lack, so that the policy can do without.
        recorded_sizes: each (height, width) that training saw pictures recorded in, px.
        image_size: height and width of the pictures that the network sees, px.
        horizon: actions of a chunk.
        order: of the dimensions in the network: the contract's own, or OpenHLM's humanoid one.
        actions: as absolute targets, or relative to the state that a chunk starts from.
        proprioception: whether the network is told the state.
        near: what becomes of dimensions that hardly move, see `Quantiles.of`.
        state_limit: largest normalised state that the network is told; None tells it any.
    """

    cameras: tuple[str, ...]
    recorded_sizes: tuple[tuple[int, int], ...]
    image_size: tuple[int, int]
    optional_cameras: tuple[str, ...] = ()
    horizon: int = 50
    order: Order = "bimanual"
    actions: Literal["absolute", "relative"] = "absolute"
    proprioception: bool = True
    near: Near = "still"
    state_limit: float | None = STATE_LIMIT

    def __post_init__(self) -> None:
        """Check that it can be had.

        Raises:
            InputError: no cameras, one named twice, an optional one that is none of them, or a size below 1.
        """
        if not self.cameras or len(set(self.cameras)) < len(self.cameras):
            raise InputError(f"a policy needs cameras, each once, got {', '.join(self.cameras) or 'none'}.")
        if strangers := [name for name in self.optional_cameras if name not in self.cameras]:
            raise InputError(f"optional cameras {', '.join(strangers)} are none of {', '.join(self.cameras)}.")
        if not self.recorded_sizes:
            raise InputError("recorded_sizes must name the sizes of the training pictures.")
        if self.horizon < 1 or any(min(size) < 1 for size in (*self.recorded_sizes, self.image_size)):
            raise InputError(
                f"horizon and sizes must be at least 1, got horizon {self.horizon}, image size {self.image_size} "
                f"and recorded sizes {self.recorded_sizes}."
            )
        if self.state_limit is not None and self.state_limit <= 0.0:
            raise InputError(f"state_limit must be positive, got {self.state_limit:g}.")


class Encoded(NamedTuple):
    """What a network sees of one observation, before augmentation; see `hlm.policies.inputs` for batches of it.

    Attributes:
        images: [view, height, width, 3] uint8 RGB; black where not available.
        available: [view] bool.
        state: [dimension] normalised float32 in the network's order, told or not.
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
        config: what was chosen.
        state: normalises states, in the contract's order.
        action: normalises actions, relative ones if the config says so, in the contract's order.
        text: makes tokens of instructions.
    """

    config: EncodingConfig
    state: Quantiles
    action: Quantiles
    text: Text

    @classmethod
    def of(cls, config: EncodingConfig, state: VectorStatistics, action: VectorStatistics, text: Text) -> Self:
        """The encoding that fits what training saw.

        Args:
            config: what was chosen.
            state: statistics of the states.
            action: statistics of the actions; of `relative_statistics` if the config says relative.
            text: makes tokens of instructions.
        """
        return cls(config, Quantiles.of(state, config.near), Quantiles.of(action, config.near), text)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Views, in the network's order."""
        return self.config.cameras

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the pictures that the network sees, px."""
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
        """Whether the network is told the state."""
        return self.config.proprioception

    @property
    def state_active(self) -> BoolArray:
        """[dimension] True where states move, in the network's order; the others are always 0."""
        return self._ordering.apply(self.state.active)

    @property
    def action_active(self) -> BoolArray:
        """[dimension] True where actions move, in the network's order; the others are always 0."""
        return self._ordering.apply(self.action.active)

    def observation(self, pictures: Mapping[str, ByteArray], state: FloatArray, instruction: str) -> Encoded:
        """What the network sees of a recorded row or a live observation.

        Args:
            pictures: [height, width, 3] uint8 RGB by camera, as recorded or in the network's size; others are ignored.
            state: [34] measured, in the contract's order.
            instruction: what is to be done.

        Raises:
            MismatchError: a camera is missing that is not optional, or all are; a picture is of a size that training
                did not see, or is none; the state is none.
            InputError: words that the policy does not know; a state that is not finite.
        """
        available = self._availability(pictures)
        images = np.zeros((len(self.cameras), *self.image_size, 3), np.uint8)
        for view, name in enumerate(self.cameras):
            if available[view]:
                images[view] = self.picture(pictures[name], name)
        measured = frozen(state, (DIMENSIONS,), "state", np.float32)
        # Before it is limited, which would make an ordinary number of infinity.
        if not np.isfinite(measured).all():
            broken = [name for name, value in zip(NAMES, measured, strict=True) if not np.isfinite(value)]
            raise InputError(f"the state has no finite {', '.join(broken)}.")
        seen = self.normalised_state(measured)
        tokens = self.text.encode(instruction, seen if self.proprioception else None)
        return Encoded(images, available, seen, *tokens)

    def picture(self, image: ByteArray, camera: str) -> ByteArray:
        """[height, width, 3] uint8 picture as the network sees it: whole and undistorted, with black bars if need be.

        Raises:
            MismatchError: no picture of a size that training saw, or of the network's.
        """
        known = dict.fromkeys((*self.config.recorded_sizes, self.image_size))
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.shape[:2] not in known:
            found = " x ".join(map(str, image.shape))
            sizes = " or ".join(f"{height} x {width} x 3" for height, width in known)
            raise MismatchError(f"camera '{camera}' delivers {found} {image.dtype}; the policy needs {sizes} uint8.")
        return letterbox(image, self.image_size)

    def normalised_state(self, state: FloatArray) -> FloatArray:
        """[..., dimension] float32 of [..., 34] states, limited to what a network can have learnt anything about.

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
            state: [..., 34] that each chunk starts from.

        Raises:
            MismatchError: they have other dimensions.
        """
        absolute, origin = _whole(actions, "action"), _whole(state, "state")
        moved = relative(absolute, origin) if self.config.actions == "relative" else absolute
        return self._ordering.apply(self.action.normalise(moved))

    def undo_chunk(self, normalised: FloatArray, state: FloatArray) -> FloatArray:
        """[..., time, 34] absolute float32 actions that `chunk` makes these of, inactive dimensions aside.

        Args:
            normalised: [..., time, dimension] in the network's order.
            state: [..., 34] that each chunk starts from.

        Raises:
            MismatchError: they have other dimensions.
        """
        moved = self.action.undo(self._ordering.undo(_whole(normalised, "action")))
        return undo_relative(moved, _whole(state, "state")) if self.config.actions == "relative" else moved

    @property
    def _ordering(self) -> Ordering:
        return ORDERINGS[self.config.order]

    def _availability(self, pictures: Mapping[str, ByteArray]) -> BoolArray:
        available = np.array([name in pictures for name in self.cameras])
        missing = [name for name in self.cameras if name not in pictures]
        if len(missing) == len(self.cameras) or any(name not in self.config.optional_cameras for name in missing):
            needed = ", ".join(
                f"{name} (optional)" if name in self.config.optional_cameras else name for name in self.cameras
            )
            raise MismatchError(
                f"the policy needs cameras {needed}; the observation has {', '.join(pictures) or 'none'}."
            )
        return available


def _whole(vectors: FloatArray, name: str) -> FloatArray:
    array = np.asarray(vectors, np.float32)
    if array.shape[-1:] != (DIMENSIONS,):
        raise MismatchError(f"{name} must have {DIMENSIONS} entries, got an array of shape {list(array.shape)}.")
    return array
