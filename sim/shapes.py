"""Primitive shapes of the G1 for contact and for cameras: what software rendering pays for is geometry, so few."""

from __future__ import annotations

from typing import Literal, NamedTuple

from hlm.core.embodiment import Vector3

DARK = (0.22, 0.23, 0.25, 1.0)
LIGHT = (0.80, 0.81, 0.83, 1.0)
ACCENT = (0.35, 0.37, 0.40, 1.0)


class Capsule(NamedTuple):
    """A capsule from start to end in a link's frame, m.

    Its reach says what it can touch of the robot itself: forearms touch trunk and legs, upper arms sit in the shoulders
    and touch nothing of it.
    """

    link: str
    start: Vector3
    end: Vector3
    radius: float
    rgba: tuple[float, float, float, float]
    reach: Literal["forearm", "upper arm", "trunk"]


# Left limbs; the right ones are their mirror images. Thick enough to look like the robot, thin enough not to touch
# the neighbours in ordinary poses.
_LEFT = (
    Capsule("left_hip_roll", (0.02, 0, 0), (0.02, 0, -0.08), 0.06, DARK, "trunk"),
    Capsule("left_hip_yaw", (0, 0, -0.03), (-0.06, 0, -0.17), 0.055, LIGHT, "trunk"),
    Capsule("left_knee", (0.01, 0, 0), (0.01, 0, -0.15), 0.045, LIGHT, "trunk"),
    Capsule("left_knee", (0.01, 0, -0.15), (0.01, 0, -0.28), 0.03, DARK, "trunk"),
    Capsule("left_shoulder_roll", (0, 0.006, 0), (0, 0.006, -0.05), 0.042, DARK, "upper arm"),
    Capsule("left_shoulder_yaw", (0, 0, -0.06), (0, 0, 0.03), 0.035, LIGHT, "upper arm"),
    Capsule("left_elbow", (0.0, 0, -0.01), (0.09, 0, -0.01), 0.033, LIGHT, "forearm"),
    Capsule("left_wrist_roll", (0.0, 0, 0), (0.06, 0, 0), 0.03, DARK, "forearm"),
)


def _mirrored(shape: Capsule) -> Capsule:
    def mirror(point: Vector3) -> Vector3:
        return (point[0], -point[1], point[2])

    return shape._replace(link=shape.link.replace("left", "right"), start=mirror(shape.start), end=mirror(shape.end))


CAPSULES: tuple[Capsule, ...] = (
    Capsule("pelvis", (0, 0.03, -0.07), (0, -0.03, -0.07), 0.07, DARK, "trunk"),
    Capsule("waist_pitch", (0.01, 0.05, 0.09), (0.01, -0.05, 0.09), 0.075, LIGHT, "trunk"),
    Capsule("waist_pitch", (0.01, 0.05, 0.22), (0.01, -0.05, 0.22), 0.085, LIGHT, "trunk"),
    Capsule("waist_pitch", (0.0, 0, 0.38), (0.0, 0, 0.44), 0.055, DARK, "trunk"),
    *_LEFT,
    *(_mirrored(shape) for shape in _LEFT),
)
