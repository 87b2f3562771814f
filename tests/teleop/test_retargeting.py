"""A list of poses as the operator, retargeted to the robot."""

from dataclasses import replace

import numpy as np
import pytest

from hlm.control.inverse_kinematics import BodyTargets, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.control.operator import OperatorPose
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import ROOT_YAW_RATE, unpack
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import Observation
from hlm.teleop.retargeting import RetargetedSource

LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
MODEL = BodyModel(UNITREE_G1)


def feet():
    return tuple(
        PoseTarget(position_in_world_m=np.array([0.0, y, 0.0]), quat_world_from_frame_wxyz=LEVEL)
        for y in (0.118, -0.118)
    )


TARGETS = BodyTargets(
    soles=feet(), pelvis_height_m=0.74, quat_world_from_pelvis_wxyz=LEVEL, com_position_in_world_m=np.zeros(2)
)


@pytest.fixture(scope="module")
def standing():
    return WholeBodyIK(MODEL).solve(TARGETS, Configuration.standing(UNITREE_G1), 60)


class Script:
    """Plays a list of targets with a half closed right hand; implements `hlm.control.operator.Operator`."""

    def __init__(self, start, targets):
        self.start, self.targets, self.step = start, targets, 0

    def reset(self):
        self.step = 0
        return self.start

    def pose(self):
        if self.step == len(self.targets):
            return None
        self.step += 1
        return OperatorPose(self.targets[self.step - 1], np.array([1.0, 0.5]))


def source_of(start, targets):
    return RetargetedSource(Script(start, targets), UNITREE_G1)


def observation(step):
    return Observation(round(step * 1e9 / 30), np.zeros(34), {}, "wave")


def references(source):
    source.reset(observation(0))
    found = []
    while (reference := source.reference(observation(len(found)))) is not None:
        found.append(reference)
    return found


def test_an_operator_in_the_pose_of_the_robot_gives_that_pose(standing):
    played = references(source_of(standing, [TARGETS] * 3))
    assert [reference.stamp_ns for reference in played] == [0, 33_333_333, 66_666_667]
    for reference in played:
        body = unpack(reference.vector)
        np.testing.assert_allclose(body.joint_position_rad, standing.joint_position_rad, atol=0.02)
        np.testing.assert_allclose(body.root, np.zeros(3), atol=0.01)
        assert body.gripper_opening.tolist() == [1.0, 0.5]


def test_the_hand_follows_the_operator_and_the_feet_stay(standing):
    wanted_m = np.array([0.25, -0.2, 0.85])
    hand = PoseTarget(position_in_world_m=wanted_m, quat_world_from_frame_wxyz=LEVEL)
    played = references(source_of(standing, [replace(TARGETS, grips=(None, hand))] * 20))
    joints = unpack(played[-1].vector).joint_position_rad
    body = replace(standing, joint_position_rad=joints)
    pose_world_from_sole = MODEL.pose_world_from("right_sole", body)
    pose_sole_from_grip = np.linalg.inv(pose_world_from_sole) @ MODEL.pose_world_from("right_grip", body)
    np.testing.assert_allclose(pose_sole_from_grip[:3, 3], wanted_m - [0.0, -0.118, 0.0], atol=0.01)
    pose_sole_from_other = np.linalg.inv(pose_world_from_sole) @ MODEL.pose_world_from("left_sole", body)
    np.testing.assert_allclose(pose_sole_from_other[:3, 3], [0.0, 0.236, 0.0], atol=5e-3)


def test_references_stay_within_the_joint_limits(standing):
    far = PoseTarget(position_in_world_m=np.array([1.5, -1.0, 2.0]))
    for reference in references(source_of(standing, [replace(TARGETS, grips=(None, far))] * 10)):
        joints = unpack(reference.vector).joint_position_rad
        assert (joints >= UNITREE_G1.lower_rad - 1e-9).all()
        assert (joints <= UNITREE_G1.upper_rad + 1e-9).all()


def test_a_turning_pelvis_gives_a_yaw_rate_and_a_leaning_one_a_pitch(standing):
    rate_rad_s, lean_rad = 0.4, 0.15
    angles = [np.array([0.0, lean_rad, rate_rad_s * step / 30]) for step in range(30)]
    turning = [replace(TARGETS, quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(angle)) for angle in angles]
    played = references(source_of(standing, turning))
    assert played[0].vector[ROOT_YAW_RATE] == 0.0
    assert played[-1].vector[ROOT_YAW_RATE] == pytest.approx(rate_rad_s, abs=0.1)
    assert unpack(played[-1].vector).root[1] == pytest.approx(lean_rad, abs=0.03)


def test_a_reset_clears_the_last_episode(standing):
    turned = quat_from_roll_pitch_yaw(np.array([0.0, 0.1, 0.3]))
    source = RetargetedSource(
        Script(standing, [TARGETS, replace(TARGETS, quat_world_from_pelvis_wxyz=turned)]), UNITREE_G1
    )
    for one, again in zip(references(source), references(source), strict=True):
        np.testing.assert_array_equal(one.vector, again.vector)
