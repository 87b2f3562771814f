"""What a robot is made of: links, joints, motors, soles, grippers and cameras, as one table of figures.

The kinematics and dynamics that the tracker uses and the simulator's model are both built from this table, so that
they cannot disagree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from hlm.core.arrays import FloatArray

Vector3 = tuple[float, float, float]

# Unitree's reference gains come from the motor's inertia seen at the joint: a 10 Hz oscillator, damping ratio 2.
_GAIN_FREQUENCY_RAD_S = 2.0 * math.pi * 10.0
_GAIN_DAMPING_RATIO = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Motor:
    """Actuator of a joint.

    Attributes:
        armature_kg_m2: rotor inertia seen at the joint.
        effort_nm: largest torque.
        velocity_rad_s: largest speed.
    """

    armature_kg_m2: float
    effort_nm: float
    velocity_rad_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Joint:
    """A hinge about one axis of its link's frame.

    Attributes:
        name: as in `hlm.core.layout.MOTOR_ORDER`.
        axis: of the link's frame.
        lower_rad: lower limit.
        upper_rad: upper limit.
        default_rad: angle in the default standing pose.
        motor: what drives it.
    """

    name: str
    axis: Literal["x", "y", "z"]
    lower_rad: float
    upper_rad: float
    default_rad: float
    motor: Motor

    @property
    def kp_nm_rad(self) -> float:
        """Stiffness of the reference gains."""
        return self.motor.armature_kg_m2 * _GAIN_FREQUENCY_RAD_S**2

    @property
    def kd_nm_s_rad(self) -> float:
        """Damping of the reference gains."""
        return 2.0 * _GAIN_DAMPING_RATIO * self.motor.armature_kg_m2 * _GAIN_FREQUENCY_RAD_S


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A rigid body and the joint that carries it.

    Attributes:
        name: unique.
        parent: name of the parent link; None for the floating base.
        joint: the hinge between parent and link; None for the floating base.
        position_m: origin of the link's frame in the parent's.
        roll_pitch_rad: orientation of the link's frame in the parent's at joint angle 0.
        mass_kg: mass.
        center_of_mass_m: in the link's frame.
        inertia_kg_m2: xx, yy, zz, xy, xz, yz about the center of mass, axes of the link's frame.
    """

    name: str
    parent: str | None
    joint: Joint | None
    position_m: Vector3
    roll_pitch_rad: tuple[float, float] = (0.0, 0.0)
    mass_kg: float
    center_of_mass_m: Vector3
    inertia_kg_m2: tuple[float, float, float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gripper:
    """A parallel gripper on a link: a palm and two fingers that slide along y; its approach direction is x.

    Attributes:
        side: "left" or "right".
        link: what it is mounted on.
        palm_center_m: centre of the palm, a box, in the link's frame.
        palm_half_size_m: half lengths of the palm.
        palm_mass_kg: mass of the palm.
        finger_center_m: centre of a finger, a box, when closed, before its own half thickness in y.
        finger_half_size_m: half lengths of a finger.
        finger_mass_kg: mass of a finger.
        finger_stroke_m: way of each finger from closed to open.
        finger_force_n: largest force of each finger.
        grip_m: point between the finger pads in the link's frame.
    """

    side: Literal["left", "right"]
    link: str
    palm_center_m: Vector3
    palm_half_size_m: Vector3
    palm_mass_kg: float
    finger_center_m: Vector3
    finger_half_size_m: Vector3
    finger_mass_kg: float
    finger_stroke_m: float
    finger_force_n: float
    grip_m: Vector3


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraMount:
    """A camera that looks along x of its link, pitched down.

    Attributes:
        name: as in datasets and policies.
        link: what it is mounted on.
        position_m: in the link's frame.
        pitch_down_rad: angle between the optical axis and the link's x axis, positive towards -z.
        field_of_view_rad: vertical.
    """

    name: str
    link: str
    position_m: Vector3
    pitch_down_rad: float
    field_of_view_rad: float


@dataclass(frozen=True, kw_only=True)
class Embodiment:
    """A robot.

    Attributes:
        name: identifies the robot in datasets and checkpoints.
        links: parents before children, the floating base first; joints appear in motor order.
        sole_links: left and right foot.
        sole_corners_m: [corner][3] corners of a sole in its foot's frame, convex order.
        standing_height_m: of the base's origin above the ground in the default pose.
        grippers: left and right.
        cameras: the robot's own.
    """

    name: str
    links: tuple[Link, ...]
    sole_links: tuple[str, str]
    sole_corners_m: tuple[Vector3, ...]
    standing_height_m: float
    grippers: tuple[Gripper, Gripper]
    cameras: tuple[CameraMount, ...]

    @cached_property
    def joints(self) -> tuple[Joint, ...]:
        """The joints in motor order."""
        return tuple(link.joint for link in self.links if link.joint is not None)

    @cached_property
    def lower_rad(self) -> FloatArray:
        """[joint] lower limits."""
        return self._column([joint.lower_rad for joint in self.joints])

    @cached_property
    def upper_rad(self) -> FloatArray:
        """[joint] upper limits."""
        return self._column([joint.upper_rad for joint in self.joints])

    @cached_property
    def default_rad(self) -> FloatArray:
        """[joint] default standing pose."""
        return self._column([joint.default_rad for joint in self.joints])

    @cached_property
    def effort_nm(self) -> FloatArray:
        """[joint] largest torques."""
        return self._column([joint.motor.effort_nm for joint in self.joints])

    @cached_property
    def velocity_rad_s(self) -> FloatArray:
        """[joint] largest speeds."""
        return self._column([joint.motor.velocity_rad_s for joint in self.joints])

    @cached_property
    def armature_kg_m2(self) -> FloatArray:
        """[joint] rotor inertias."""
        return self._column([joint.motor.armature_kg_m2 for joint in self.joints])

    @cached_property
    def mass_kg(self) -> float:
        """Mass of the whole robot with its grippers."""
        hands = sum(gripper.palm_mass_kg + 2.0 * gripper.finger_mass_kg for gripper in self.grippers)
        return sum(link.mass_kg for link in self.links) + hands

    @staticmethod
    def _column(values: list[float]) -> FloatArray:
        array = np.array(values)
        array.flags.writeable = False
        return array
