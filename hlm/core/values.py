"""Frozen values that cross seams. Their arrays are read-only copies, checked on construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hlm.core.arrays import ByteArray, FloatArray, frozen
from hlm.core.errors import MismatchError
from hlm.core.layout import DIMENSIONS, JOINTS

_UNKNOWN = np.full(JOINTS, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class RobotState:
    """What the robot measures about itself: joints, inertial units, grippers.

    Attributes:
        stamp_ns: instant of the measurement on the session's clock.
        joint_position_rad: [29] motor order.
        joint_velocity_rad_s: [29] motor order.
        quat_world_from_pelvis_wxyz: [4] orientation of the pelvis; its yaw has an arbitrary origin.
        angular_velocity_pelvis_in_pelvis_rad_s: [3] gyroscope of the pelvis.
        gripper_opening: [2] left, right; 1 = open, 0 = closed.
        motor_temperature_c: [29] motor order, the hottest place that each motor measures; not a number where it does
            not measure any.
        motor_fault: [29] motor order, the code that each motor reports, 0 for none, -1 for a motor without supply
            voltage; not a number where nobody reports any.
        quat_world_from_torso_wxyz: [4] orientation of the torso by an inertial unit of its own, with another origin of
            yaw; not numbers where there is none.
    """

    stamp_ns: int
    joint_position_rad: FloatArray
    joint_velocity_rad_s: FloatArray
    quat_world_from_pelvis_wxyz: FloatArray
    angular_velocity_pelvis_in_pelvis_rad_s: FloatArray
    gripper_opening: FloatArray = field(default_factory=lambda: np.ones(2))
    motor_temperature_c: FloatArray = field(default_factory=lambda: _UNKNOWN)
    motor_fault: FloatArray = field(default_factory=lambda: _UNKNOWN)
    quat_world_from_torso_wxyz: FloatArray = field(default_factory=lambda: _UNKNOWN[:4])

    def __post_init__(self) -> None:
        """Check shapes and make the arrays read-only copies."""
        for name, size in (
            ("joint_position_rad", JOINTS),
            ("joint_velocity_rad_s", JOINTS),
            ("quat_world_from_pelvis_wxyz", 4),
            ("angular_velocity_pelvis_in_pelvis_rad_s", 3),
            ("gripper_opening", 2),
            ("motor_temperature_c", JOINTS),
            ("motor_fault", JOINTS),
            ("quat_world_from_torso_wxyz", 4),
        ):
            object.__setattr__(self, name, frozen(getattr(self, name), (size,), name))


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A whole-body reference from an operator or a policy; the tracker reaches it about 0.2 s later.

    Attributes:
        stamp_ns: instant that the reference is for.
        vector: [34] see `hlm.core.layout`.
    """

    stamp_ns: int
    vector: FloatArray

    def __post_init__(self) -> None:
        """Check the shape and make the array a read-only copy."""
        object.__setattr__(self, "vector", frozen(self.vector, (DIMENSIONS,), "reference"))


@dataclass(frozen=True, slots=True, eq=False)
class JointCommand:
    """Command to the motors: kp (position - q) + kd (velocity - dq) + torque, clipped to the effort limits.

    Attributes:
        stamp_ns: instant of the measurement that it answers.
        joint_position_rad: [29] targets in motor order.
        joint_velocity_rad_s: [29] targets in motor order.
        kp_nm_rad: [29] stiffness in motor order, >= 0.
        kd_nm_s_rad: [29] damping in motor order, >= 0.
        torque_nm: [29] feed-forward torque in motor order.
        gripper_opening: [2] left, right; 1 = open, 0 = closed.
    """

    stamp_ns: int
    joint_position_rad: FloatArray
    joint_velocity_rad_s: FloatArray
    kp_nm_rad: FloatArray
    kd_nm_s_rad: FloatArray
    torque_nm: FloatArray
    gripper_opening: FloatArray

    def __post_init__(self) -> None:
        """Check shapes and make the arrays read-only copies."""
        for name in ("joint_position_rad", "joint_velocity_rad_s", "kp_nm_rad", "kd_nm_s_rad", "torque_nm"):
            object.__setattr__(self, name, frozen(getattr(self, name), (JOINTS,), name))
        object.__setattr__(self, "gripper_opening", frozen(self.gripper_opening, (2,), "gripper_opening"))


@dataclass(frozen=True, slots=True, eq=False)
class CameraFrame:
    """One image from a camera.

    Attributes:
        stamp_ns: instant of its capture.
        image: [height, width, 3] uint8 RGB.
    """

    stamp_ns: int
    image: ByteArray

    def __post_init__(self) -> None:
        """Check shape and type, and make the image a read-only copy."""
        # Converting an image of floats from 0 to 1 would make it black.
        if (dtype := np.asarray(self.image).dtype) != np.uint8:
            raise MismatchError(f"image must be uint8 RGB, got {dtype}.")
        object.__setattr__(self, "image", frozen(self.image, (None, None, 3), "image", np.uint8))


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What a reference source sees at one step of the 30 Hz grid.

    Attributes:
        stamp_ns: instant of the step.
        state: [34] measured, see `hlm.core.layout`.
        frames: newest image by camera name; a camera that does not deliver is absent, never black.
        instruction: the task in words.
    """

    stamp_ns: int
    state: FloatArray
    frames: Mapping[str, CameraFrame]
    instruction: str

    def __post_init__(self) -> None:
        """Check the state and make it a read-only copy; copy the mapping of frames."""
        object.__setattr__(self, "state", frozen(self.state, (DIMENSIONS,), "state"))
        object.__setattr__(self, "frames", dict(self.frames))


@dataclass(frozen=True, slots=True, eq=False)
class ActionChunk:
    """A sequence of references on an even time grid, starting now.

    Attributes:
        stamp_ns: due time of the first action.
        rate_hz: actions per second, > 0.
        actions: [time > 0, 34] absolute references.
    """

    stamp_ns: int
    rate_hz: float
    actions: FloatArray

    def __post_init__(self) -> None:
        """Check shape and rate, and make the array a read-only copy."""
        object.__setattr__(self, "actions", frozen(self.actions, (None, DIMENSIONS), "actions"))
        if not len(self.actions) or not self.rate_hz > 0.0:
            raise MismatchError(
                f"a chunk needs actions and a positive rate, got {len(self.actions)} actions at {self.rate_hz} Hz."
            )

    def at(self, instant_ns: int) -> FloatArray:
        """[34] action due at `instant_ns`, interpolated linearly; the first and the last action are held outside."""
        position = (instant_ns - self.stamp_ns) * 1e-9 * self.rate_hz
        position = min(max(position, 0.0), len(self.actions) - 1.0)
        low = min(int(position), max(len(self.actions) - 2, 0))
        high = min(low + 1, len(self.actions) - 1)
        weight = position - low
        return (1.0 - weight) * self.actions[low] + weight * self.actions[high]
