"""What is specific to this task: its scene, and the stage "walk"."""

import numpy as np
import pytest

from hlm.control.walking_pattern import middle
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import MOTOR_RIGHT_ARM
from hlm.core.task import Progress
from hlm.sim.pick_and_place.task import SETTLE_S
from hlm.sim.start_pose import START_POSE, stand_on_floor
from hlm.sim.tasks.cola_placement.stages import make_task
from hlm.sim.tasks.cola_placement.table import (
    AT_TABLE_M,
    CAN_HALF_HEIGHT_M,
    CAN_RADIUS_M,
    LAYOUT,
    TABLE_EDGE_M,
    TABLE_M,
)

FIXED_JOINTS = slice(0, MOTOR_RIGHT_ARM.start)
SEEDS = range(0, 60, 2)
START_RAD = UNITREE_G1.pose_rad(START_POSE)
HALF_PALM_M = UNITREE_G1.grippers[1].palm_half_size_m[1]
ANKLES_BEHIND_SOLES_M = float(np.mean(UNITREE_G1.sole_corners_m, axis=0)[0])


@pytest.fixture(scope="module")
def task():
    return make_task(UNITREE_G1)


def scene(task):
    """Everything that a seed determines except for the named can."""
    return np.concatenate([task.world.data.qpos, task.world.data.qvel, task.scene.mat_position_m])


def stand_at(task, x_m, y_m=0.0, yaw_rad=0.0):
    """Put the robot so that the middle of its soles is at this place."""
    back_m = ANKLES_BEHIND_SOLES_M * np.array([np.cos(yaw_rad), np.sin(yaw_rad)])
    stand_on_floor(task.world, task.robot, START_RAD, (x_m - back_m[0], y_m - back_m[1], yaw_rad))
    task.world.forward()


def hold(task, can, up_m=0.0):
    """Teleport a can between the right hand's fingers, which close on it."""
    can.place(task.scene.hand.pose_world_from_grip[:3, 3] + np.array([0.0, 0.0, up_m]), 0.0)
    for finger in ("left", "right"):
        joint = task.world.model.joint(f"right_finger_{finger}")
        task.world.data.qpos[joint.qposadr[0]] = CAN_RADIUS_M - 0.0005
    task.world.forward()


def soles(task):
    """[foot, 3] x, y, yaw."""
    feet = [task.world.data.body(link) for link in UNITREE_G1.sole_links]
    ahead = np.array([ANKLES_BEHIND_SOLES_M, 0.0, 0.0])
    places = [(foot.xpos + foot.xmat.reshape(3, 3) @ ahead)[:2] for foot in feet]
    return np.array(
        [[*place, np.arctan2(foot.xmat[3], foot.xmat[0])] for place, foot in zip(places, feet, strict=True)]
    )


def test_a_seed_gives_the_same_scene_every_time(task):
    task.reset(6)
    first = scene(task)
    task.world.wait_until(40_000_000)
    task.reset(12)
    assert not np.array_equal(scene(task), first)
    task.reset(6)
    np.testing.assert_array_equal(scene(task), first)
    other = make_task(UNITREE_G1)
    other.reset(6)
    np.testing.assert_array_equal(scene(other), first)


@pytest.mark.parametrize("seed", [0, 34, 100_000])
def test_neighbouring_seeds_share_the_scene_but_not_the_instruction(task, seed):
    even = task.reset(seed)
    first, named = scene(task), task.target.name
    odd = task.reset(seed + 1)
    np.testing.assert_array_equal(scene(task), first)
    assert even.candidates == odd.candidates
    assert even.scene == odd.scene
    assert (even.instruction, named) == ("put the red can on the mat", "red")
    assert (odd.instruction, task.target.name) == ("put the blue can on the mat", "blue")


def test_cans_and_mat_lie_on_the_table_with_room_for_a_hand_between_them(task):
    for seed in SEEDS:
        task.reset(seed)
        red, blue = (can.position_m for can in task.scene.objects)
        # Coming from the front, the palm passes beside the other can.
        assert abs(red[1] - blue[1]) > CAN_RADIUS_M + HALF_PALM_M + 0.02
        for can in task.scene.objects:
            assert can.position_m[2] - CAN_HALF_HEIGHT_M == pytest.approx(TABLE_M)
            assert can.position_m[0] - CAN_RADIUS_M > TABLE_EDGE_M + 0.02
            assert np.abs(can.position_m - task.scene.mat_position_m)[:2].max() > LAYOUT.mat_half_size_m + CAN_RADIUS_M
        assert task.scene.mat_position_m[2] == pytest.approx(TABLE_M, abs=0.002)
        assert task.scene.mat_position_m[0] - LAYOUT.mat_half_size_m > TABLE_EDGE_M


