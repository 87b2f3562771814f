"""References that went through an interface: what it says arrives, what it cannot say is gone."""

from dataclasses import replace

import numpy as np
import pytest
from fakes import ListSource

from hlm.control.inverse_kinematics import BodyTargets, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import UnknownNameError
from hlm.core.layout import GRIPPERS, LEFT_LEG, MOTOR_ARMS, MOTOR_WAIST, ROOT_PITCH, pack, unpack
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import Observation
from hlm.teleop.interfaces.decoupled import UPRIGHT, DecoupledBody, decoupled_command, decoupled_vector
from hlm.teleop.interfaces.interfaced_source import interfaced
from hlm.teleop.interfaces.odometry import ReferenceOdometry
from hlm.teleop.interfaces.three_point import ThreePointBody, three_point_vector

LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
MODEL = BodyModel(UNITREE_G1)
STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))
STEPS = 75
STILL = np.zeros(3)


def squat_reach(share):
    """[34] a squat with a lean of the pelvis ahead, the right hand held out; `share` of the way there."""
    soles = [
        PoseTarget(position_in_world_m=np.array([0.0, y, 0.0]), quat_world_from_frame_wxyz=LEVEL)
        for y in (0.118, -0.118)
    ]
    hand_m = np.array([0.25 + 0.1 * share, -0.2, 0.85 - 0.3 * share])
    targets = BodyTargets(
        soles=tuple(soles),
        grips=(None, PoseTarget(position_in_world_m=hand_m, quat_world_from_frame_wxyz=LEVEL)),
        pelvis_height_m=0.74 - 0.14 * share,
        quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([0.0, 0.3 * share, 0.0])),
        com_position_in_world_m=np.zeros(2),
    )
    found = WholeBodyIK(MODEL).solve(targets, Configuration.standing(UNITREE_G1), 60)
    return pack(found.joint_position_rad, np.array([1.0, 0.4]), np.array([0.0, 0.3 * share, 0.0]))


@pytest.fixture(scope="module")
def reach():
    """[time, 34] down into the squat in a second, and two seconds there."""
    goal = squat_reach(1.0)
    shares = np.clip(np.arange(STEPS) / 30.0, 0.0, 1.0)[:, None]
    return squat_reach(0.0) + shares * (goal - squat_reach(0.0))


def through(name, vectors):
    """[time, 34] references that come out."""
    source = interfaced(ListSource(vectors), name, UNITREE_G1)
    seen = [Observation(round(step * 1e9 / 30), vectors[0], {}, "reach") for step in range(len(vectors) + 1)]
    source.reset(seen[0])
    references = [source.reference(one) for one in seen]
    assert references[-1] is None
    return np.array([reference.vector for reference in references[:-1]])


def motion_of(vector):
    return ReferenceOdometry(MODEL).start(vector)


def hand_m(vector, side="right"):
    """[3] position of a hand in the stance frame."""
    motion = motion_of(vector)
    return (np.linalg.inv(motion.pose_world_from_stance) @ MODEL.pose_world_from(f"{side}_grip", motion.configuration))[
        :3, 3
    ]


def test_the_whole_body_interface_is_the_identity(reach):
    np.testing.assert_array_equal(through("joints", reach), reach)


@pytest.mark.parametrize("name", ["decoupled", "three_point"])
def test_hands_arrive_where_they_were_wanted(name, reach):
    last = through(name, reach)[-1]
    np.testing.assert_allclose(hand_m(last), hand_m(reach[-1]), atol=0.005)
    np.testing.assert_allclose(last[list(GRIPPERS)], [1.0, 0.4], atol=1e-6)


def test_legs_and_lean_are_lost_in_the_decoupled_interface(reach):
    last = through("decoupled", reach)[-1]
    assert reach[-1][ROOT_PITCH] == pytest.approx(0.3)
    assert abs(last[ROOT_PITCH]) < 0.02
    assert np.abs(last[LEFT_LEG] - reach[-1][LEFT_LEG]).max() > 0.1
    height_m = motion_of(last).configuration.position_pelvis_in_world_m[2]
    assert height_m == pytest.approx(motion_of(reach[-1]).configuration.position_pelvis_in_world_m[2], abs=0.01)


