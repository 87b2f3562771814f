"""What is set on the page: handles, sliders, gripper buttons; and the command of the body that it amounts to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.inverse_kinematics import PoseTarget
from hlm.core.arrays import FloatArray, frozen
from hlm.core.rotations import matrix_from_quat, quat_from_matrix, quat_from_roll_pitch_yaw, roll_pitch_yaw_from_quat
from hlm.teleop.page.part_poses import Part, PartPose

# What the body follows; what is set beyond it would only be held back there.
_BODY = CommandedBodyConfig()
_FASTEST = np.array([_BODY.max_ahead_m_s, _BODY.max_sideways_m_s, _BODY.max_turn_rad_s])
_WAIST_RAD = np.array(_BODY.max_waist_rad)
FAR_M = 0.05
"""From here on a person should see that a part is not where it was put."""
_REACH_M = 1.5
# Keys move a handle no farther from its part: presses would add up where no hand follows, and take as long to undo.
_KEYS_LEAD_M = 0.3


class Slider(StrEnum):
    """Numbers that are set by sliders."""

    HEIGHT = "pelvis_height_m"
    ROLL = "pelvis_roll_rad"
    PITCH = "pelvis_pitch_rad"
    WAIST_YAW = "waist_yaw_rad"
    WAIST_ROLL = "waist_roll_rad"
    WAIST_PITCH = "waist_pitch_rad"
    LEFT_GRIPPER = "left_gripper"
    RIGHT_GRIPPER = "right_gripper"


_WAIST_SLIDERS = (Slider.WAIST_YAW, Slider.WAIST_ROLL, Slider.WAIST_PITCH)
_GRIPPER_SLIDERS = (Slider.LEFT_GRIPPER, Slider.RIGHT_GRIPPER)
_TARGETS = {
    Part.LEFT_HAND: ("grips", 0),
    Part.RIGHT_HAND: ("grips", 1),
    Part.LEFT_FOOT: ("soles", 0),
    Part.RIGHT_FOOT: ("soles", 1),
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Controls:
    """A value: what is touched gives another one. What was not touched leaves its part free.

    Attributes:
        grips: where the handles of the hands were put, in the stance frame.
        soles: the same of the feet.
        pelvis_height_m: None stands upright.
        pelvis_roll_rad: lean to the right.
        pelvis_pitch_rad: lean ahead.
        waist_rad: [3] yaw, roll and pitch; None leaves the waist to the hands.
        gripper_opening: [2] left, right; 1 = open.
    """

    grips: tuple[PoseTarget | None, PoseTarget | None] = (None, None)
    soles: tuple[PoseTarget | None, PoseTarget | None] = (None, None)
    pelvis_height_m: float | None = None
    pelvis_roll_rad: float = 0.0
    pelvis_pitch_rad: float = 0.0
    waist_rad: FloatArray | None = None
    gripper_opening: FloatArray = field(default_factory=lambda: np.ones(2))

    def __post_init__(self) -> None:
        """Make the arrays read-only copies."""
        object.__setattr__(self, "gripper_opening", frozen(self.gripper_opening, (2,), "gripper_opening"))
        if self.waist_rad is not None:
            object.__setattr__(self, "waist_rad", frozen(self.waist_rad, (3,), "waist_rad"))

    def target(self, part: Part) -> PoseTarget | None:
        """Where a hand or foot was put; None while it is free, and for pelvis and torso."""
        if part not in _TARGETS:
            return None
        name, side = _TARGETS[part]
        target: PoseTarget | None = getattr(self, name)[side]
        return target

    def handle(self, part: Part, there: PartPose) -> PartPose:
        """Where a handle is: where it was put, or else with its part.

        Args:
            part: whose handle it is.
            there: where the robot is wanted to have the part, in the stance frame.
        """
        if part is Part.PELVIS and self.holds(part):
            yaw = roll_pitch_yaw_from_quat(there.quat_wxyz)[2]
            lean = quat_from_roll_pitch_yaw(np.array([self.pelvis_roll_rad, self.pelvis_pitch_rad, yaw]))
            height_m = there.position_m[2] if self.pelvis_height_m is None else self.pelvis_height_m
            return PartPose(np.array([*there.position_m[:2], height_m]), lean)
        target = self.target(part)
        if target is None:
            return there
        quat = target.quat_world_from_frame_wxyz
        return PartPose(target.position_in_world_m, there.quat_wxyz if quat is None else quat)

    def holds(self, part: Part) -> bool:
        """Whether a part was put somewhere."""
        if part is Part.PELVIS:
            return self.pelvis_height_m is not None or self.pelvis_roll_rad != 0.0 or self.pelvis_pitch_rad != 0.0
        if part is Part.TORSO:
            return self.waist_rad is not None
        return self.target(part) is not None


def unreached_m(controls: Controls, parts: dict[Part, PartPose]) -> dict[Part, float]:
    """How far the parts that were put somewhere are from there.

    Args:
        controls: what is set.
        parts: where the robot is wanted to have them, in the stance frame.
    """
    return {
        part: float(np.linalg.norm(controls.handle(part, there).position_m - there.position_m))
        for part, there in parts.items()
        if controls.holds(part)
    }


def dragged(controls: Controls, part: Part, handle: PartPose, pelvis: PartPose) -> Controls:
    """The controls after a handle was dragged.

    Args:
        controls: before.
        part: whose handle it is.
        handle: its pose in the stance frame.
        pelvis: pose of the pelvis that the robot is wanted to have, which a torso's turn is counted from.
    """
    if part is Part.PELVIS:
        roll, pitch, _ = roll_pitch_yaw_from_quat(handle.quat_wxyz)
        return replace(
            controls,
            pelvis_height_m=float(np.clip(handle.position_m[2], *_BODY.standing.height_m)),
            pelvis_roll_rad=float(np.clip(roll, *_BODY.standing.roll_rad)),
            pelvis_pitch_rad=float(np.clip(pitch, *_BODY.standing.pitch_rad)),
        )
    if part is Part.TORSO:
        waist_rad = waist_from_poses(pelvis.quat_wxyz, handle.quat_wxyz)
        return replace(controls, waist_rad=np.clip(waist_rad, -_WAIST_RAD, _WAIST_RAD))
    target = PoseTarget(
        position_in_world_m=np.clip(handle.position_m, -_REACH_M, _REACH_M),
        quat_world_from_frame_wxyz=handle.quat_wxyz / np.linalg.norm(handle.quat_wxyz),
    )
    return _with_target(controls, part, target)


def nudged(controls: Controls, part: Part, there: PartPose, move_m: FloatArray, turn_rad: FloatArray) -> Controls:
    """The controls after a part was moved a little by keys; a handle that is far from its part comes no farther.

    Args:
        controls: before.
        part: to move.
        there: where the robot is wanted to have the part, in the stance frame.
        move_m: [3] of its handle along the axes of the stance frame.
        turn_rad: [3] roll, pitch and yaw about them.
    """
    at = controls.handle(part, there)
    turn = matrix_from_quat(quat_from_roll_pitch_yaw(turn_rad))
    position_m: FloatArray = at.position_m + move_m
    far_m, before_m = (float(np.linalg.norm(place - there.position_m)) for place in (position_m, at.position_m))
    if far_m > max(_KEYS_LEAD_M, before_m):
        position_m = at.position_m
    moved = PartPose(position_m, quat_from_matrix(turn @ matrix_from_quat(at.quat_wxyz)))
    if part is not Part.TORSO:
        return dragged(controls, part, moved, at)
    waist_rad = (np.zeros(3) if controls.waist_rad is None else controls.waist_rad) + turn_rad[[2, 0, 1]]
    return replace(controls, waist_rad=np.clip(waist_rad, -_WAIST_RAD, _WAIST_RAD))


def freed(controls: Controls, part: Part) -> Controls:
    """The controls with a part left to the body again."""
    if part is Part.PELVIS:
        return replace(controls, pelvis_height_m=None, pelvis_roll_rad=0.0, pelvis_pitch_rad=0.0)
    if part is Part.TORSO:
        return replace(controls, waist_rad=None)
    return _with_target(controls, part, None)


def slid(controls: Controls, slider: Slider, value: float) -> Controls:
    """The controls after a slider, or a gripper's button, was set."""
    if slider is Slider.HEIGHT:
        return replace(controls, pelvis_height_m=float(np.clip(value, *_BODY.standing.height_m)))
    if slider in _WAIST_SLIDERS:
        waist_rad = np.zeros(3) if controls.waist_rad is None else np.array(controls.waist_rad)
        waist_rad[_WAIST_SLIDERS.index(slider)] = value
        return replace(controls, waist_rad=np.clip(waist_rad, -_WAIST_RAD, _WAIST_RAD))
    if slider in _GRIPPER_SLIDERS:
        opening = np.array(controls.gripper_opening)
        opening[_GRIPPER_SLIDERS.index(slider)] = np.clip(value, 0.0, 1.0)
        return replace(controls, gripper_opening=opening)
    if slider is Slider.ROLL:
        return replace(controls, pelvis_roll_rad=float(np.clip(value, *_BODY.standing.roll_rad)))
    return replace(controls, pelvis_pitch_rad=float(np.clip(value, *_BODY.standing.pitch_rad)))


