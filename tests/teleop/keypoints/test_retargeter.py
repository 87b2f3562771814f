"""Keypoints of a person to the robot: what goes in as the robot's own pose comes back; what is lost is held."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pinocchio as pin
import pytest

from hlm.control.model import BodyModel, Configuration
from hlm.control.self_distance import SelfDistance
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import MOTOR_ORDER
from hlm.core.rotations import matrix_from_yaw, quat_from_roll_pitch_yaw
from hlm.sim.motions import find_motion
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.keypoints.calibration import Calibration
from hlm.teleop.keypoints.keypoint_ik_config import KeypointIKConfig
from hlm.teleop.keypoints.retargeter import Retargeter
from hlm.teleop.keypoints.rigid import uprighted
from hlm.teleop.keypoints.robot_keypoints import keypoints_of
from hlm.teleop.keypoints.robot_targets import MAX_TILT_RAD

MODEL = BodyModel(UNITREE_G1)
DT_S = 1.0 / 30.0
LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
STRAIGHT = Configuration(
    position_pelvis_in_world_m=np.array([0.0, 0.0, 0.788]),
    quat_world_from_pelvis_wxyz=LEVEL,
    joint_position_rad=np.zeros(29),
)
CONFIG = KeypointIKConfig()
TOO_NEAR_M = 0.01  # half of what is kept


@lru_cache
def calibration(orientations=True):
    frames = [keypoints_of(MODEL, STRAIGHT, round(step * 1e8), orientations=orientations) for step in range(21)]
    return Calibration.from_standing(frames, UNITREE_G1)


@lru_cache
def poses_of(name):
    return find_motion(MODEL, name).poses[:180]


@lru_cache
def frames_of(name, orientations=True):
    poses = poses_of(name)
    return [
        keypoints_of(MODEL, pose, round(step * 1e9 / 30), orientations=orientations) for step, pose in enumerate(poses)
    ]


def followed(frames, orientations=True, dt_s=DT_S):
    retargeter = Retargeter(MODEL, calibration(orientations))
    return [retargeter.retarget(frame, dt_s) for frame in frames], retargeter


def without(frame, *names):
    """The frame without some keypoints."""
    points_m, quats = frame.position_in_world_m.copy(), frame.quat_world_from_keypoint_wxyz.copy()
    lost = [KEYPOINTS.index(name) for name in names]
    points_m[lost], quats[lost] = np.nan, np.nan
    return replace(frame, position_in_world_m=points_m, quat_world_from_keypoint_wxyz=quats)


def moved(frame, place_m, yaw_rad):
    """The frame, turned and carried elsewhere; positions alone."""
    points_m = frame.position_in_world_m @ matrix_from_yaw(yaw_rad).T + np.array([*place_m, 0.0])
    return replace(frame, position_in_world_m=points_m)


def soles_of(configuration):
    return np.array([MODEL.pose_world_from(f"{side}_sole", configuration) for side in ("left", "right")])


def fastest(configurations):
    """[joint] largest speeds between frames, rad/s."""
    joints = np.array([one.joint_position_rad for one in configurations])
    return np.abs(np.diff(joints, axis=0)).max(axis=0) / DT_S


@pytest.mark.parametrize("orientations", [True, False])
@pytest.mark.parametrize("name", ["squat", "reach", "forward_0.2"])
def test_what_the_robot_does_comes_back(name, orientations):
    configurations, retargeter = followed(frames_of(name, orientations), orientations)
    report = retargeter.report
    assert report.median.hand_m < 0.003
    assert report.p99.hand_m < 0.01
    assert report.p99.foot_m < 0.003
    assert report.p99.pelvis_m < 0.03
    assert report.standing_share == 1.0
    assert report.unseen == ()
    assert report.frames == len(configurations)


@pytest.mark.parametrize("name", ["deep", "arms"])
def test_limits_and_distances_are_kept(name):
    configurations, _ = followed(frames_of(name))
    joints = np.array([one.joint_position_rad for one in configurations])
    assert np.all(joints >= UNITREE_G1.lower_rad + CONFIG.limit_margin_rad - 1e-9)
    assert np.all(joints <= UNITREE_G1.upper_rad - CONFIG.limit_margin_rad + 1e-9)
    assert np.all(fastest(configurations) <= CONFIG.joint_speed_share * UNITREE_G1.velocity_rad_s + 1e-6)
    distance = SelfDistance(MODEL, legs=True)
    assert min(distance.smallest_m(one) for one in joints[::5]) > TOO_NEAR_M


def test_hands_in_the_belly_stay_outside():
    frame = frames_of("stand")[0]
    points_m = frame.position_in_world_m.copy()
    for name in ("left_hand", "right_hand", "left_wrist", "right_wrist"):
        points_m[KEYPOINTS.index(name)] = points_m[KEYPOINTS.index("chest")]
    inside = replace(frame, position_in_world_m=points_m)
    retargeter = Retargeter(MODEL, calibration())
    distance = SelfDistance(MODEL, legs=True)
    for step in range(60):
        configuration = retargeter.retarget(frame if step < 5 else inside, DT_S)
        assert distance.smallest_m(configuration.joint_position_rad) > TOO_NEAR_M


# Of a person who stands, and who squats while the arms hang beside the thighs, m; right parts mirror left ones.
SQUAT_M = {
    "pelvis": ((0.0, 0.0, 0.92), (-0.073, 0.0, 0.764)),
    "chest": ((0.0, 0.0, 1.24), (-0.015, 0.0, 1.076)),
    "head": ((0.0, 0.0, 1.54), (0.071, 0.0, 1.363)),
    "hip": ((0.0, 0.09, 0.9), (-0.073, 0.09, 0.744)),
    "knee": ((0.0, 0.09, 0.49), (0.2, 0.09, 0.438)),
    "ankle": ((0.0, 0.09, 0.08), (0.0, 0.09, 0.08)),
    "toe": ((0.14, 0.09, 0.02), (0.14, 0.09, 0.02)),
    "shoulder": ((0.0, 0.18, 1.39), (0.028, 0.18, 1.22)),
    "elbow": ((0.0, 0.18, 1.1), (-0.05, 0.18, 0.94)),
    "wrist": ((0.045, 0.18, 0.844), (-0.073, 0.18, 0.682)),
    "hand": ((0.059, 0.18, 0.765), (-0.08, 0.18, 0.602)),
}


def squatting(share, stamp_ns=0):
    """A frame of positions between standing and squatting."""
    points_m = []
    for name in KEYPOINTS:
        standing_m, squatting_m = np.array(SQUAT_M[name.split("_")[-1]])
        mirrored = [1.0, -1.0 if name.startswith("right") else 1.0, 1.0]
        points_m.append((standing_m + share * (squatting_m - standing_m)) * mirrored)
    frame = keypoints_of(MODEL, STRAIGHT, stamp_ns, orientations=False)
    return replace(frame, position_in_world_m=np.array(points_m))


def test_a_squat_bends_both_knees_and_hands_that_hang_make_room():
    standing = [squatting(0.0, round(step * 1e8)) for step in range(21)]
    retargeter = Retargeter(MODEL, Calibration.from_standing(standing, UNITREE_G1))
    shares = 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, 80))
    configurations = [retargeter.retarget(squatting(share), DT_S) for share in [*shares, *np.ones(20)]]
    knees = [MOTOR_ORDER.index(f"{side}_knee") for side in ("left", "right")]
    knees_rad = np.array([one.joint_position_rad[knees] for one in configurations])
    assert np.abs(knees_rad[:, 0] - knees_rad[:, 1]).max() < 0.2
    assert knees_rad[-1].min() > 1.1
    assert retargeter.report.median.pelvis_m < 0.03
    distance = SelfDistance(MODEL, legs=True)
    assert min(distance.smallest_m(one.joint_position_rad) for one in configurations) > TOO_NEAR_M


def test_standing_feet_are_flat_and_do_not_slide():
    random = np.random.default_rng(1)
    frames = frames_of("lean", orientations=False)
    noisy = [
        replace(frame, position_in_world_m=frame.position_in_world_m + 0.003 * random.normal(size=(len(KEYPOINTS), 3)))
        for frame in frames
    ]
    configurations, _ = followed(noisy, orientations=False)
    soles = np.array([soles_of(one) for one in configurations[15:]])
    assert np.ptp(soles[:, :, :2, 3], axis=0).max() < 0.004
    assert np.abs(soles[:, :, 2, 3]).max() < 0.004
    assert soles[:, :, 2, 2].min() > np.cos(0.02)


def test_feet_of_a_walk_stand_still_between_their_swings():
    configurations, _ = followed(frames_of("forward_0.2"))
    soles_m = np.array([soles_of(one)[:, :3, 3] for one in configurations])
    speed_m_s = np.linalg.norm(np.diff(soles_m[:, :, :2], axis=0), axis=2) / DT_S
    down = (soles_m[1:, :, 2] < 0.002) & (soles_m[:-1, :, 2] < 0.002)
    assert np.median(speed_m_s[down]) < 0.005
    assert soles_m[:, :, 2].min() > -0.004
    assert soles_m[:, :, 2].max() > 0.03


def test_stretched_legs_do_not_jerk():
    """The person rises on straight legs to a height that the robot's do not reach, and comes down again."""
    frame = frames_of("stand", orientations=False)[0]
    upper = [index for index, name in enumerate(KEYPOINTS) if not name.endswith(("knee", "ankle", "toe"))]
    frames = []
    for step in range(90):
        points_m = frame.position_in_world_m.copy()
        points_m[upper, 2] += 0.16 * np.sin(np.pi * step / 90.0)
        frames.append(replace(frame, position_in_world_m=points_m))
    configurations, _ = followed(frames, orientations=False)
    knees = [MOTOR_ORDER.index(f"{side}_knee") for side in ("left", "right")]
    assert min(one.joint_position_rad[knees].min() for one in configurations) >= CONFIG.least_knee_rad - 1e-9
    assert fastest(configurations)[knees].max() < 5.0


