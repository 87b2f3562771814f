"""Shape of the compact policy's network."""

from __future__ import annotations

from dataclasses import dataclass, field

from hlm.core.errors import InputError
from hlm.core.layout import DIMENSIONS


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkSize:
    """What can be chosen about the network; the defaults give about four million parameters.

    Attributes:
        width: features of a token, a multiple of `heads`.
        heads: attention heads.
        prefix_layers: transformer layers over state, instruction and views.
        expert_layers: transformer layers over the action coefficients.
        channels: feature maps of the encoder at a quarter and at an eighth of the picture, multiples of 8.
        keypoints: heat maps per view whose centres become tokens, a multiple of `tokens_per_view`.
        tokens_per_view: tokens that the heat maps of a view are shared out to.
        coefficients: B-spline coefficients per dimension that stand for a chunk; the expert has a token for each.
    """

    width: int = 192
    heads: int = 6
    prefix_layers: int = 2
    expert_layers: int = 4
    channels: tuple[int, int] = (32, 64)
    keypoints: int = 64
    tokens_per_view: int = 4
    coefficients: int = 12

    def __post_init__(self) -> None:
        """Check what the layers need.

        Raises:
            InputError: a size that they cannot have.
        """
        for name in ("width", "heads", "prefix_layers", "expert_layers", "keypoints", "tokens_per_view"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.width % self.heads:
            raise InputError(f"width {self.width} must be a multiple of the {self.heads} heads.")
        if any(count % 8 or count < 8 for count in self.channels):
            raise InputError(f"channels must be multiples of 8, got {list(self.channels)}.")
        if self.keypoints % self.tokens_per_view:
            raise InputError(
                f"keypoints {self.keypoints} must be a multiple of {self.tokens_per_view} tokens per view."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class CompactConfig:
    """The network that fits a dataset.

    Attributes:
        views: cameras that it sees, >= 1.
        image_size: height and width of their pictures, px, multiples of 8.
        vocabulary_size: words that it knows, the empty slot included.
        word_slots: longest instruction, words.
        size: what can be chosen.
        dimensions: entries of state and action.
        auxiliary: outputs of the head that learns from privileged labels (target and goal in the gripper's frame).
    """

    views: int
    image_size: tuple[int, int]
    vocabulary_size: int
    word_slots: int
    size: NetworkSize = field(default_factory=NetworkSize)
    dimensions: int = DIMENSIONS
    auxiliary: int = 6

    def __post_init__(self) -> None:
        """Check what the encoder needs.

        Raises:
            InputError: no camera, or pictures that it cannot halve three times.
        """
        if self.views < 1:
            raise InputError(f"the policy needs at least one camera, got {self.views}.")
        if any(pixels < 16 or pixels % 8 for pixels in self.image_size):
            raise InputError(f"image size must be multiples of 8 from 16 px on, got {list(self.image_size)}.")
