"""From a pose that was held in mid-stride to one that stands on both feet."""

from __future__ import annotations

import numpy as np

from hlm.control.commanded_body.start import standing_configuration
from hlm.control.inverse_kinematics import BodyTargets, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.control.walking_pattern import middle
from hlm.core.arrays import FloatArray
from hlm.core.layout import pack, unpack
from hlm.core.rotations import (
    planar_from_pose,
    pose_from_planar,
    quat_from_yaw,
    roll_pitch_yaw_from_quat,
)
from hlm.teleop.blend import Blend, at_rest
from hlm.teleop.stance_approach import reachable_stance

# Feet whose heights differ by less stand: retargeting keeps those of a person who stands within millimetres.
STANDS_M = 0.01
_ITERATIONS = 60


class Landing:
    """Puts a raised foot down below where it is, with arms and lean as they were; feet that stand stay.

    Args:
        model: the robot.
        held: [34] the reference that was given last.
        now_ns: the instant.
    """

    def __init__(self, model: BodyModel, held: FloatArray, now_ns: int) -> None:
        self._landed = landed(model, held)
        self._blend = Blend(held, self._landed, now_ns)

    def done(self, now_ns: int) -> bool:
        """Whether both feet stand."""
        return self._blend.done(now_ns)

    def at(self, now_ns: int) -> FloatArray:
        """[34] reference at `now_ns`."""
        return self._blend.at(now_ns, self._landed)


def landed(model: BodyModel, held: FloatArray) -> FloatArray:
    """[34] the pose of a reference, at rest and on both feet."""
    start = standing_configuration(model, held)
    soles = np.array([model.pose_world_from(f"{side}_sole", start) for side in ("left", "right")])
    if abs(soles[0, 2, 3] - soles[1, 2, 3]) < STANDS_M:
        return at_rest(held)
    targets = _targets(soles, start, model.com_position_in_world_m(start)[:2])
    joints_rad = WholeBodyIK(model).solve(targets, start, _ITERATIONS)
    roll, pitch, _ = roll_pitch_yaw_from_quat(joints_rad.quat_world_from_pelvis_wxyz)
    return pack(joints_rad.joint_position_rad, unpack(held).gripper_opening, np.array([roll, pitch, 0.0]))


def _targets(soles: FloatArray, start: Configuration, com_m: FloatArray) -> BodyTargets:
    """Both soles on the floor of the lower one, which stays, and the mass between them, as near as may be."""
    stands = int(np.argmin(soles[:, 2, 3]))
    floor_m = soles[stands, 2, 3]
    planar = np.array([planar_from_pose(sole) for sole in soles])
    goals = reachable_stance(planar, middle(planar))
    onto_standing = pose_from_planar(planar[stands]) @ np.linalg.inv(pose_from_planar(goals[stands]))
    goals = np.array([planar_from_pose(onto_standing @ pose_from_planar(goal)) for goal in goals])
    left, right = (
        PoseTarget(position_in_world_m=np.array([x, y, floor_m]), quat_world_from_frame_wxyz=quat_from_yaw(float(yaw)))
        for x, y, yaw in goals
    )
    apart_m = goals[1, :2] - goals[0, :2]
    share = np.clip((com_m - goals[0, :2]) @ apart_m / (apart_m @ apart_m), 0.0, 1.0)
    return BodyTargets(
        soles=(left, right),
        pelvis_height_m=float(start.position_pelvis_in_world_m[2]),
        quat_world_from_pelvis_wxyz=start.quat_world_from_pelvis_wxyz,
        com_position_in_world_m=goals[0, :2] + share * apart_m,
        joint_position_rad=start.joint_position_rad,
    )
