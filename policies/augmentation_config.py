"""How far pictures may be changed in training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

from hlm.core.errors import InputError

UNCHANGED = (1.0, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentationConfig:
    """How far pictures may be changed; by default not at all.

    Attributes:
        geometric: cameras whose pictures are cropped and rotated. Those on a wrist are better left out: how an object
            lies in their picture is what the hand has to know.
        crop: share of the side that a crop keeps; it is resized to the whole.
        rotation_deg: largest rotation either way; what comes from outside the crop is black.
        shift: largest shift down and right, as a share of the height, by whole pixels; edges are repeated.
        brightness: least and largest factor of the light.
        contrast: least and largest factor of the distance from `contrast_about`.
        contrast_about: the picture's mean, or mid-grey.
        saturation: least and largest factor of a pixel's distance from grey.
        cast: standard deviation of what is added to each colour, of the half range.
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
            InputError: a share or an angle out of range, or a range that is empty.
        """
        if not 0.0 < self.crop <= 1.0:
            raise InputError(f"crop must be in (0, 1], got {self.crop}.")
        for name, limit in (("shift", 1.0), ("rotation_deg", 180.0), ("cast", math.inf)):
            if not 0.0 <= getattr(self, name) < limit:
                raise InputError(f"{name} must be in [0, {limit:g}), got {getattr(self, name)}.")
        for name in ("brightness", "contrast", "saturation"):
            low, high = getattr(self, name)
            if not 0.0 <= low <= high < math.inf:
                raise InputError(f"{name} must go from a factor to one that is no smaller, got {low} to {high}.")

    @classmethod
    def paper(cls) -> Self:
        """What OpenHLM trains pi0.5 with."""
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
        """What the compact policy learns from 300 demonstrations with."""
        return cls(shift=4.0 / 96.0, contrast=(0.8, 1.2), contrast_about="grey", cast=0.075)
