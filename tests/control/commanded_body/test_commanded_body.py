from __future__ import annotations

import numpy as np
import pytest

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.commanded_body import CommandedBody
from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.commanded_body.start import standing_configuration
from hlm.control.inverse_kinematics import PoseTarget
from hlm.control.model import BodyModel, Configuration
from hlm.control.operator import OperatorPose
from hlm.control.self_distance import SelfDistance
from hlm.core.arrays import FloatArray
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import MOTOR_LEFT_ARM, MOTOR_RIGHT_ARM, pack
from hlm.core.rotations import planar_from_pose, quat_from_yaw, roll_pitch_yaw_from_quat

DT_S = 1.0 / 30.0


@pytest.fixture(scope="module")
def start() -> Configuration:
    state = pack(UNITREE_G1.pose_rad("manipulation"), np.ones(2), np.zeros(3))
    return standing_configuration(BodyModel(UNITREE_G1), state)


@pytest.fixture(scope="module")
def one_body() -> CommandedBody:
    return CommandedBody(UNITREE_G1)


@pytest.fixture
def body(one_body: CommandedBody, start: Configuration) -> CommandedBody:
    one_body.reset(start)
    return one_body


def played(body: CommandedBody, command: BodyCommand, duration_s: float) -> list[OperatorPose]:
    return [body.pose(command, DT_S) for _ in range(round(duration_s / DT_S))]


def soles_m(poses: list[OperatorPose]) -> FloatArray:
    """[time, foot, 3] positions of the soles."""
    return np.array([[sole.position_in_world_m for sole in pose.targets.soles] for pose in poses])


def walking(ahead: float = 0.0, left: float = 0.0, turn: float = 0.0) -> BodyCommand:
    return BodyCommand(velocity_m_s=np.array([ahead, left]), turn_rate_rad_s=turn)


def hand_at(x: float, y: float, z: float) -> PoseTarget:
    return PoseTarget(position_in_world_m=np.array([x, y, z]))


def test_nothing_asked_stands_still_with_hanging_arms(body: CommandedBody) -> None:
    pose = played(body, BodyCommand(), 2.0)[-1]
    assert pose.targets.grips == (None, None)
    assert pose.targets.pelvis_height_m == pytest.approx(0.74, abs=2e-3)
    arms = slice(15, 29)
    likely = body.likely_configuration.joint_position_rad
    np.testing.assert_allclose(likely[arms], UNITREE_G1.pose_rad("manipulation")[arms], atol=0.05)
    assert not body.walking


@pytest.mark.parametrize(
    "velocity", [(0.2, 0.0, 0.0), (0.3, 0.0, 0.0), (-0.15, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, -0.1, 0.0), (0, 0, 0.4)]
)
def test_it_walks_as_far_as_it_is_told_and_ends_with_its_feet_beside_each_other(
    body: CommandedBody, velocity: tuple[float, float, float]
) -> None:
    played(body, walking(*velocity), 6.0)
    assert body.walking
    poses = played(body, BodyCommand(), 4.0)
    assert not body.walking
    left, right = soles_m(poses)[-1]
    assert np.linalg.norm(left - right) == pytest.approx(0.236, abs=1e-6)
    x, y, yaw = planar_from_pose(body.pose_world_from_stance)
    # It takes 0.6 s to shift the weight, and steps last 0.75 s.
    share = np.array([x, y, yaw]) @ np.array(velocity) / np.dot(velocity, velocity)
    assert 4.5 < share < 6.5


def test_feet_that_stand_do_not_move_and_the_weight_is_never_thrown(body: CommandedBody) -> None:
    random = np.random.default_rng(0)
    poses: list[OperatorPose] = []
    for _ in range(25):
        command = walking(*(random.uniform(-0.5, 0.5, 3) * (random.random(3) < 0.6)))
        poses += played(body, command, random.uniform(0.1, 2.0))
    poses += played(body, BodyCommand(), 4.0)
    soles = soles_m(poses)
    moved = np.linalg.norm(np.diff(soles[:, :, :2], axis=0), axis=2)
    high = np.maximum(soles[1:, :, 2], soles[:-1, :, 2]) > soles[:, :, 2].min() + 1e-6
    assert (high.sum(axis=1) <= 1).all(), "one foot stands"
    assert moved[~high].max() < 2e-3, "no foot slides"
    com_m = np.array([pose.targets.com_position_in_world_m for pose in poses])
    acceleration = np.abs(np.diff(com_m, 2, axis=0)) / DT_S**2
    assert acceleration.max() < 3.0
    assert np.linalg.norm(soles[:, 0, :2] - soles[:, 1, :2], axis=1).min() > 0.13, "feet keep apart"


