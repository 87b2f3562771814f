"""Rigid-body model of an embodiment: kinematics, dynamics and named frames, by Pinocchio.

The model is built from the same table as the simulator's. Vectors are Pinocchio's: a configuration is
`[pelvis position (3), pelvis quaternion xyzw (4), joints (29)]`, a velocity
`[pelvis linear (3), pelvis angular (3), joints (29)]` with the pelvis part in the pelvis frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pinocchio as pin

from hlm.core.arrays import FloatArray, frozen
from hlm.core.embodiment import Embodiment, Gripper, Link
from hlm.core.errors import MismatchError
from hlm.core.layout import JOINTS, MOTOR_ORDER
from hlm.core.rotations import must_be_unit

BASE_DOFS = 6
DOFS = BASE_DOFS + JOINTS
GRAVITY_M_S2 = 9.81
LEFT, RIGHT = 0, 1  # index of feet and hands

_HINGES = {"x": pin.JointModelRX, "y": pin.JointModelRY, "z": pin.JointModelRZ}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Configuration:
    """Pose of the pelvis and joint positions.

    Attributes:
        position_pelvis_in_world_m: [3].
        quat_world_from_pelvis_wxyz: [4] unit quaternion.
        joint_position_rad: [29] motor order.
    """

    position_pelvis_in_world_m: FloatArray
    quat_world_from_pelvis_wxyz: FloatArray
    joint_position_rad: FloatArray

    def __post_init__(self) -> None:
        """Check shapes and the quaternion, and make the arrays read-only copies."""
        for name, size in (
            ("position_pelvis_in_world_m", 3),
            ("quat_world_from_pelvis_wxyz", 4),
            ("joint_position_rad", JOINTS),
        ):
            object.__setattr__(self, name, frozen(getattr(self, name), (size,), name))
        must_be_unit(self.quat_world_from_pelvis_wxyz, "quat_world_from_pelvis_wxyz")

    @staticmethod
    def standing(embodiment: Embodiment) -> Configuration:
        """The default pose: pelvis at its standing height above the origin, facing x."""
        return Configuration(
            position_pelvis_in_world_m=np.array([0.0, 0.0, embodiment.standing_height_m]),
            quat_world_from_pelvis_wxyz=np.array([1.0, 0.0, 0.0, 0.0]),
            joint_position_rad=embodiment.default_rad,
        )

    @staticmethod
    def from_vector(vector: FloatArray) -> Configuration:
        """The configuration of Pinocchio's [36] configuration vector; inverse of `vector`."""
        return Configuration(
            position_pelvis_in_world_m=vector[:3],
            quat_world_from_pelvis_wxyz=vector[[6, 3, 4, 5]],
            joint_position_rad=vector[7:],
        )

    @property
    def vector(self) -> FloatArray:
        """[36] Pinocchio's configuration vector; a new array."""
        quat_xyzw = self.quat_world_from_pelvis_wxyz[[1, 2, 3, 0]]
        return np.concatenate([self.position_pelvis_in_world_m, quat_xyzw, self.joint_position_rad])


