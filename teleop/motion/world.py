"""Unit, upward axis, heading and floor of a motion, found from the body that moves in it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import InputError
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.motion.raw_motion import RawMotion

UNITS_M: dict[str, float] = {
    "metres": 1.0,
    "feet": 0.3048,
    "the unit of CMU's skeletons (1/0.45 inch)": 0.0254 / 0.45,
    "inches": 0.0254,
    "centimetres": 0.01,
    "millimetres": 0.001,
}
"""Length of each unit that is recognised. CMU's is stated on the page of its database, mocap.cs.cmu.edu/faqs.php."""

AXES: dict[str, tuple[float, float, float]] = {
    f"{sign}{name}": tuple(factor * value for value in row)
    for sign, factor in (("", 1.0), ("-", -1.0))
    for name, row in zip("xyz", np.eye(3), strict=True)
}
"""Upward axes by name, such as `y` and `-y`."""

# Length of the legs from hip to ankle of anybody between a small child and a very tall person. The ranges that it
# gives to the units do not overlap.
_LEG_M = (0.55, 1.2)
# Winter, Biomechanics and Motor Control of Human Movement, figure 4.1: hip at 0.530, ankle at 0.039 of the stature.
LEG_PER_STATURE = 0.530 - 0.039
# Heights of a standing person's joints above the sole.
_TOE_M, _ANKLE_M = 0.02, 0.08
# A foot is on the floor in at least this share of the frames.
_GROUNDED_SHARE = 0.02
# Trunk and legs both point along the upward axis while a person stands: 2. Below this, hardly any frame shows it.
_LEAST_UPRIGHT = 1.5
# An axis along which the feet wander this many times as far as along the other one does not point up.
_MOST_WANDER, _LEAST_WANDER = 3.0, 0.1
# Cosine between trunk and legs of a straight body; in at least this share of the frames it must be straight.
_STRAIGHT, _STRAIGHT_SHARE = 0.9, 0.02


class Unit(NamedTuple):
    """A unit of length: its name, and its length in m."""

    name: str
    length_m: float


def unit_of(motion: RawMotion) -> Unit:
    """The unit in which the legs have the length of a person's.

    Raises:
        InputError: there is none.
    """
    leg = leg_length(motion.position)
    fitting = [Unit(*unit) for unit in UNITS_M.items() if _LEG_M[0] <= leg * unit[1] <= _LEG_M[1]]
    if not fitting:
        raise InputError(
            f"its unit could not be found: the legs are {leg:.4g} units long from hip to ankle, a person's are "
            f"{_LEG_M[0]} to {_LEG_M[1]} m. Give the length of a unit in m, such as --unit-m 0.01."
        )
    return fitting[0]


def leg_length(position: FloatArray) -> float:
    """Length of the legs of [time, keypoint, 3], median over time and mean of the sides."""
    bones = (("hip", "knee"), ("knee", "ankle"))
    return sum(
        0.5
        * float(
            np.median(np.linalg.norm(_track(position, f"{side}_{end}") - _track(position, f"{side}_{start}"), axis=1))
        )
        for side in ("left", "right")
        for start, end in bones
    )


def up_axis_of(motion: RawMotion) -> str:
    """Name of the axis, up or down y or z, along which the person stands.

    Whoever crawls along an axis is in line with it too, so where the feet rest counts as well.

    Raises:
        InputError: there is none, such as in a motion on all fours.
    """
    found = [upright_axis(motion.position)]
    if motion.rest_position is not None:
        found.append(upright_axis(motion.rest_position[None]))
    axes = {axis for axis, upright in found if upright >= _LEAST_UPRIGHT}
    if len(axes) == 1:
        (axis,) = axes
        other = "z" if "y" in axis else "y"
        if motion.rest_position is None and _wander(motion, axis) > _MOST_WANDER * _wander(motion, other):
            axes = set()
    if not axes:
        raise InputError("which axis points up is not clear: the person hardly ever stands. Give it, such as --up y.")
    return min(axes, key=lambda axis: _wander(motion, axis))