def test_place_and_heading_of_the_operator_change_no_joint():
    frames = frames_of("squat", orientations=False)[:60]
    here, _ = followed(frames, orientations=False)
    there, _ = followed([moved(frame, (2.0, -1.0), 2.5) for frame in frames], orientations=False)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(one.joint_position_rad, other.joint_position_rad, atol=2e-3)


def test_a_hand_out_of_sight_stays_and_then_hangs():
    frames = frames_of("reach")
    lost = [without(frame, "left_wrist", "left_hand") for frame in frames[60:61] * 200]
    configurations, retargeter = followed([*frames[:60], *lost])
    grips_m = [MODEL.pose_world_from("left_grip", one)[:3, 3] for one in configurations]
    assert retargeter.report.unseen == ("left arm",)
    assert np.linalg.norm(grips_m[80] - grips_m[62]) < 0.02
    hanging = Configuration.standing(UNITREE_G1)
    arm = [MODEL.pose_world_from(f"left_{name}", hanging)[:3, 3] for name in ("grip", "shoulder_roll")]
    arm_now = [MODEL.pose_world_from(f"left_{name}", configurations[-1])[:3, 3] for name in ("grip", "shoulder_roll")]
    assert np.linalg.norm(arm[0] - arm[1]) == pytest.approx(np.linalg.norm(arm_now[0] - arm_now[1]), abs=0.03)