class BodyModel:
    """Pinocchio's model of an embodiment, with the frames that control uses.

    Frames: one per link, by the link's name; `left_sole` and `right_sole` (centre of the sole corners, axes of the
    foot); `left_grip` and `right_grip` (between the finger pads); `<name>_camera` (at the lens, axes of the link);
    `torso` (the last link that both arms share).

    Args:
        embodiment: the robot, with its joints in motor order.

    Raises:
        MismatchError: the joints are in another order.
    """

    def __init__(self, embodiment: Embodiment) -> None:
        names = tuple(joint.name for joint in embodiment.joints)
        if names != MOTOR_ORDER:
            raise MismatchError(
                f"the joints of embodiment '{embodiment.name}' must be in motor order; found {', '.join(names)}."
            )
        self.embodiment = embodiment
        self.pin_model = pin.Model()
        self.pin_model.name = embodiment.name
        self.pin_model.gravity.linear = np.array([0.0, 0.0, -GRAVITY_M_S2])
        self._joint_of_link: dict[str, int] = {}
        for link in embodiment.links:
            self._add_link(link)
        for gripper in embodiment.grippers:
            self._add_gripper(gripper)
        self._add_frames()
        self.pin_model.armature[BASE_DOFS:] = embodiment.armature_kg_m2

    @cached_property
    def sole_frames(self) -> tuple[int, int]:
        """Pinocchio's indices of the left and right sole frames."""
        return self.frame("left_sole"), self.frame("right_sole")

    @cached_property
    def grip_frames(self) -> tuple[int, int]:
        """Pinocchio's indices of the left and right grip frames."""
        return self.frame("left_grip"), self.frame("right_grip")

    @cached_property
    def sole_corners_m(self) -> FloatArray:
        """[corner, 3] corners of a sole in its sole frame, in convex order."""
        corners = np.array(self.embodiment.sole_corners_m)
        return corners - corners.mean(axis=0)

    @cached_property
    def mass_kg(self) -> float:
        """Mass of the whole body."""
        return float(pin.computeTotalMass(self.pin_model))

    def frame(self, name: str) -> int:
        """Pinocchio's index of a frame.

        Raises:
            MismatchError: there is no such frame.
        """
        if not self.pin_model.existFrame(name):
            known = ", ".join(frame.name for frame in self.pin_model.frames)
            raise MismatchError(f"no frame '{name}' in embodiment '{self.embodiment.name}'. Known: {known}.")
        return int(self.pin_model.getFrameId(name))

    def data(self) -> pin.Data:
        """A new workspace for Pinocchio's algorithms."""
        return self.pin_model.createData()

    def pose_world_from(self, frame: str, configuration: Configuration) -> FloatArray:
        """[4, 4] homogeneous transform from a frame's coordinates to world coordinates."""
        data = self.data()
        frame_id = self.frame(frame)
        pin.forwardKinematics(self.pin_model, data, configuration.vector)
        return np.array(pin.updateFramePlacement(self.pin_model, data, frame_id).homogeneous)

    def com_position_in_world_m(self, configuration: Configuration) -> FloatArray:
        """[3] centre of mass of the whole body in the world, m."""
        return np.array(pin.centerOfMass(self.pin_model, self.data(), configuration.vector))

    def _add_link(self, link: Link) -> None:
        if link.joint is None or link.parent is None:
            joint_id = self.pin_model.addJoint(0, pin.JointModelFreeFlyer(), pin.SE3.Identity(), "floating_base")
        else:
            joint = link.joint
            roll, pitch = link.roll_pitch_rad
            placement = pin.SE3(pin.rpy.rpyToMatrix(roll, pitch, 0.0), np.array(link.position_m))
            joint_id = self.pin_model.addJoint(
                self._joint_of_link[link.parent],
                _HINGES[joint.axis](),
                placement,
                f"{joint.name}_joint",
                np.array([joint.motor.effort_nm]),
                np.array([joint.motor.velocity_rad_s]),
                np.array([joint.lower_rad]),
                np.array([joint.upper_rad]),
            )
        self._joint_of_link[link.name] = joint_id
        xx, yy, zz, xy, xz, yz = link.inertia_kg_m2
        inertia = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        body = pin.Inertia(link.mass_kg, np.array(link.com_position_m), inertia)
        self.pin_model.appendBodyToJoint(joint_id, body, pin.SE3.Identity())
        self._add_frame(link.name, link.name, np.zeros(3))

    def _add_gripper(self, gripper: Gripper) -> None:
        """Palm and fingers as boxes; the fingers stand half open, which moves no centre of mass."""
        joint_id = self._joint_of_link[gripper.link]
        palm = pin.Inertia.FromBox(gripper.palm_mass_kg, *(2.0 * half for half in gripper.palm_half_size_m))
        palm_pose = pin.SE3(np.eye(3), np.array(gripper.palm_center_m))
        self.pin_model.appendBodyToJoint(joint_id, palm, palm_pose)
        finger = pin.Inertia.FromBox(gripper.finger_mass_kg, *(2.0 * half for half in gripper.finger_half_size_m))
        offset_m = gripper.finger_half_size_m[1] + 0.5 * gripper.finger_stroke_m
        for sign in (1.0, -1.0):
            center_m = np.array(gripper.finger_center_m) + np.array([0.0, sign * offset_m, 0.0])
            self.pin_model.appendBodyToJoint(joint_id, finger, pin.SE3(np.eye(3), center_m))

    def _add_frames(self) -> None:
        embodiment = self.embodiment
        sole_center_m = np.mean(embodiment.sole_corners_m, axis=0)
        for side, link in zip(("left", "right"), embodiment.sole_links, strict=True):
            self._add_frame(f"{side}_sole", link, sole_center_m)
        for gripper in embodiment.grippers:
            self._add_frame(f"{gripper.side}_grip", gripper.link, np.array(gripper.grip_m))
        # Pinocchio adds a frame's zero inertia to its joint's, which rounds: without these, last bits would differ.
        for camera in embodiment.cameras:
            self._add_frame(f"{camera.name}_camera", camera.link, np.array(camera.position_m))
        self._add_frame("torso", self.embodiment.torso_link, np.zeros(3))

    def _add_frame(self, name: str, link: str, position_m: FloatArray) -> None:
        placement = pin.SE3(np.eye(3), position_m)
        frame = pin.Frame(name, self._joint_of_link[link], 0, placement, pin.FrameType.OP_FRAME)
        self.pin_model.addFrame(frame)


def pendulum_frequency(com_height_m: float) -> float:
    """Natural frequency of a linear inverted pendulum, rad/s: sqrt(gravity / height)."""
    return float(np.sqrt(GRAVITY_M_S2 / com_height_m))


def rotation_from_quat(quat_wxyz: FloatArray) -> FloatArray:
    """[3, 3] rotation matrix of one [4] wxyz quaternion, normalized first.

    For single quaternions in a control loop: Pinocchio is 20 times faster than `hlm.core.rotations.matrix_from_quat`.
    It does not check: `hlm.core.rotations.must_be_unit` is for whoever makes the value.
    """
    w, x, y, z = quat_wxyz
    rotation: FloatArray = pin.Quaternion(w, x, y, z).normalized().toRotationMatrix()
    return rotation
