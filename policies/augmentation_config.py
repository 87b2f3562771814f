"""Limits of the random changes to training images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

from hlm.core.errors import InputError

UNCHANGED = (1.0, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentationConfig:
    """Limits of the random changes to training images; the defaults change nothing.

    Attributes:
        geometric: cameras whose images are cropped and rotated. Leave out wrist cameras: the grasp depends on where
            an object is in their images.
        crop: side of the random crop, as a fraction of the image; the crop is resized to the whole image.
        rotation_deg: largest rotation in either direction, deg; pixels from outside the crop are black.
        shift: largest shift in each direction, as a fraction of the height, in whole pixels; edges are repeated.
        brightness: smallest and largest brightness factor.
        contrast: smallest and largest contrast factor.
        contrast_about: level that contrast is scaled about, the image's mean or mid-grey.
        saturation: smallest and largest saturation factor.
        cast: standard deviation of a random offset per colour channel, as a fraction of half the value range.
    """

    geometric: tuple[str, ...] = ()
    crop: float = 1.0
    rotation_deg: float = 0.0
    shift: float = 0.0
    brightness: tuple[float, float] = UNCHANGED
    contrast: tuple[float, float] = UNCHANGED
    contrast_about: Literal["mean", "grey"] = "mean"
    saturation: tuple[float, float] = UNCHANGED
    cast: float = 0.0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a number out of range, or an empty range.
        """
        if not 0.0 < self.crop <= 1.0:
            raise InputError(f"crop must be in (0, 1], got {self.crop}.")
        for name, limit in (("shift", 1.0), ("rotation_deg", 180.0), ("cast", math.inf)):
            if not 0.0 <= getattr(self, name) < limit:
                raise InputError(f"{name} must be in [0, {limit:g}), got {getattr(self, name)}.")
        for name in ("brightness", "contrast", "saturation"):
            low, high = getattr(self, name)
            if not 0.0 <= low <= high < math.inf:
                raise InputError(f"{name} must be two factors >= 0, the smaller first, got {low} and {high}.")

    @classmethod
    def paper(cls) -> Self:
        """What OpenHLM trains pi0.5 with (arXiv 2606.22174)."""
        return cls(
            geometric=("head",),
            crop=0.95,
            rotation_deg=5.0,
            brightness=(0.7, 1.3),
            contrast=(0.6, 1.4),
            saturation=(0.5, 1.5),
        )

    @classmethod
    def compact(cls) -> Self:
        """What the compact policy needs to learn from 300 demonstrations."""
        return cls(shift=4.0 / 96.0, contrast=(0.8, 1.2), contrast_about="grey", cast=0.075)