def test_a_hand_comes_back_softly():
    frames = frames_of("arms")
    gap = [without(frame, "left_wrist", "left_hand", "left_elbow") for frame in frames[40:55]]
    configurations, retargeter = followed([*frames[:40], *gap, *frames[55:]])
    whole, _ = followed(frames)
    assert np.all(fastest(configurations) < fastest(whole).max() + 1.5)
    assert retargeter.report.unseen == ()
    np.testing.assert_allclose(configurations[-1].joint_position_rad, whole[-1].joint_position_rad, atol=0.05)


def test_lost_frames_make_no_jump():
    frames = frames_of("reach")
    retargeter = Retargeter(MODEL, calibration())
    before = [retargeter.retarget(frame, DT_S) for frame in frames[:40]]
    after = [retargeter.retarget(frames[100], 61 * DT_S)]
    after += [retargeter.retarget(frame, DT_S) for frame in frames[101:]]
    steps = np.abs(np.diff([one.joint_position_rad for one in [before[-1], *after]], axis=0))
    assert steps[0].max() < 0.1
    assert np.all(steps <= CONFIG.joint_speed_share * UNITREE_G1.velocity_rad_s * DT_S + 1e-6)
    whole, _ = followed(frames)
    np.testing.assert_allclose(after[-1].joint_position_rad, whole[-1].joint_position_rad, atol=0.05)


def test_nobody_in_sight_keeps_the_robot_up():
    frame = frames_of("stand")[0]
    nobody = without(frame, *KEYPOINTS)
    configurations, retargeter = followed([frame, *[nobody] * 120])
    assert len(retargeter.report.unseen) == 6
    assert all(np.isfinite(one.vector).all() for one in configurations)
    assert configurations[-1].position_pelvis_in_world_m[2] == pytest.approx(0.76, abs=0.04)


def test_nobody_was_ever_in_sight():
    nobody = without(frames_of("stand")[0], *KEYPOINTS)
    configurations, _ = followed([nobody] * 5)
    assert np.isfinite(configurations[-1].vector).all()
    np.testing.assert_allclose(soles_of(configurations[-1])[:, 2, 3], 0.0, atol=0.01)