def test_a_short_press_takes_one_step_and_closes_it(body: CommandedBody) -> None:
    played(body, walking(ahead=0.2), 0.2)
    soles = soles_m(played(body, BodyCommand(), 5.0))
    assert not body.walking
    lifts = np.diff((soles[:, :, 2] > 0.02).astype(int), axis=0) == 1
    assert lifts.sum(axis=0).tolist() == [1, 1]


def test_jumping_commands_are_followed_smoothly_and_within_their_ranges(body: CommandedBody) -> None:
    low = BodyCommand(pelvis_height_m=0.1, pelvis_pitch_rad=2.0, grips=(None, hand_at(0.4, -0.2, 0.4)))
    poses = played(body, low, 3.0) + played(body, BodyCommand(pelvis_height_m=2.0), 3.0)
    heights = np.array([pose.targets.pelvis_height_m for pose in poses])
    assert heights.min() == pytest.approx(0.45, abs=5e-3)
    assert heights.max() < 0.765
    assert np.abs(np.diff(heights)).max() / DT_S < 0.31
    assert np.abs(np.diff(heights, 2)).max() / DT_S**2 < 1.3
    pitch = [roll_pitch_yaw_from_quat(pose.targets.quat_world_from_pelvis_wxyz)[1] for pose in poses]
    assert max(pitch) == pytest.approx(0.6, abs=5e-3)


def test_a_hand_that_is_let_go_and_called_again_does_not_jump(body: CommandedBody) -> None:
    grips = []
    model = BodyModel(UNITREE_G1)
    for target, duration_s in [(hand_at(0.4, 0.1, 1.1), 1.5), (None, 2.0), (hand_at(0.3, 0.4, 0.8), 1.5)]:
        for _ in range(round(duration_s / DT_S)):
            body.pose(BodyCommand(grips=(target, None)), DT_S)
            grips.append(model.pose_world_from("left_grip", body.likely_configuration)[:3, 3])
    speed = np.linalg.norm(np.diff(grips, axis=0), axis=1) / DT_S
    assert speed.max() < 1.6
    np.testing.assert_allclose(grips[44], [0.4, 0.1, 1.1], atol=0.02)


def test_a_foot_is_lifted_over_the_other_one_and_put_back(body: CommandedBody) -> None:
    lifted = soles_m(played(body, BodyCommand(soles=(hand_at(0.1, 0.2, 0.07), None)), 5.0))
    start_m, floor_m = lifted[0, 0], lifted[0, 1, 2]
    np.testing.assert_allclose(lifted[-1, 0, [0, 2]] - [start_m[0], floor_m], [0.1, 0.07], atol=5e-3)
    np.testing.assert_allclose(lifted[:, 1], np.tile(lifted[0, 1], (len(lifted), 1)), atol=1e-12)
    poses = played(body, BodyCommand(), 4.0)
    np.testing.assert_allclose(soles_m(poses)[-1, 0], start_m, atol=5e-3)
    com_m = poses[-1].targets.com_position_in_world_m
    np.testing.assert_allclose(com_m, soles_m(poses)[-1, :, :2].mean(axis=0), atol=5e-3)
    assert not body.walking


def test_it_rises_before_it_walks(body: CommandedBody) -> None:
    played(body, BodyCommand(pelvis_height_m=0.5), 2.0)
    poses = played(body, BodyCommand(velocity_m_s=np.array([0.2, 0.0]), pelvis_height_m=0.5), 4.0)
    soles, heights = soles_m(poses), np.array([pose.targets.pelvis_height_m for pose in poses])
    stepping = (soles[:, :, 2] > soles[0, 0, 2] + 1e-3).any(axis=1)
    assert stepping.any()
    assert heights[stepping].min() > 0.62


def test_time_that_stands_still_is_refused(body: CommandedBody) -> None:
    with pytest.raises(InputError, match="dt_s must be positive"):
        body.pose(BodyCommand(), 0.0)


def moved_hand(body: CommandedBody, path_m: list[tuple[float, float, float]], duration_s: float) -> list[FloatArray]:
    """Joint angles of each step while the right hand, kept level, is led along points."""
    joints_rad = []
    for place in np.linspace(0.0, len(path_m) - 1.0, round(duration_s / DT_S)):
        at_m = np.array([np.interp(place, range(len(path_m)), one) for one in zip(*path_m, strict=True)])
        target = PoseTarget(position_in_world_m=at_m, quat_world_from_frame_wxyz=quat_from_yaw(0.0))
        body.pose(BodyCommand(grips=(None, target)), DT_S)
        joints_rad.append(body.likely_configuration.joint_position_rad)
    return joints_rad


