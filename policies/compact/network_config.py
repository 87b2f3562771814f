"""Shape of the compact policy's network, fitted to a dataset."""

from __future__ import annotations

from dataclasses import dataclass, field

from hlm.core.errors import InputError
from hlm.core.layout import DIMENSIONS
from hlm.policies.compact.config import ArchitectureConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class CompactNetworkConfig:
    """Everything that determines the shapes of the network's weights.

    Attributes:
        views: number of cameras, >= 1.
        image_size: height and width of the images, px, multiples of 8.
        vocabulary_size: number of known words, plus one for the empty slot.
        word_slots: longest instruction, words.
        architecture: configured sizes.
        dimensions: entries of state and action.
        auxiliary: outputs of the auxiliary head (target and goal in the gripper's frame).
    """

    views: int
    image_size: tuple[int, int]
    vocabulary_size: int
    word_slots: int
    architecture: ArchitectureConfig = field(default_factory=ArchitectureConfig)
    dimensions: int = DIMENSIONS
    auxiliary: int = 6

    def __post_init__(self) -> None:
        """Check what the encoder needs.

        Raises:
            InputError: no camera, or images that cannot be halved three times.
        """
        if self.views < 1:
            raise InputError(f"the policy needs at least one camera, got {self.views}.")
        if any(pixels < 16 or pixels % 8 for pixels in self.image_size):
            raise InputError(f"image size must be multiples of 8 from 16 px on, got {list(self.image_size)}.")