def _wander(motion: RawMotion, axis: str) -> float:
    """By how much the lower foot moves along an axis, in lengths of the leg; a little along the upward one."""
    ankles = np.stack([motion.track(f"{side}_ankle") for side in ("left", "right")]) @ np.array(AXES[axis])
    low, high = np.quantile(ankles.min(axis=0), (0.05, 0.95))
    return float(high - low) / leg_length(motion.position) + _LEAST_WANDER


def upright_axis(position: FloatArray) -> tuple[str, float]:
    """Where trunk and legs of [time, keypoint, 3] point while both are in line: the axis, and how well (2 is best)."""
    hips, shoulders, ankles = (middle(position, part) for part in ("hip", "shoulder", "ankle"))
    trunk, legs = _unit(shoulders - hips), _unit(hips - ankles)
    # Whoever bends, sits or crawls says nothing about the upward axis: who is straight mostly stands.
    straight = np.einsum("ti,ti->t", trunk, legs) > _STRAIGHT
    if straight.mean() < _STRAIGHT_SHARE:
        return "z", 0.0
    along = np.median(trunk[straight] + legs[straight], axis=0)
    scores = {name: float(along @ np.array(axis)) for name, axis in AXES.items() if "x" not in name}
    best = max(scores, key=scores.__getitem__)
    return best, scores[best]


def heading_rotation(position: FloatArray, up: FloatArray) -> FloatArray:
    """[..., 3, 3] from the file's axes to x ahead, y left, z up, by hips and shoulders.

    Args:
        position: [..., keypoint, 3].
        up: [3] the upward axis.
    """
    left: FloatArray = _unit(_across(position, "hip")) + _unit(_across(position, "shoulder"))
    left = _unit(left - np.einsum("...i,i->...", left, up)[..., None] * up)
    ahead = np.cross(left, up)
    return np.stack([ahead, left, np.broadcast_to(up, left.shape)], axis=-2)


def must_not_be_mirrored(position_m: FloatArray) -> None:
    """Refuse bodies whose toes point backwards, in [time, keypoint, 3] with z up.

    Raises:
        InputError: left and right are swapped, or the axes are left-handed.
    """
    ahead = heading_rotation(position_m, np.array([0.0, 0.0, 1.0]))[:, 0]
    along = sum(
        np.einsum("ti,ti->t", _track(position_m, f"{side}_toe") - _track(position_m, f"{side}_ankle"), ahead)
        for side in ("left", "right")
    )
    if np.median(along) < 0.0:
        raise InputError(
            "its toes point backwards: left and right are swapped, or its axes are left-handed. Swap the sides with "
            "--map, such as left_hip=RightUpLeg, or export it with right-handed axes."
        )


def floor_height_m(position_m: FloatArray) -> float:
    """Height of the floor in [time, keypoint, 3] with z up: where the lower foot rests."""
    heights = []
    for side in ("left", "right"):
        toe, ankle = _track(position_m, f"{side}_toe")[:, 2], _track(position_m, f"{side}_ankle")[:, 2]
        heights.append(np.where(np.isfinite(toe), toe - _TOE_M, ankle - _ANKLE_M))
    return float(np.quantile(np.minimum(*heights), _GROUNDED_SHARE))


def middle(position: FloatArray, part: str) -> FloatArray:
    """[..., 3] midway between the left and the right keypoint of a part."""
    found: FloatArray = 0.5 * (_track(position, f"left_{part}") + _track(position, f"right_{part}"))
    return found


def _across(position: FloatArray, part: str) -> FloatArray:
    found: FloatArray = _track(position, f"left_{part}") - _track(position, f"right_{part}")
    return found


def _track(position: FloatArray, keypoint: str) -> FloatArray:
    found: FloatArray = position[..., KEYPOINTS.index(keypoint), :]
    return found


def _unit(vector: FloatArray) -> FloatArray:
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return np.divide(vector, length, out=np.zeros_like(vector), where=length > 0.0)
