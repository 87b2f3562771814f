"""The weight of a robot that stands stays over its feet, whatever the person does."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from hlm.control.model import DOFS, BodyModel, Configuration, pendulum_frequency
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.rotations import matrix_from_yaw
from hlm.sim.motions import find_motion
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.keypoints.calibration import Calibration
from hlm.teleop.keypoints.keypoint_ik_config import KeypointIKConfig
from hlm.teleop.keypoints.retargeter import Retargeter
from hlm.teleop.keypoints.robot_keypoints import keypoints_of
from hlm.teleop.keypoints.robot_targets import RobotTargets
from hlm.teleop.keypoints.support import Support, WeightLimit, support_of

MODEL = BodyModel(UNITREE_G1)
CORNERS_M = MODEL.sole_corners_m
DT_S = 1.0 / 30.0
MARGIN_M = KeypointIKConfig().balance_margin_m
SOLVED_M = 0.004  # of two iterations, on soles that are not quite where they should be
NO_BALANCE = KeypointIKConfig(balance_margin_m=None)
LEGS = [index for index, name in enumerate(KEYPOINTS) if name.endswith(("knee", "ankle", "toe"))]
UPPER = [index for index in range(len(KEYPOINTS)) if index not in LEGS]


def targets_with(soles_m, yaws_rad=(0.0, 0.0), stands=(True, True)):
    zero, level = np.zeros(3), np.eye(3)
    return RobotTargets(
        pelvis_m=zero,
        pelvis=level,
        torso=level,
        soles_m=np.array(soles_m),
        soles=np.array([matrix_from_yaw(yaw) for yaw in yaws_rad]),
        grips_m=np.zeros((2, 3)),
        grips=np.array([level, level]),
        grip_turns=np.array([True, True]),
        elbows_m=np.zeros((2, 3)),
        stands=np.array(stands),
        unseen=(),
        trouble="",
    )


BESIDE = targets_with([(0.0, 0.12, 0.0), (0.0, -0.12, 0.0)])


@pytest.mark.parametrize("margin_m", [0.005, 0.02])
@pytest.mark.parametrize("yaws_rad", [(0.0, 0.0), (0.4, -0.2), (2.5, 2.5)])
def test_the_support_lies_its_margin_inside_of_the_soles(yaws_rad, margin_m):
    targets = targets_with([(1.0, 0.12, 0.0), (1.1, -0.12, 0.0)], yaws_rad)
    support = support_of(targets, CORNERS_M, margin_m)
    corners_m = np.concatenate([targets.soles_m[side] + CORNERS_M @ targets.soles[side].T for side in (0, 1)])
    inside_m = corners_m[:, :2] @ support.inwards.T - support.least_m
    np.testing.assert_allclose(inside_m.min(axis=0), -margin_m, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(support.inwards, axis=1), 1.0)
    assert support.clearance_m(targets.soles_m[:, :2].mean(axis=0)) > 0.0


def test_narrow_feet_leave_room_in_their_middle():
    support = support_of(targets_with([(0.3, 0.0, 0.0), (0.0, 0.0, 0.0)]), CORNERS_M, 0.1)
    assert support.clearance_m(np.array([0.15, 0.0])) > 0.005


@pytest.mark.parametrize("stands", [(True, False), (False, True), (False, False)])
def test_who_has_a_foot_in_the_air_is_not_limited(stands):
    assert support_of(replace(BESIDE, stands=np.array(stands)), CORNERS_M, MARGIN_M) is None


def test_resting_inside_is_allowed_and_weight_outside_comes_back_in_proportion():
    support = support_of(BESIDE, CORNERS_M, MARGIN_M)
    jacobian = np.zeros((3, DOFS))
    jacobian[:, :3] = np.eye(3)
    edge_m = -support.least_m[np.argmin(support.inwards[:, 0])]
    for x, asked_share in ((edge_m - 0.01, 0.0), (edge_m, 0.0), (edge_m + 0.02, 1.0)):
        com_m = np.array([x, 0.0, 0.7])
        rows, least_m = WeightLimit(support, com_m[:2], DT_S).least(com_m, jacobian)
        speed_m_s = float((least_m / np.abs(rows[:, 0]).clip(min=1e-9)).max()) / DT_S
        frequency = pendulum_frequency(0.7)
        assert max(speed_m_s, 0.0) == pytest.approx(asked_share * 0.02 * frequency / (1.0 + DT_S * frequency), abs=1e-9)
    _, at_once_m = WeightLimit(support, com_m[:2], None).least(com_m, jacobian)
    assert at_once_m.max() == pytest.approx(0.02)


@lru_cache
def calibration():
    straight = Configuration(
        position_pelvis_in_world_m=np.array([0.0, 0.0, 0.788]),
        quat_world_from_pelvis_wxyz=np.array([1.0, 0.0, 0.0, 0.0]),
        joint_position_rad=np.zeros(29),
    )
    return Calibration.from_standing(
        [keypoints_of(MODEL, straight, round(step * 1e8), orientations=False) for step in range(21)], UNITREE_G1
    )


def leaning(ahead_rad, aside_rad, moved_m):
    """A person on flat feet who leans from the hips and moves them; their weight is as far out as they please."""
    pose = find_motion(MODEL, "stand").poses[0]
    frame = keypoints_of(MODEL, pose, 0, orientations=False)
    cy, sy, cx, sx = np.cos(ahead_rad), np.sin(ahead_rad), np.cos(aside_rad), np.sin(aside_rad)
    turn = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]]) @ np.array(
        [[1.0, 0.0, 0.0], [0.0, cx, -sx], [0.0, sx, cx]]
    )
    points_m = frame.position_in_world_m.copy()
    hips_m = points_m[KEYPOINTS.index("pelvis")].copy()
    points_m[UPPER] = hips_m + (points_m[UPPER] - hips_m) @ turn.T + np.array([*moved_m, 0.0])
    return replace(frame, position_in_world_m=points_m)


def clearances_m(frames, config=None):
    """[frame] how far inside of its feet the weight of the robot is, and the configurations."""
    retargeter = Retargeter(MODEL, calibration(), config)
    clearances, poses = [], []
    for frame in frames:
        poses.append(retargeter.retarget(frame, DT_S))
        soles = [MODEL.pose_world_from(f"{side}_sole", poses[-1]) for side in ("left", "right")]
        targets = targets_with([sole[:3, 3] for sole in soles])
        targets = replace(targets, soles=np.array([sole[:3, :3] for sole in soles]))
        com_m = MODEL.com_position_in_world_m(poses[-1])[:2]
        clearances.append(support_of(targets, CORNERS_M, 1e-9).clearance_m(com_m))
    return np.array(clearances), poses


@pytest.mark.parametrize(
    ("ahead_rad", "aside_rad", "moved_m"),
    [(0.9, 0.0, (0.1, 0.0)), (-0.3, 0.0, (-0.12, 0.0)), (0.8, -0.2, (0.05, 0.1))],
)
def test_who_would_fall_keeps_their_weight_over_their_feet(ahead_rad, aside_rad, moved_m):
    shares = [0.0] * 5 + [*np.linspace(0.0, 1.0, 12)] + [1.0] * 6
    frames = [leaning(one * ahead_rad, one * aside_rad, one * np.array(moved_m)) for one in shares]
    kept_m, _ = clearances_m(frames)
    assert kept_m.min() > MARGIN_M - SOLVED_M
    falling_m, _ = clearances_m(frames, NO_BALANCE)
    assert falling_m.min() < 0.5 * MARGIN_M


def test_weight_that_is_thrown_is_slow_before_the_edge():
    frames = [leaning(0.0, 0.0, (0.0, 0.0))] * 5 + [leaning(0.9, 0.0, (0.15, 0.0))] * 20
    _, poses = clearances_m(frames)
    com_m = np.array([MODEL.com_position_in_world_m(pose) for pose in poses])
    frequency = pendulum_frequency(float(com_m[:, 2].mean()))
    capture_m = com_m[1:, 0] + np.diff(com_m[:, 0]) / DT_S / frequency
    toes_m = MODEL.pose_world_from("left_sole", poses[-1])[0, 3] + CORNERS_M[:, 0].max()
    assert capture_m.max() < toes_m - MARGIN_M + 2.0 * SOLVED_M


@pytest.mark.parametrize("name", ["squat", "reach"])
def test_who_stands_well_is_followed_as_without(name):
    frames = [keypoints_of(MODEL, pose, 0, orientations=False) for pose in find_motion(MODEL, name).poses[40:75]]
    _, limited = clearances_m(frames)
    _, free = clearances_m(frames, NO_BALANCE)
    for one, other in zip(limited, free, strict=True):
        np.testing.assert_allclose(one.joint_position_rad, other.joint_position_rad, atol=1e-6)


def test_a_support_is_convex_and_known_by_its_edges():
    support = Support(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([-0.1, -0.1]))
    assert support.clearance_m(np.zeros(2)) == pytest.approx(0.1)
    assert support.clearance_m(np.array([0.15, 3.0])) == pytest.approx(-0.05)
