"""What a policy needs of cameras against what they deliver, before anything moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np

from hlm.core.arrays import ByteArray, FloatArray
from hlm.core.policy import PolicySpec
from hlm.core.values import CameraFrame

# Aspect ratios that differ by less leave bars of a pixel or two.
_SAME_RATIO = 0.02
# Side of the images that are compared, px: what is where, without noise and detail.
_SMALL_PX = 32
# By how much one picture must fit better than another before it is said.
_CLEARLY = 0.15
# Correlation from which on two images show the same.
_ALIKE = 0.5


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


def compare_with_recorded(recorded: Mapping[str, ByteArray], frames: Mapping[str, CameraFrame]) -> tuple[str, ...]:
    """Suspicions from images of the task as it was recorded: cameras that are swapped, and red that is blue.

    Neither can be known from live images alone: a left wrist's image looks like one of a right wrist, and a blue object
    may be blue. With the robot in the pose and place of the recording they can be suspected.

    Args:
        recorded: [height, width, 3] uint8 RGB by camera, such as an episode's first images.
        frames: one image of each camera, of the robot in the same pose.
    """
    common = sorted(recorded.keys() & frames.keys())
    old, new = ({name: _small(image) for name, image in images.items()} for images in (recorded, _images(frames)))
    found = []
    for index, one in enumerate(common):
        for other in common[index + 1 :]:
            straight = _likeness(new[one], old[one]) + _likeness(new[other], old[other])
            swapped = _likeness(new[one], old[other]) + _likeness(new[other], old[one])
            if swapped > straight + 2 * _CLEARLY:
                found.append(
                    f"cameras '{one}' and '{other}' look swapped: each is more like the other one as it was recorded."
                )
    for name in common:
        exchanged = _likeness(new[name][..., ::-1], old[name])
        if exchanged > max(_ALIKE, _likeness(new[name], old[name]) + _CLEARLY):
            found.append(
                f"camera '{name}' looks as if its red and blue were exchanged: it is more like the recording that way."
            )
    return tuple(found)


def most_changed(before: Mapping[str, CameraFrame], after: Mapping[str, CameraFrame]) -> str:
    """The camera whose image changed most, such as the wrist whose gripper was moved; empty if there is none.

    This finds swapped wrists for certain: move the left gripper, and the left wrist's camera must be the one.
    """
    change = {
        name: float(np.abs(_small(after[name].image) - _small(before[name].image)).mean())
        for name in before.keys() & after.keys()
        if before[name].image.shape == after[name].image.shape
    }
    return max(change, key=lambda name: change[name], default="")


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


def _images(frames: Mapping[str, CameraFrame]) -> dict[str, ByteArray]:
    return {name: frame.image for name, frame in frames.items()}


def _small(image: ByteArray) -> FloatArray:
    """[32, 32, 3] float image."""
    small: FloatArray = cv2.resize(image, (_SMALL_PX, _SMALL_PX), interpolation=cv2.INTER_AREA).astype(np.float64)
    return small


def _likeness(one: FloatArray, other: FloatArray) -> float:
    """Correlation of two images over pixels and colours, -1 to 1: brightness and contrast do not matter."""
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0.0 else 0.0
