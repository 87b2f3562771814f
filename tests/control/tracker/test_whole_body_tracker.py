from collections.abc import Callable

import numpy as np
import pytest

from hlm.control.inverse_kinematics import BodyTargets, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.control.walking_pattern import GaitConfig, footsteps_to
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError, TrackingError
from hlm.core.layout import pack
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.core.values import Reference, RobotState
from hlm.sim.motions import STANCE, stream, walk
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import World

STREAM_HZ, TICK_HZ = 30, 100


def place(robot: SimulatedRobot, world: World, pose: Configuration) -> None:
    robot.place(pose.position_pelvis_in_world_m, pose.quat_world_from_pelvis_wxyz, pose.joint_position_rad)
    world.forward()


def vector(pose: Configuration) -> np.ndarray:
    return pack(pose.joint_position_rad, np.ones(2), np.zeros(3))


def play(robot: SimulatedRobot, world: World, tracker: WholeBodyTracker, poses: list[Configuration]) -> np.ndarray:
    """[tick] pelvis heights while the poses are played at 30 Hz."""
    heights = []
    pushed = 0
    with robot:
        tracker.reset(robot.read())
        for tick in range(len(poses) * TICK_HZ // STREAM_HZ):
            world.wait_until(tick * NS_PER_S // TICK_HZ)
            while pushed * TICK_HZ <= tick * STREAM_HZ:
                tracker.push(Reference(pushed * NS_PER_S // STREAM_HZ, vector(poses[pushed])))
                pushed += 1
            robot.command(tracker.step(robot.read()))
            heights.append(robot.pelvis_height_m())
            assert robot.pelvis_uprightness() > 0.9
    return np.array(heights)


def test_it_stands_for_five_seconds(robot: SimulatedRobot, world: World, standing: Configuration) -> None:
    place(robot, world, standing)
    tracker = WholeBodyTracker(UNITREE_G1)
    heights = play(robot, world, tracker, [standing] * (5 * STREAM_HZ))
    np.testing.assert_allclose(heights, standing.position_pelvis_in_world_m[2], atol=5e-3)
    assert tracker.unsolved_ticks == 0
    np.testing.assert_allclose(
        tracker.estimate.position_pelvis_in_world_m, standing.position_pelvis_in_world_m, atol=0.01
    )


def test_it_follows_a_squat_a_fifth_of_a_second_later(
    robot: SimulatedRobot,
    world: World,
    model: BodyModel,
    standing: Configuration,
    stance: Callable[..., BodyTargets],
) -> None:
    place(robot, world, standing)
    solver = WholeBodyIK(model)
    poses = [standing]
    for row in range(4 * STREAM_HZ):
        depth_m = 0.19 * np.sin(np.pi * row / (4 * STREAM_HZ)) ** 2
        poses.append(solver.solve(stance(0.74 - depth_m), poses[-1], 8))
    heights = play(robot, world, WholeBodyTracker(UNITREE_G1), poses)
    ticks = np.arange(len(heights)) / TICK_HZ - 0.2
    expected = np.interp(
        ticks, np.arange(len(poses)) / STREAM_HZ, [pose.position_pelvis_in_world_m[2] for pose in poses]
    )
    assert expected.min() < 0.56
    np.testing.assert_allclose(heights, expected, atol=0.02)


def test_a_stream_that_stops_leaves_the_robot_standing(
    robot: SimulatedRobot, world: World, standing: Configuration
) -> None:
    place(robot, world, standing)
    tracker = WholeBodyTracker(UNITREE_G1)
    with robot:
        tracker.reset(robot.read())
        for tick in range(2 * TICK_HZ):
            world.wait_until(tick * NS_PER_S // TICK_HZ)
            robot.command(tracker.step(robot.read()))
    assert robot.pelvis_uprightness() > 0.99
    assert abs(robot.pelvis_height_m() - standing.position_pelvis_in_world_m[2]) < 5e-3


def state_of(pose: Configuration, stamp_ns: int = 0) -> RobotState:
    return RobotState(stamp_ns, pose.joint_position_rad, np.zeros(29), pose.quat_world_from_pelvis_wxyz, np.zeros(3))


def test_a_reset_forgets_everything(standing: Configuration) -> None:
    used, fresh = WholeBodyTracker(UNITREE_G1), WholeBodyTracker(UNITREE_G1)
    used.reset(state_of(standing))
    used.push(Reference(30_000_000, vector(standing) + 0.05))
    used.step(state_of(standing, 300_000_000))
    used.reset(state_of(standing, 5))
    fresh.reset(state_of(standing, 5))
    one, other = used.step(state_of(standing, 10)), fresh.step(state_of(standing, 10))
    np.testing.assert_array_equal(one.torque_nm, other.torque_nm)
    np.testing.assert_array_equal(one.joint_position_rad, other.joint_position_rad)


def test_bad_references_are_refused_when_pushed(standing: Configuration) -> None:
    tracker = WholeBodyTracker(UNITREE_G1)
    tracker.reset(state_of(standing))
    with pytest.raises(InputError, match="is not finite in"):
        tracker.push(Reference(0, np.full(34, np.nan)))
    with pytest.raises(InputError, match=r"reference is 2\.00 s ahead of the robot's last state"):
        tracker.push(Reference(2 * NS_PER_S, vector(standing)))


def test_a_tick_without_a_solution_repeats_the_last_torques_and_is_counted(standing: Configuration) -> None:
    tracker = WholeBodyTracker(UNITREE_G1)
    tracker.reset(state_of(standing))
    good = tracker.step(state_of(standing, 10_000_000))
    tracker._qp.solve = lambda *_: None
    command = tracker.step(state_of(standing, 20_000_000))
    assert tracker.unsolved_ticks == 1
    np.testing.assert_array_equal(command.torque_nm, good.torque_nm)
    assert np.all(np.isfinite(command.joint_velocity_rad_s))


def test_many_ticks_in_a_row_without_a_solution_are_an_error(standing: Configuration) -> None:
    tracker = WholeBodyTracker(UNITREE_G1)
    tracker.reset(state_of(standing))
    tracker.step(state_of(standing, 10_000_000))
    tracker._qp.solve = lambda *_: None
    for tick in range(2, 12):
        tracker.step(state_of(standing, tick * 10_000_000))
    with pytest.raises(TrackingError, match="no torques keep the balance: 11 ticks without a solution"):
        tracker.step(state_of(standing, 120_000_000))


@pytest.mark.parametrize(
    ("goal", "noise_rad"),
    [
        ((0.5, 0.0, 0.0), 0.0),
        ((0.45, 0.0, 0.0), 0.01),
        ((-0.3, 0.0, 0.0), 0.0),
        ((0.0, 0.3, 0.0), 0.0),
        ((0.0, 0.0, 0.9), 0.0),
    ],
)
def test_it_walks_where_the_reference_walks(
    robot: SimulatedRobot, world: World, model: BodyModel, goal: tuple[float, float, float], noise_rad: float
) -> None:
    """Free-standing, from joints and inertial unit alone, without contact flags or positions in the stream."""
    gait = GaitConfig()
    motion = walk(model, footsteps_to(np.array(goal), STANCE, gait), gait)
    poses, references = motion.poses, stream(motion, noise_rad, np.random.default_rng(0))
    place(robot, world, poses[0])
    tracker = WholeBodyTracker(UNITREE_G1)
    lifted = np.zeros(2)
    with robot:
        tracker.reset(robot.read())
        pushed = 0
        for tick in range((len(poses) + 15) * TICK_HZ // STREAM_HZ):
            world.wait_until(tick * NS_PER_S // TICK_HZ)
            while pushed < len(poses) and pushed * TICK_HZ <= tick * STREAM_HZ:
                tracker.push(Reference(pushed * NS_PER_S // STREAM_HZ, references[pushed]))
                pushed += 1
            robot.command(tracker.step(robot.read()))
            lifted += ~tracker.contact.mask
            assert robot.pelvis_uprightness() > 0.9
    assert (lifted > 0.3 * TICK_HZ).all(), "both feet have been in the air"
    assert tracker.contact.double_support
    position_m, quat_wxyz = robot.true_base()
    start_m = poses[0].position_pelvis_in_world_m
    yaw = roll_pitch_yaw_from_quat(quat_wxyz)[2]
    np.testing.assert_allclose((position_m - start_m)[:2], goal[:2], atol=0.05)
    assert abs(yaw - goal[2]) < 0.06
    # Leg odometry has seen the same.
    np.testing.assert_allclose(tracker.estimate.position_pelvis_in_world_m[:2] - start_m[:2], goal[:2], atol=0.06)


def test_an_infeasible_lift_off_is_refused(robot: SimulatedRobot, world: World, standing: Configuration) -> None:
    """A reference that lifts a foot off while it carries the body leaves both feet on the ground."""
    place(robot, world, standing)
    lifted = standing.joint_position_rad.copy()
    lifted[[0, 3, 4]] += [-0.6, 1.0, -0.4]
    poses = [standing] * 30
    for row in range(30):
        joints = standing.joint_position_rad + np.sin(np.pi * row / 30) * (lifted - standing.joint_position_rad)
        poses.append(
            Configuration(
                position_pelvis_in_world_m=standing.position_pelvis_in_world_m,
                quat_world_from_pelvis_wxyz=standing.quat_world_from_pelvis_wxyz,
                joint_position_rad=joints,
            )
        )
    tracker = WholeBodyTracker(UNITREE_G1)
    play(robot, world, tracker, poses + [standing] * 60)
    assert tracker.contact.double_support
