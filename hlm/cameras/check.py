"""What a policy needs of cameras against what they deliver, before anything moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.policy import PolicySpec
from hlm.core.values import CameraFrame

# Aspect ratios that differ by less leave bars of a pixel or two.
_SAME_RATIO = 0.02


class CameraCheck(NamedTuple):
    """What was found.

    Attributes:
        errors: why the policy must not run with these cameras.
        notes: what a person should know, and may be meant.
    """

    errors: tuple[str, ...]
    notes: tuple[str, ...]


def check_cameras(spec: PolicySpec, frames: Mapping[str, CameraFrame]) -> CameraCheck:
    """Names, sizes and images of cameras against a policy.

    Args:
        spec: of the policy.
        frames: one image of each camera that delivers.
    """
    errors, notes = [], []
    delivered = ", ".join(sorted(frames)) or "none"
    for name in spec.cameras:
        if name in frames:
            notes += _size_notes(name, frames[name].image, spec.image_size)
        elif name in spec.optional_cameras:
            notes.append(f"camera '{name}' is missing; the policy can do without it.")
        else:
            errors.append(f"the policy needs camera '{name}', and these deliver: {delivered}. Add it with --cameras.")
    notes += [f"camera '{name}' is not seen by the policy." for name in frames if name not in spec.cameras]
    errors += _same_device(frames)
    return CameraCheck(tuple(errors), tuple(notes))


def _size_notes(name: str, image: ByteArray, wanted: tuple[int, int]) -> list[str]:
    (height, width), (into_height, into_width) = image.shape[:2], wanted
    notes = []
    ratio = (width / height) / (into_width / into_height)
    if abs(ratio - 1.0) > _SAME_RATIO:
        bars = 1.0 - min(ratio, 1.0 / ratio)
        notes.append(
            f"camera '{name}' delivers {width} x {height} px, and the policy sees {into_width} x {into_height}: black "
            f"bars fill {bars:.0%} of its image. It should have been trained on images of that shape."
        )
    if height < into_height and width < into_width:
        notes.append(
            f"camera '{name}' delivers {width} x {height} px, less than the {into_width} x {into_height} that the "
            "policy sees: they are enlarged."
        )
    return notes


def _same_device(frames: Mapping[str, CameraFrame]) -> list[str]:
    """Two names for one device."""
    names = sorted(frames)
    return [
        f"cameras '{one}' and '{other}' deliver the same image: they are one device under two names."
        for index, one in enumerate(names)
        for other in names[index + 1 :]
        if np.array_equal(frames[one].image, frames[other].image)
    ]