def body_command(controls: Controls, stick: FloatArray, walk: FloatArray | None = None) -> BodyCommand:
    """The command of the body.

    Args:
        controls: what is set.
        stick: [3] ahead, to the left, turning to the left; -1 to 1.
        walk: [3] velocities by another stick, m/s and rad/s, which are added.
    """
    wanted = _FASTEST * np.clip(stick, -1.0, 1.0) + (np.zeros(3) if walk is None else walk)
    ahead, left, turn = np.clip(wanted, -_FASTEST, _FASTEST)
    return BodyCommand(
        velocity_m_s=np.array([ahead, left]),
        turn_rate_rad_s=float(turn),
        pelvis_height_m=controls.pelvis_height_m,
        pelvis_roll_rad=controls.pelvis_roll_rad,
        pelvis_pitch_rad=controls.pelvis_pitch_rad,
        waist_rad=controls.waist_rad,
        grips=controls.grips,
        soles=controls.soles,
        gripper_opening=controls.gripper_opening,
    )


def controls_of(command: BodyCommand) -> Controls:
    """The controls that amount to a command, its walk apart."""
    return Controls(
        grips=command.grips,
        soles=command.soles,
        pelvis_height_m=command.pelvis_height_m,
        pelvis_roll_rad=command.pelvis_roll_rad,
        pelvis_pitch_rad=command.pelvis_pitch_rad,
        waist_rad=command.waist_rad,
        gripper_opening=command.gripper_opening,
    )


def waist_from_poses(quat_stance_from_pelvis_wxyz: FloatArray, quat_stance_from_torso_wxyz: FloatArray) -> FloatArray:
    """[3] yaw, roll and pitch, rad, of a waist that turns in this order, between two orientations."""
    pelvis, torso = matrix_from_quat(quat_stance_from_pelvis_wxyz), matrix_from_quat(quat_stance_from_torso_wxyz)
    turn = pelvis.T @ torso
    yaw, roll = np.arctan2(-turn[0, 1], turn[1, 1]), np.arcsin(np.clip(turn[2, 1], -1.0, 1.0))
    return np.array([yaw, roll, np.arctan2(-turn[2, 0], turn[2, 2])])


def _with_target(controls: Controls, part: Part, target: PoseTarget | None) -> Controls:
    name, side = _TARGETS[part]
    left, right = controls.grips if name == "grips" else controls.soles
    pair = (target, right) if side == 0 else (left, target)
    return replace(controls, grips=pair) if name == "grips" else replace(controls, soles=pair)
