"""The table of a robot: links, joints, motors, soles, grippers, cameras, shapes and named poses.

The kinematics and dynamics used for control and the simulation model are both built from this table, so they cannot
disagree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import UnknownNameError

Vector3 = tuple[float, float, float]
Rgba = tuple[float, float, float, float]

# Unitree derives its reference gains from the motor inertia seen at the joint: a 10 Hz oscillator, damping ratio 2.
_GAIN_FREQUENCY_RAD_S = 2.0 * math.pi * 10.0
_GAIN_DAMPING_RATIO = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Motor:
    """Actuator of a joint.

    Attributes:
        armature_kg_m2: rotor inertia seen at the joint.
        effort_nm: maximum torque.
        velocity_rad_s: maximum speed.
    """

    armature_kg_m2: float
    effort_nm: float
    velocity_rad_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Joint:
    """A hinge about one axis of the frame of the link that it carries.

    Attributes:
        name: name as in `hlm.core.layout.MOTOR_ORDER`.
        axis: rotation axis in the link frame.
        lower_rad: lower limit.
        upper_rad: upper limit.
        default_rad: angle in the default standing pose.
        motor: the motor that drives the joint.
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
    """A rigid body and the joint that connects it to its parent.

    Attributes:
        name: unique name.
        parent: name of the parent link; None for the floating base.
        joint: the hinge between parent and link; None for the floating base.
        position_m: origin of the link frame in the parent frame.
        roll_pitch_rad: orientation of the link frame in the parent frame at joint angle 0.
        mass_kg: mass.
        com_position_m: centre of mass in the link frame.
        inertia_kg_m2: xx, yy, zz, xy, xz, yz about the centre of mass, in the axes of the link frame.
    """

    name: str
    parent: str | None
    joint: Joint | None
    position_m: Vector3
    roll_pitch_rad: tuple[float, float] = (0.0, 0.0)
    mass_kg: float
    com_position_m: Vector3
    inertia_kg_m2: tuple[float, float, float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gripper:
    """A parallel gripper: a palm and two fingers that slide along y; it approaches along x.

    Palm and fingers are boxes.

    Attributes:
        side: "left" or "right".
        link: the link it is mounted on.
        palm_center_m: centre of the palm in the link frame.
        palm_half_size_m: half the edge lengths of the palm.
        palm_mass_kg: mass of the palm.
        palm_rgba: colour of the palm.
        finger_center_m: centre of the closed fingers in the link frame; each lies half its thickness beside it in y.
        finger_half_size_m: half the edge lengths of a finger.
        finger_mass_kg: mass of a finger.
        finger_rgba: colour of the fingers.
        finger_stroke_m: travel of each finger from closed to open.
        finger_force_n: maximum force of each finger.
        grip_m: point between the finger pads in the link frame.
    """

    side: Literal["left", "right"]
    link: str
    palm_center_m: Vector3
    palm_half_size_m: Vector3
    palm_mass_kg: float
    palm_rgba: Rgba
    finger_center_m: Vector3
    finger_half_size_m: Vector3
    finger_mass_kg: float
    finger_rgba: Rgba
    finger_stroke_m: float
    finger_force_n: float
    grip_m: Vector3


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraMount:
    """A camera that looks along the x axis of its link, pitched down.

    Attributes:
        name: camera name in datasets and policies.
        link: the link it is mounted on.
        position_m: optical centre in the link frame.
        pitch_down_rad: angle from the x axis of the link to the optical axis, positive towards -z.
        field_of_view_rad: vertical field of view.
    """

    name: str
    link: str
    position_m: Vector3
    pitch_down_rad: float
    field_of_view_rad: float


class Capsule(NamedTuple):
    """A capsule on a link, for collisions and for rendering.

    Attributes:
        link: the link it is attached to.
        start_m: centre of one end cap in the link frame.
        end_m: centre of the other end cap in the link frame.
        radius_m: radius.
        rgba: colour.
        collision_group: forearms collide with the trunk group (trunk and legs); upper arms, which overlap the
            shoulders, collide with no other part of the robot.
    """

    link: str
    start_m: Vector3
    end_m: Vector3
    radius_m: float
    rgba: Rgba
    collision_group: Literal["forearm", "upper_arm", "trunk"]


class Pose(NamedTuple):
    """A named joint configuration.

    Attributes:
        name: unique name.
        joint_position_rad: joint angles in motor order.
    """

    name: str
    joint_position_rad: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Embodiment:
    """A robot.

    Attributes:
        name: identifies the robot in datasets and checkpoints.
        links: parents before children, the floating base first; joints appear in motor order.
        sole_links: left and right foot.
        sole_corners_m: [corner][3] corners of a sole in the frame of its foot, in convex order.
        sole_rgba: colour of the soles.
        standing_height_m: height of the base origin above the ground in the default pose.
        grippers: left and right.
        cameras: cameras mounted on the robot.
        capsules: collision and visual shapes of the links.
        poses: named joint configurations besides the default standing pose.
    """

    name: str
    links: tuple[Link, ...]
    sole_links: tuple[str, str]
    sole_corners_m: tuple[Vector3, ...]
    sole_rgba: Rgba
    standing_height_m: float
    grippers: tuple[Gripper, Gripper]
    cameras: tuple[CameraMount, ...]
    capsules: tuple[Capsule, ...]
    poses: tuple[Pose, ...]

    @cached_property
    def joints(self) -> tuple[Joint, ...]:
        """The joints in motor order."""
        return tuple(link.joint for link in self.links if link.joint is not None)

    @cached_property
    def lower_rad(self) -> FloatArray:
        """[joint] lower limits."""
        return _read_only([joint.lower_rad for joint in self.joints])

    @cached_property
    def upper_rad(self) -> FloatArray:
        """[joint] upper limits."""
        return _read_only([joint.upper_rad for joint in self.joints])

    @cached_property
    def default_rad(self) -> FloatArray:
        """[joint] default standing pose."""
        return _read_only([joint.default_rad for joint in self.joints])

    @cached_property
    def effort_nm(self) -> FloatArray:
        """[joint] maximum torques."""
        return _read_only([joint.motor.effort_nm for joint in self.joints])

    @cached_property
    def velocity_rad_s(self) -> FloatArray:
        """[joint] maximum speeds."""
        return _read_only([joint.motor.velocity_rad_s for joint in self.joints])

    @cached_property
    def armature_kg_m2(self) -> FloatArray:
        """[joint] rotor inertias."""
        return _read_only([joint.motor.armature_kg_m2 for joint in self.joints])

    @cached_property
    def kp_nm_rad(self) -> FloatArray:
        """[joint] stiffness of the reference gains."""
        return _read_only([joint.kp_nm_rad for joint in self.joints])

    @cached_property
    def kd_nm_s_rad(self) -> FloatArray:
        """[joint] damping of the reference gains."""
        return _read_only([joint.kd_nm_s_rad for joint in self.joints])

    def chain(self, link: str) -> tuple[Link, ...]:
        """The links from the floating base to the link `link`, both included."""
        links = {one.name: one for one in self.links}
        chain = [links[link]]
        while (parent := chain[0].parent) is not None:
            chain.insert(0, links[parent])
        return tuple(chain)

    @cached_property
    def torso_link(self) -> str:
        """Name of the last link that both arms share."""
        left, right = (self.chain(gripper.link) for gripper in self.grippers)
        return next(link.name for link in reversed(left) if link in right)

    def pose_rad(self, name: str) -> FloatArray:
        """[joint] angles of the pose `name`.

        Raises:
            UnknownNameError: the robot has no such pose.
        """
        for pose in self.poses:
            if pose.name == name:
                return _read_only(pose.joint_position_rad)
        raise UnknownNameError("pose", name, [pose.name for pose in self.poses])


def _read_only(values: list[float] | tuple[float, ...]) -> FloatArray:
    array = np.array(values)
    array.flags.writeable = False
    return array