def lying(frame, height_m):
    """The person on their belly: everything turned about the hips, and lowered."""
    middle_m = frame.position_in_world_m[KEYPOINTS.index("pelvis")]
    turned = (frame.position_in_world_m - middle_m) @ np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    return replace(frame, position_in_world_m=turned + np.array([0.0, 0.0, height_m]))


def test_who_lies_down_is_reported_and_followed_within_limits():
    frame = frames_of("stand", orientations=False)[0]
    configurations, retargeter = followed([frame, *[lying(frame, 0.15)] * 60], orientations=False)
    assert retargeter.report.trouble == "the operator is down on the floor"
    assert retargeter.report.standing_share < 0.1
    joints = np.array([one.joint_position_rad for one in configurations])
    assert np.isfinite(joints).all()
    assert np.all((joints > UNITREE_G1.lower_rad) & (joints < UNITREE_G1.upper_rad))


@pytest.mark.parametrize("joints_rad", [UNITREE_G1.default_rad, STRAIGHT.joint_position_rad])
def test_it_starts_from_the_robots_pose_within_its_speeds(joints_rad):
    frames = frames_of("reach")[60:]
    robot = Configuration(
        position_pelvis_in_world_m=np.array([7.0, 7.0, 0.76]),
        quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([0.0, 0.0, 2.0])),
        joint_position_rad=joints_rad,
    )
    retargeter = Retargeter(MODEL, calibration())
    retargeter.reset(robot)
    configurations = [robot, *(retargeter.retarget(frame, DT_S) for frame in frames)]
    assert np.all(fastest(configurations) <= CONFIG.joint_speed_share * UNITREE_G1.velocity_rad_s + 1e-6)
    assert np.linalg.norm(configurations[1].position_pelvis_in_world_m[:2]) < 0.5
    assert retargeter.report.median.hand_m < 0.005


def test_the_first_frame_is_solved_at_once():
    retargeter = Retargeter(MODEL, calibration())
    retargeter.retarget(frames_of("reach")[90], DT_S)
    assert retargeter.report.p99.hand_m < 0.005
    assert retargeter.report.p99.foot_m < 0.002


def test_reset_forgets():
    frames = frames_of("reach")[:20]
    configurations, retargeter = followed(frames)
    retargeter.reset(None)
    for frame, before in zip(frames, configurations, strict=True):
        np.testing.assert_array_equal(retargeter.retarget(frame, DT_S).vector, before.vector)


@pytest.mark.parametrize("dt_s", [0.0, -0.1, np.nan, np.inf])
def test_time_must_pass(dt_s):
    with pytest.raises(InputError, match="dt_s must be the positive time since the last frame"):
        Retargeter(MODEL, calibration()).retarget(frames_of("stand")[0], dt_s)


def test_nothing_retargeted_is_nothing_to_report():
    with pytest.raises(InputError, match="nothing has been retargeted yet"):
        _ = Retargeter(MODEL, calibration()).report


def test_arms_may_meet_the_body_when_they_may():
    frame = frames_of("stand")[0]
    points_m = frame.position_in_world_m.copy()
    for name in ("left_hand", "right_hand", "left_wrist", "right_wrist"):
        points_m[KEYPOINTS.index(name)] = points_m[KEYPOINTS.index("chest")]
    retargeter = Retargeter(MODEL, calibration(), KeypointIKConfig(self_distance_m=None))
    retargeter.retarget(replace(frame, position_in_world_m=points_m), DT_S)
    assert retargeter.report.self_distance_m < 0.0


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
        ({"repairs": -1}, "repairs must be at least 0, got -1"),
        ({"self_distance_m": 0.0}, "self_distance_m must be positive"),
        ({"joint_speed_share": -0.1}, "joint_speed_share must be positive"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(wrong, text):
    with pytest.raises(InputError, match=text):
        KeypointIKConfig(**wrong)


@pytest.mark.parametrize(
    ("tilt_rad", "expected_rad"), [(0.0, 0.0), (0.5, 0.5), (1.2, MAX_TILT_RAD), (3.0, MAX_TILT_RAD)]
)
def test_an_orientation_is_turned_back_to_where_a_body_may_lean(tilt_rad, expected_rad):
    axis = np.array([0.6, 0.8, 0.0])
    heading = matrix_from_yaw(0.7)
    upright = uprighted(pin.exp3(tilt_rad * axis) @ heading, MAX_TILT_RAD)
    np.testing.assert_allclose(upright, pin.exp3(expected_rad * axis) @ heading, atol=1e-9)
