"""The wrist and the gripper on it as one rigid body: mjlab's robot has a rubber hand there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment, Gripper


class Inertia(NamedTuple):
    """A rigid body's inertia.

    Attributes:
        mass_kg: mass.
        com_m: [3] centre of mass in the link frame.
        matrix_kg_m2: [3, 3] inertia about the centre of mass, in the axes of the link frame.
    """

    mass_kg: float
    com_m: FloatArray
    matrix_kg_m2: FloatArray


def link_inertia(embodiment: Embodiment, name: str) -> Inertia:
    """A link's own inertia."""
    link = next(link for link in embodiment.links if link.name == name)
    xx, yy, zz, xy, xz, yz = link.inertia_kg_m2
    matrix = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    return Inertia(link.mass_kg, np.array(link.com_position_m), matrix)


def hand_inertia(embodiment: Embodiment, gripper: Gripper) -> Inertia:
    """The link that a gripper is mounted on with the gripper, half open."""
    aside_m = gripper.finger_half_size_m[1] + 0.5 * gripper.finger_stroke_m
    fingers = [np.array(gripper.finger_center_m) + np.array([0.0, sign * aside_m, 0.0]) for sign in (1.0, -1.0)]
    return together(
        [
            link_inertia(embodiment, gripper.link),
            _box(gripper.palm_mass_kg, np.array(gripper.palm_center_m), np.array(gripper.palm_half_size_m)),
            *(_box(gripper.finger_mass_kg, center, np.array(gripper.finger_half_size_m)) for center in fingers),
        ]
    )


def together(parts: list[Inertia]) -> Inertia:
    """Bodies that are fixed to each other as one (parallel axis theorem)."""
    mass_kg = sum(part.mass_kg for part in parts)
    com_m: FloatArray = np.sum([part.mass_kg * part.com_m for part in parts], axis=0) / mass_kg
    return Inertia(mass_kg, com_m, np.sum([part.matrix_kg_m2 + _shift(part, com_m) for part in parts], axis=0))


def _shift(part: Inertia, point_m: FloatArray) -> FloatArray:
    away_m = part.com_m - point_m
    out: FloatArray = part.mass_kg * (away_m @ away_m * np.eye(3) - np.outer(away_m, away_m))
    return out


def _box(mass_kg: float, center_m: FloatArray, half_m: FloatArray) -> Inertia:
    square = half_m**2
    return Inertia(mass_kg, center_m, np.diag(mass_kg / 3.0 * (square.sum() - square)))
