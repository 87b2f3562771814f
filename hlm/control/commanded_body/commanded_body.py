"""Sparse commands become targets of hands, feet, pelvis and centre of mass, with footsteps planned as it goes."""

from __future__ import annotations

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.arms import Arms, beside_body, within_reach
from hlm.control.commanded_body.config import CommandedBodyConfig, PelvisLimits
from hlm.control.commanded_body.following import Moving, followed
from hlm.control.commanded_body.hand import Hand
from hlm.control.commanded_body.legs import Legs
from hlm.control.commanded_body.velocity import walking_velocity
from hlm.control.inverse_kinematics import BodyTargets, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration, rotation_from_quat
from hlm.control.operator import OperatorPose
from hlm.control.self_distance import SelfDistance
from hlm.control.walking_pattern import WalkingPose, middle
from hlm.control.walls import Walls
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.layout import MOTOR_ARMS, MOTOR_ORDER, MOTOR_WAIST
from hlm.core.rotations import (
    planar_from_pose,
    pose_from_planar,
    quat_from_matrix,
    quat_from_roll_pitch_yaw,
    quat_from_yaw,
    roll_pitch_yaw_from_quat,
)

_SIDES = ("left", "right")
_SHOULDER_ROLLS = tuple(MOTOR_ORDER.index(f"{side}_shoulder_roll") for side in _SIDES)
_HEIGHT, _ROLL, _PITCH = 0, 1, 2
_LATERAL = 1
# Parts of the body that are so near each other may touch at the next step.
_NEAR_M = 0.03
# How far outside of its walking range a pelvis may be when a foot leaves the floor.
_ALMOST = np.array([0.02, 0.03, 0.03])