def test_an_arm_without_room_before_the_belly_rests_there_and_comes_out_again(body: CommandedBody) -> None:
    model = BodyModel(UNITREE_G1)
    distance, beside, belly, ahead = SelfDistance(model), (0.2, -0.25, 0.94), (0.2, 0.06, 0.94), (0.37, 0.06, 0.94)
    moved_hand(body, [beside, belly], 1.0)
    near_rad = moved_hand(body, [belly, belly], 5.0)
    assert np.ptp(near_rad[-15:], axis=0).max() < 0.05
    assert distance.smallest_m(near_rad[-1]) >= CommandedBodyConfig().self_distance_m
    out_rad = [*moved_hand(body, [belly, ahead], 0.7), *moved_hand(body, [ahead, ahead], 3.0)]
    grip_m = model.pose_world_from("right_grip", body.likely_configuration)[:3, 3]
    assert np.linalg.norm(grip_m - ahead) < 0.01
    assert min(map(distance.smallest_m, out_rad)) >= CommandedBodyConfig().self_distance_m


def test_joints_keep_to_their_speeds_wherever_hands_are_sent(body: CommandedBody) -> None:
    random = np.random.default_rng(3)
    config = CommandedBodyConfig()
    before = body.likely_configuration.joint_position_rad
    fastest, distance = np.zeros(29), SelfDistance(BodyModel(UNITREE_G1))
    for step in range(180):
        if step % 15 == 0:
            grips = [hand_at(*(np.array([1, side, 1]) * random.uniform([-0.2, -0.1, 0.4], [0.7, 0.6, 1.5])))
                     for side in (1, -1)]  # fmt: skip
            command = BodyCommand(
                grips=(grips[0], grips[1] if random.random() < 0.7 else None),
                pelvis_height_m=float(random.uniform(0.45, 0.75)),
                pelvis_pitch_rad=float(random.uniform(-0.1, 0.6)),
            )
        pose = body.pose(command, DT_S)
        assert pose.configuration is body.likely_configuration
        joints = body.likely_configuration.joint_position_rad
        fastest = np.maximum(fastest, np.abs(joints - before) / DT_S)
        before = joints
        assert distance.smallest_m(joints) > 0.5 * config.self_distance_m
    assert fastest[12:15].max() < config.waist_speed_rad_s + 1e-9
    assert fastest[15:].max() < config.arm_speed_rad_s + 1e-9
    assert fastest[15:].max() > 2.0, "hands do move"


# x, y, z (m), height of the pelvis (m) and its lean (rad), and when the hand is there (s): to a low shelf, out, and up.
TO_A_LOW_SHELF = np.array(
    [
        [0.18, -0.22, 0.86, 0.755, 0.0, 0.0],
        [0.25, -0.15, 0.60, 0.60, 0.3, 1.6],
        [0.29, -0.13, 0.52, 0.60, 0.3, 2.4],
        [0.40, -0.12, 0.50, 0.60, 0.3, 3.4],
        [0.40, -0.12, 0.56, 0.61, 0.28, 4.4],
        [0.25, -0.15, 0.62, 0.63, 0.24, 5.2],
        [0.25, -0.15, 0.90, 0.755, 0.0, 6.5],
        [0.28, 0.04, 0.93, 0.755, 0.0, 7.7],
    ]
)


def test_elbows_do_not_swing_to_and_fro_nor_does_the_arm_that_hangs(body: CommandedBody) -> None:
    *path, times_s = TO_A_LOW_SHELF.T
    joints_rad = []
    for time_s in np.arange(0.0, times_s[-1], DT_S):
        x, y, z, height_m, pitch_rad = (float(np.interp(time_s, times_s, one)) for one in path)
        grip = PoseTarget(position_in_world_m=np.array([x, y, z]), quat_world_from_frame_wxyz=quat_from_yaw(0.0))
        command = BodyCommand(pelvis_height_m=height_m, pelvis_pitch_rad=pitch_rad, grips=(None, grip))
        body.pose(command, DT_S)
        joints_rad.append(body.likely_configuration.joint_position_rad)
    jolts_rad_s2 = np.abs(np.diff(joints_rad, n=2, axis=0)).mean(axis=0) / DT_S**2
    assert jolts_rad_s2[MOTOR_RIGHT_ARM].mean() < 1.2
    assert jolts_rad_s2[MOTOR_LEFT_ARM].mean() < 0.3
    assert np.ptp(np.array(joints_rad)[:, MOTOR_LEFT_ARM], axis=0).max() < 0.15