def test_a_foot_that_is_lifted_stays_on_the_floor(reach):
    lifted = np.tile(STANDING, (STEPS, 1))
    lifted[30:, 16] -= 0.5
    lifted[30:, 19] += 1.0
    for name in ("decoupled", "three_point"):
        motion = motion_of(through(name, lifted)[-1])
        soles_m = [MODEL.pose_world_from(f"{side}_sole", motion.configuration)[2, 3] for side in ("left", "right")]
        np.testing.assert_allclose(soles_m, 0.0, atol=0.01)


def test_references_are_not_changed(reach):
    before = reach.copy()
    through("decoupled", reach)
    np.testing.assert_array_equal(reach, before)


def test_a_decoupled_vector_round_trips(reach):
    ik = WholeBodyIK(MODEL, UPRIGHT)
    vector = decoupled_vector(motion_of(reach[-1]), STILL, ik)
    body = DecoupledBody(UNITREE_G1)
    body.reset(motion_of(reach[0]).configuration)
    for _ in range(60):
        configuration = body.moved(vector, 1.0 / 30.0)
    joints_rad = configuration.joint_position_rad
    np.testing.assert_array_equal([*joints_rad[MOTOR_ARMS], *joints_rad[MOTOR_WAIST]], vector[:17])
    again = decoupled_vector(motion_of(pack(joints_rad, vector[21:], np.zeros(3))), STILL, ik)
    np.testing.assert_allclose(again, vector, atol=0.02)


def test_a_three_point_vector_round_trips(reach):
    vector = three_point_vector(motion_of(reach[-1]), STILL, MODEL)
    body = ThreePointBody(UNITREE_G1)
    body.reset(motion_of(reach[0]).configuration)
    for _ in range(90):
        configuration = body.moved(vector, 1.0 / 30.0)
    moved = replace(motion_of(reach[-1]), configuration=configuration, stance=body.stance)
    again = three_point_vector(moved, STILL, MODEL)
    np.testing.assert_allclose(again[7:21], vector[7:21], atol=0.02)  # hands
    assert again[2] == pytest.approx(vector[2], abs=0.02)  # height of the head
    np.testing.assert_allclose(again[3:7], vector[3:7], atol=0.08)  # hands turn the waist: up to 0.16 rad


def test_a_decoupled_vector_is_a_command_of_the_decoupled_tracker(reach):
    vector = decoupled_vector(motion_of(reach[-1]), STILL, WholeBodyIK(MODEL, UPRIGHT))
    command = decoupled_command(vector, 7)
    np.testing.assert_array_equal(command.arm_rad, vector[:14])
    np.testing.assert_array_equal(command.waist_rad, vector[14:17])
    assert (command.stamp_ns, command.pelvis_height_m) == (7, vector[20])
    vector[17:20] = [0.9, 0.0, -2.0]
    walking = decoupled_command(vector, 7)
    np.testing.assert_array_equal(walking.walk, [0.5, 0.0, -0.7])
    assert walking.pelvis_height_m is None


def test_an_interface_that_does_not_exist_is_named():
    with pytest.raises(UnknownNameError, match=r"no interface 'three_pont'. Known: .* Did you mean 'three_point'"):
        interfaced(ListSource(STANDING[None]), "three_pont", UNITREE_G1)


def test_joints_and_grippers_of_the_source_are_in_the_decoupled_vector():
    vector = decoupled_vector(motion_of(STANDING), np.array([0.1, 0.2, 0.3]), WholeBodyIK(MODEL, UPRIGHT))
    body = unpack(STANDING)
    np.testing.assert_allclose(vector[:14], body.joint_position_rad[MOTOR_ARMS], atol=0.02)
    np.testing.assert_array_equal(vector[17:20], [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(vector[21:], body.gripper_opening)
