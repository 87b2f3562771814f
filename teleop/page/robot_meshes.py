"""The robot's links as triangles, from the capsules and boxes of its table; there are no other meshes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Capsule, Embodiment, Gripper, Rgba, Vector3

_AROUND, _CAP_RINGS = 16, 5
_SOLE_M = 0.02
_BOX_FACES = np.array(
    [
        [0, 3, 2], [0, 1, 3], [4, 7, 5], [4, 6, 7], [0, 5, 1], [0, 4, 5],
        [2, 7, 6], [2, 3, 7], [0, 6, 4], [0, 2, 6], [1, 7, 3], [1, 5, 7],
    ]
)  # fmt: skip


class Mesh(NamedTuple):
    """A piece of the robot that moves with one link.

    Attributes:
        name: unique.
        link: index of the link in the embodiment's order.
        vertices_m: [vertex, 3] in the link frame, of closed fingers where it is one.
        faces: [face, 3] indices of vertices, seen from outside counter-clockwise.
        rgba: colour.
        opening_m: [3] where an open gripper moves it to, in the link frame; zeros for what is no finger.
        side: 0 for a left and 1 for a right finger.
    """

    name: str
    link: int
    vertices_m: FloatArray
    faces: npt.NDArray[np.int64]
    rgba: Rgba
    opening_m: FloatArray
    side: int = 0


def robot_meshes(embodiment: Embodiment) -> list[Mesh]:
    """The pieces of a robot: one for all that has the same colour on a link, and one for each finger."""
    index = {link.name: number for number, link in enumerate(embodiment.links)}
    groups: dict[tuple[int, Rgba], list[tuple[FloatArray, npt.NDArray[np.int64]]]] = {}
    for capsule in embodiment.capsules:
        groups.setdefault((index[capsule.link], capsule.rgba), []).append(_capsule(capsule))
    for gripper in embodiment.grippers:
        palm = _box(gripper.palm_center_m, gripper.palm_half_size_m)
        groups.setdefault((index[gripper.link], gripper.palm_rgba), []).append(palm)
    for link in embodiment.sole_links:
        groups.setdefault((index[link], embodiment.sole_rgba), []).append(_sole(embodiment.sole_corners_m))
    meshes = [_merged(f"part_{number}", key, pieces) for number, (key, pieces) in enumerate(groups.items())]
    for side, gripper in enumerate(embodiment.grippers):
        meshes += _fingers(gripper, index[gripper.link], side)
    return meshes


def _merged(name: str, key: tuple[int, Rgba], pieces: list[tuple[FloatArray, npt.NDArray[np.int64]]]) -> Mesh:
    firsts = np.cumsum([0, *(len(vertices) for vertices, _ in pieces)])
    return Mesh(
        name=name,
        link=key[0],
        vertices_m=np.concatenate([vertices for vertices, _ in pieces]),
        faces=np.concatenate([faces + first for (_, faces), first in zip(pieces, firsts[:-1], strict=True)]),
        rgba=key[1],
        opening_m=np.zeros(3),
    )


def _fingers(gripper: Gripper, link: int, side: int) -> Iterator[Mesh]:
    for number, sign in enumerate((1.0, -1.0)):
        x, y, z = gripper.finger_center_m
        vertices, faces = _box((x, y + sign * gripper.finger_half_size_m[1], z), gripper.finger_half_size_m)
        opening_m = np.array([0.0, sign * gripper.finger_stroke_m, 0.0])
        yield Mesh(f"{gripper.side}_finger_{number}", link, vertices, faces, gripper.finger_rgba, opening_m, side)


def _capsule(capsule: Capsule) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Rings of vertices from one end to the other."""
    start, end = np.array(capsule.start_m), np.array(capsule.end_m)
    axis = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
    side = np.cross(axis, [1.0, 0.0, 0.0] if abs(axis[0]) < 0.8 else [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    angles = np.linspace(0.0, 2.0 * np.pi, _AROUND, endpoint=False)
    circle = np.outer(np.cos(angles), side) + np.outer(np.sin(angles), np.cross(axis, side))
    latitudes = np.linspace(0.0, 0.5 * np.pi, _CAP_RINGS)
    rings = [start - capsule.radius_m * (np.cos(one) * axis - np.sin(one) * circle) for one in latitudes]
    rings += [end + capsule.radius_m * (np.cos(one) * axis + np.sin(one) * circle) for one in latitudes[::-1]]
    faces = []
    for ring in range(len(rings) - 1):
        here = ring * _AROUND + np.arange(_AROUND)
        beside = ring * _AROUND + np.roll(np.arange(_AROUND), -1)
        faces += [np.stack([here, beside, beside + _AROUND], 1), np.stack([here, beside + _AROUND, here + _AROUND], 1)]
    return np.concatenate(rings), np.concatenate(faces)


def _box(center_m: Vector3, half_size_m: Vector3) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    return np.array(center_m) + corners * np.array(half_size_m), _BOX_FACES


def _sole(corners_m: tuple[Vector3, ...]) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """A slab on the corners of a sole, which stand in convex order."""
    below = np.array(corners_m)
    count = len(below)
    around = [(one, (one + 1) % count) for one in range(count)]
    faces = [[0, one + 1, one] for one in range(1, count - 1)]
    faces += [[count, count + one, count + one + 1] for one in range(1, count - 1)]
    for one, other in around:
        faces += [[one, count + other, count + one], [one, other, count + other]]
    return np.concatenate([below, below + np.array([0.0, 0.0, _SOLE_M])]), np.array(faces)