class CommandedBody:
    """Turns a stream of `BodyCommand` into a stream of `OperatorPose` that a robot can follow.

    Whatever is commanded is brought inside the config's limits and followed smoothly: a slider that jumps, or a device
    with few samples per second, gives no jerk.

    Args:
        embodiment: the robot.
        config: limits and paces; the defaults when None.
    """

    def __init__(self, embodiment: Embodiment, config: CommandedBodyConfig | None = None) -> None:
        self._config = CommandedBodyConfig() if config is None else config
        self._model = BodyModel(embodiment)
        self._ik = WholeBodyIK(self._model, self._config.ik)
        self._posture_rad = embodiment.pose_rad(self._config.posture)
        self._distance = SelfDistance(self._model)
        self._arms = Arms(self._model, self._posture_rad)
        self.reset(Configuration.standing(embodiment))

    def reset(self, configuration: Configuration, gripper_opening: FloatArray | None = None) -> None:
        """Start at rest.

        Args:
            configuration: in the operator's world, with both feet on the floor.
            gripper_opening: [2] left, right; open when None.
        """
        poses = [self._model.pose_world_from(f"{side}_sole", configuration) for side in _SIDES]
        self._floor_m = float(np.mean([pose[2, 3] for pose in poses]))
        soles = np.array([planar_from_pose(pose) for pose in poses])
        self._legs = Legs(soles, self._model.com_position_in_world_m(configuration)[:2], self._config)
        roll, pitch, _ = roll_pitch_yaw_from_quat(configuration.quat_world_from_pelvis_wxyz)
        height_m = float(configuration.position_pelvis_in_world_m[2]) - self._floor_m
        self._height = Moving.at_rest(np.array([height_m]))
        self._lean = Moving.at_rest(np.array([roll, pitch]))
        self._waist = Moving.at_rest(configuration.joint_position_rad[MOTOR_WAIST])
        self._opening = Moving.at_rest(np.ones(2) if gripper_opening is None else np.array(gripper_opening))
        self._likely = configuration
        self._limits = self._config.standing
        grips = np.linalg.inv(self.pose_world_from_stance) @ self._arms.grips(configuration)
        self._hands = tuple(Hand(pose, self._config) for pose in grips)

    @property
    def walking(self) -> bool:
        """Whether it takes steps, or comes to rest from them."""
        return self._legs.walking

    @property
    def pose_world_from_stance(self) -> FloatArray:
        """[4, 4] stance frame in the operator's world: on the floor midway between the feet, x ahead."""
        pose = pose_from_planar(self._legs.stance)
        pose[2, 3] = self._floor_m
        return pose

    @property
    def likely_configuration(self) -> Configuration:
        """The robot's configuration of the last pose, in the operator's world."""
        return self._likely

    def pose(self, command: BodyCommand, dt_s: float) -> OperatorPose:
        """Targets of the body `dt_s` after the last ones.

        Args:
            command: what is asked now.
            dt_s: time since the last call, > 0.

        Raises:
            InputError: time does not go on.
        """
        if not dt_s > 0.0:
            raise InputError(f"dt_s must be positive, got {dt_s}.")
        velocity = walking_velocity(command, self._config)
        self._move_pelvis(command, velocity, dt_s)
        in_world = pose_from_planar(self._legs.stance)
        soles = [None if target is None else _moved(in_world, target) for target in command.soles]
        feet = self._legs.advance(velocity, (soles[0], soles[1]), dt_s, upright=self._upright())
        self._waist = followed(self._waist, self._wanted_waist(command), self._config.waist, dt_s)
        opening = np.clip(command.gripper_opening, 0.0, 1.0)
        self._opening = followed(self._opening, opening, self._config.gripper, dt_s)
        targets = self._targets(feet, self._moved_hands(command, dt_s))
        self._likely = self._solved(targets, dt_s)
        return OperatorPose(targets, np.clip(self._opening.value, 0.0, 1.0), self._likely)

    def _solved(self, targets: BodyTargets, dt_s: float) -> Configuration:
        """The configuration that comes nearest to the targets; its arms slide along what they would touch, or stop."""
        least_rad, most_rad = self._range_rad(dt_s)
        before_rad = self._likely.joint_position_rad
        before_m = self._distance.smallest_m(before_rad)
        least_m = min(self._config.self_distance_m, before_m)

        def solved(walls: Walls | None = None) -> tuple[Configuration, float]:
            configuration = self._ik.solve(targets, self._likely, range_rad=(least_rad, most_rad), walls=walls)
            return configuration, self._distance.smallest_m(configuration.joint_position_rad)

        if before_m > _NEAR_M:
            free, apart_m = solved()
            if apart_m >= least_m:
                return free
        slid, slid_m = solved(Walls(self._distance, least_m))
        if slid_m >= least_m:
            return slid
        held_rad = np.clip(before_rad, *self._ik.limits_rad)[MOTOR_ARMS]
        least_rad[MOTOR_ARMS] = most_rad[MOTOR_ARMS] = held_rad
        held, held_m = solved()
        return held if held_m > slid_m else slid

    def _range_rad(self, dt_s: float) -> tuple[FloatArray, FloatArray]:
        """[29] least and [29] largest angles that joints may have, and can have in time, after `dt_s`."""
        least_rad, most_rad = self._ik.limits_rad
        hands_rad = np.array(self._config.hands_waist_rad)
        least_rad[MOTOR_WAIST] = np.maximum(least_rad[MOTOR_WAIST], self._waist.value - hands_rad)
        most_rad[MOTOR_WAIST] = np.minimum(most_rad[MOTOR_WAIST], self._waist.value + hands_rad)
        inwards_rad, outwards_rad = self._config.shoulder_roll_rad
        for joint, side in zip(_SHOULDER_ROLLS, (1.0, -1.0), strict=True):
            ends_rad = sorted((-side * inwards_rad, side * outwards_rad))
            least_rad[joint], most_rad[joint] = max(least_rad[joint], ends_rad[0]), min(most_rad[joint], ends_rad[1])
        reach_rad = dt_s * self._joint_speed_rad_s()
        before_rad = np.clip(self._likely.joint_position_rad, *self._ik.limits_rad)
        low_rad, high_rad = before_rad - reach_rad, before_rad + reach_rad
        return np.clip(least_rad, low_rad, high_rad), np.clip(most_rad, low_rad, high_rad)

    def _joint_speed_rad_s(self) -> FloatArray:
        """[29] how fast joints may move now."""
        config = self._config
        arms_rad_s = config.walking_arm_speed_rad_s if self._busy else config.arm_speed_rad_s
        speed_rad_s = config.leg_speed_share * self._model.embodiment.velocity_rad_s
        speed_rad_s[MOTOR_WAIST], speed_rad_s[MOTOR_ARMS] = config.waist_speed_rad_s, arms_rad_s
        return speed_rad_s

    @property
    def _busy(self) -> bool:
        """Whether legs need a calm upper body."""
        return self._legs.walking or self._legs.on_one_foot

    def _move_pelvis(self, command: BodyCommand, velocity: FloatArray, dt_s: float) -> None:
        """Height and lean, inside of what its legs allow now and for what is asked of them next."""
        config = self._config
        self._limits = self._limits_for(velocity, command)
        height_m = config.upright_m if command.pelvis_height_m is None else command.pelvis_height_m
        low, high = _ends(self._limits)
        high[_HEIGHT] -= config.sideways_drop_s * abs(velocity[_LATERAL])
        wanted = np.clip(np.array([height_m, command.pelvis_roll_rad, command.pelvis_pitch_rad]), low, high)
        self._height = followed(self._height, wanted[[_HEIGHT]], config.height, dt_s)
        self._lean = followed(self._lean, wanted[[_ROLL, _PITCH]], config.lean, dt_s)

    def _limits_for(self, velocity: FloatArray, command: BodyCommand) -> PelvisLimits:
        """Ranges of the pelvis for what the legs do, and for what they are asked to do next."""
        config, legs = self._config, self._legs
        lifts = any(target is not None for target in command.soles)
        if legs.on_one_foot or (lifts and not legs.walking and not velocity.any()):
            return config.one_foot
        return config.walking if legs.walking or velocity.any() else config.standing

    def _upright(self) -> bool:
        """Whether a foot may leave the floor."""
        low, high = _ends(self._limits)
        here = np.array([*self._height.value, *self._lean.value])
        return bool(np.all(here > low - _ALMOST) and np.all(here < high + _ALMOST))

    def _wanted_waist(self, command: BodyCommand) -> FloatArray:
        """[3] yaw, roll and pitch of the waist."""
        if command.waist_rad is None:
            return np.array([0.0, 0.0, self._config.waist_pitch_rad])
        most = np.array(self._config.max_waist_rad)
        return np.clip(command.waist_rad, -most, most)

    def _moved_hands(self, command: BodyCommand, dt_s: float) -> tuple[PoseTarget | None, PoseTarget | None]:
        """Targets of the grips in the operator's world."""
        upright = self._arms.at_rest(self._likely, self._pelvis_quat(self._legs.stance[2]), self._waist.value)
        stance = self.pose_world_from_stance
        into = np.linalg.inv(stance)
        hanging, present = into @ self._arms.grips(upright), into @ self._arms.grips(self._likely)
        shoulders = into @ self._arms.shoulders(upright)
        busy = self._busy
        reach_m = (self._config.walking_reach if busy else self._config.reach) * self._arms.length_m
        grips = []
        for side, hand in enumerate(self._hands):
            wanted = beside_body(command.grips[side], 1.0 - 2.0 * side) if busy else command.grips[side]
            target = within_reach(wanted, shoulders[side, :3, 3], reach_m)
            moved = hand.advance(target, hanging[side], present[side], dt_s, walking=busy)
            grips.append(None if moved is None else _moved(stance, moved))
        return grips[0], grips[1]

    def _pelvis_quat(self, heading_rad: float) -> FloatArray:
        """[4] orientation of the pelvis in the operator's world."""
        return quat_from_roll_pitch_yaw(np.array([*self._lean.value, heading_rad]))

    def _targets(self, feet: WalkingPose, grips: tuple[PoseTarget | None, PoseTarget | None]) -> BodyTargets:
        soles = [
            PoseTarget(
                position_in_world_m=position_m + np.array([0.0, 0.0, self._floor_m]),
                quat_world_from_frame_wxyz=quat_from_yaw(float(yaw_rad)),
            )
            for position_m, yaw_rad in zip(feet.sole_position_m, feet.sole_yaw_rad, strict=True)
        ]
        posture_rad = self._posture_rad.copy()
        posture_rad[MOTOR_WAIST] = self._waist.value
        heading_rad = float(middle(np.column_stack([feet.sole_position_m[:, :2], feet.sole_yaw_rad]))[2])
        return BodyTargets(
            soles=(soles[0], soles[1]),
            grips=grips,
            pelvis_height_m=float(self._height.value[0]) + self._floor_m,
            quat_world_from_pelvis_wxyz=self._pelvis_quat(heading_rad),
            com_position_in_world_m=feet.com_position_m,
            joint_position_rad=posture_rad,
        )


def _ends(limits: PelvisLimits) -> tuple[FloatArray, FloatArray]:
    """[3] least and [3] largest height, roll and pitch."""
    low, high = zip(limits.height_m, limits.roll_rad, limits.pitch_rad, strict=True)
    return np.array(low), np.array(high)


def _moved(pose_world_from_stance: FloatArray, target: PoseTarget) -> PoseTarget:
    """A target of the stance frame in the world."""
    rotation, quat = pose_world_from_stance[:3, :3], target.quat_world_from_frame_wxyz
    turned = None if quat is None else quat_from_matrix(rotation @ rotation_from_quat(quat))
    return PoseTarget(
        position_in_world_m=rotation @ target.position_in_world_m + pose_world_from_stance[:3, 3],
        quat_world_from_frame_wxyz=turned,
    )