def test_cans_rest_on_the_table(task):
    task.reset(0)
    before_m = [can.position_m for can in task.scene.objects]
    task.world.wait_until(500_000_000)
    for can, was_m in zip(task.scene.objects, before_m, strict=True):
        np.testing.assert_allclose(can.position_m, was_m, atol=1e-3)
        assert can.uprightness > 0.999


def test_the_robot_starts_on_its_soles_some_steps_before_the_table_and_faces_it(task):
    starts = []
    for seed in SEEDS:
        task.reset(seed)
        x_m, y_m, yaw_rad = middle(soles(task))
        starts.append((TABLE_EDGE_M - x_m, y_m, yaw_rad))
        np.testing.assert_array_equal(task.robot.read().joint_position_rad[FIXED_JOINTS], START_RAD[FIXED_JOINTS])
        assert task.update() == Progress()
    distance_m, aside_m, turn_rad = np.array(starts).T
    assert 0.59 < distance_m.min() < 0.7
    assert 0.9 < distance_m.max() < 1.01
    assert 0.02 < np.abs(aside_m).max() < 0.055
    assert 0.02 < np.abs(turn_rad).max() < 0.065


def test_start_places_stand_level_where_they_say(task):
    for place in ((0.0, 0.0, 0.0), (-0.5, 0.2, 0.4), (0.1, -0.3, -2.0)):
        stand_at(task, *place)
        np.testing.assert_allclose(middle(soles(task)), place, atol=2e-3)
        heights_m = [task.world.data.body(link).xpos[2] for link in UNITREE_G1.sole_links]
        np.testing.assert_allclose(heights_m, -UNITREE_G1.sole_corners_m[0][2], atol=5e-3)


def test_walking_counts_when_both_feet_are_at_the_table(task):
    near_m = TABLE_EDGE_M - AT_TABLE_M
    for place, there in (
        ((0.0, 0.0, 0.0), True),
        ((near_m + 0.01, 0.03, 0.02), True),
        ((near_m - 0.01, 0.0, 0.0), False),
        ((near_m + 0.01, 0.0, 0.4), False),  # one foot is behind
        ((0.0, 0.7, 0.0), False),  # beside the table
    ):
        task.reset(0)
        stand_at(task, *place)
        assert task.update().stage == int(there), place


def test_nothing_counts_before_the_walk(task):
    task.reset(0)
    hold(task, task.target)
    assert task.update() == Progress()
    stand_at(task, 0.0)
    hold(task, task.target)
    assert task.update().stage == task.stages.index("lift") + 1


def test_the_can_counts_when_it_stands_on_the_mat_released_and_still(task, stand):
    task.reset(1)
    stand_at(task, 0.0)
    hold(task, task.target)
    assert task.update() == Progress(stage=4)
    task.target.place(task.scene.mat_position_m + np.array([0.0, 0.0, CAN_HALF_HEIGHT_M]), 0.0)
    task.world.forward()
    stand(SETTLE_S - 0.1, task.update)
    assert task.update() == Progress(stage=4)
    stand(0.2, task.update)
    assert task.update() == Progress(stage=5, success=True)


def test_lifting_the_other_can_fails_for_good(task):
    task.reset(0)
    stand_at(task, 0.0)
    hold(task, task.scene.objects[1])
    assert task.update() == Progress(stage=1, wrong_object=True)
    task.scene.objects[1].place(np.array([0.5, -0.3, TABLE_M + CAN_HALF_HEIGHT_M]), 0.0)
    task.world.forward()
    assert task.update().wrong_object


def test_privileged_quantities_are_positions_in_the_frame_of_the_grip(task):
    task.reset(3)
    privileged = task.privileged()
    pose = task.scene.hand.pose_world_from_grip
    assert privileged["candidate_in_hand_m"].shape == (len(LAYOUT.object_names), 3)
    for position_m, can in zip(privileged["candidate_in_hand_m"], task.scene.objects, strict=True):
        np.testing.assert_allclose((pose @ [*position_m, 1.0])[:3], can.position_m, atol=1e-12)
    np.testing.assert_allclose((pose @ [*privileged["goal_in_hand_m"], 1.0])[:3], task.scene.mat_position_m, atol=1e-12)
