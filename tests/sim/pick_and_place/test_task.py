"""What pick-and-place tasks share, tested on the shelf cup transfer: seeds, stages, grasps, privileged quantities."""

import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.task import Progress
from hlm.sim.pick_and_place.task import SETTLE_S
from hlm.sim.start_pose import START_POSE
from hlm.sim.tasks.shelf_cup_transfer.stages import make_task
from hlm.sim.tasks.shelf_cup_transfer.table import (
    CUP_HALF_HEIGHT_M,
    CUP_RADIUS_M,
    LAYOUT,
    LOW_SHELF_M,
)

SEEDS = range(0, 40, 2)
START_RAD = UNITREE_G1.pose_rad(START_POSE)


def scene(task):
    """Everything that a seed determines except for the named cup."""
    return np.concatenate([task.world.data.qpos, task.world.data.qvel, task.scene.mat_position_m])


def hold(task, cup, up_m=0.03):
    """Teleport a cup between the right hand's fingers, which close on it, `up_m` above the grip."""
    cup.place(task.scene.hand.pose_world_from_grip[:3, 3] + np.array([0.0, 0.0, up_m]), 0.0)
    for finger in ("left", "right"):
        joint = task.world.model.joint(f"right_finger_{finger}")
        # The grip's axis does not lie exactly across the cup: half a millimetre of overlap makes both touch.
        task.world.data.qpos[joint.qposadr[0]] = CUP_RADIUS_M - 0.0005
    task.world.forward()


def put_on_mat(task, cup):
    cup.place(task.scene.mat_position_m + np.array([0.0, 0.0, CUP_HALF_HEIGHT_M]), 0.0)
    task.world.forward()


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
    first = scene(task)
    odd = task.reset(seed + 1)
    np.testing.assert_array_equal(scene(task), first)
    assert even.candidates == odd.candidates
    assert (even.candidate, odd.candidate) == (0, 1)
    assert even.instruction == "put the red cup on the high shelf"
    assert odd.instruction == "put the blue cup on the high shelf"


def test_the_target_is_the_named_object(task):
    for seed in (0, 1):
        instance = task.reset(seed)
        assert f"the {task.target.name} cup" in instance.instruction
        assert task.target.name == LAYOUT.object_names[instance.candidate]


def test_scenes_differ_between_seeds(task):
    drawn = set()
    for seed in SEEDS:
        task.reset(seed)
        drawn.add(tuple(np.concatenate([*(cup.position_m for cup in task.scene.objects), task.scene.mat_position_m])))
    assert len(drawn) == len(SEEDS)


def test_privileged_quantities_are_positions_in_the_frame_of_the_grip(task):
    for seed in (3, 5):
        task.reset(seed)
        privileged = task.privileged()
        assert {name: value.shape for name, value in privileged.items()} == {
            "candidate_in_hand_m": (2, 3),
            "goal_in_hand_m": (3,),
        }
        pose = task.scene.hand.pose_world_from_grip
        for position_m, cup in zip(privileged["candidate_in_hand_m"], task.scene.objects, strict=True):
            np.testing.assert_allclose((pose @ [*position_m, 1.0])[:3], cup.position_m, atol=1e-12)
        np.testing.assert_allclose(
            (pose @ [*privileged["goal_in_hand_m"], 1.0])[:3], task.scene.mat_position_m, atol=1e-12
        )


def test_privileged_quantities_do_not_depend_on_the_named_object(task):
    task.reset(4)
    first = task.privileged()
    task.reset(5)
    for name, value in task.privileged().items():
        np.testing.assert_array_equal(value, first[name])


def test_an_object_that_appears_on_the_mat_is_no_success(task, stand):
    task.reset(0)
    put_on_mat(task, task.target)
    stand(SETTLE_S + 0.2, task.update)
    assert task.update() == Progress(stage=0)


def test_stages_are_reached_in_order_and_stay_reached(task, stand):
    task.reset(0)
    task.target.place(task.scene.hand.pose_world_from_grip[:3, 3] + np.array([0.05, 0.0, 0.0]), 0.0)
    task.world.forward()
    assert task.update() == Progress(stage=1)
    hold(task, task.target, up_m=0.0)
    assert task.update() == Progress(stage=task.stages.index("lift") + 1)
    hold(task, task.target)
    assert task.update() == Progress(stage=task.stages.index("raise") + 1)
    put_on_mat(task, task.target)
    # Not at once: the cup has to stand still for a while.
    assert task.update() == Progress(stage=4)
    stand(SETTLE_S - 0.1, task.update)
    assert task.update() == Progress(stage=4)
    stand(0.2, task.update)
    assert task.update() == Progress(stage=5, success=True)
    task.target.place(np.array([1.0, 1.0, 0.1]), 0.0)
    task.world.forward()
    # It was there, but no longer is.
    assert task.update() == Progress(stage=5, success=False)


def test_a_cup_that_is_still_held_is_not_placed(task):
    task.reset(0)
    hold(task, task.target)
    assert task.update().stage == 4
    task.world.data.mocap_pos[0] = task.target.position_m - np.array([0.0, 0.0, CUP_HALF_HEIGHT_M])
    for _ in range(2):
        task.world.wait_until(task.world.now_ns() + 2_000_000)
        assert task.target.touching(task.scene.hand.fingers)
        assert task.update() == Progress(stage=4)


def test_touching_with_one_finger_is_no_grasp(task):
    task.reset(0)
    grip_m = task.scene.hand.pose_world_from_grip[:3, 3]
    across = task.scene.hand.pose_world_from_grip[:3, 1]
    # The left finger is all open: the cup leans against it and is away from the other one.
    task.target.place(grip_m + across * (0.045 - CUP_RADIUS_M + 0.0005), 0.0)
    task.world.forward()
    assert len(task.target.touching(task.scene.hand.fingers)) == 1
    assert task.update() == Progress(stage=1)


def test_lifting_the_wrong_object_fails_for_good(task, stand):
    task.reset(0)
    wrong = task.scene.objects[1]
    assert wrong is not task.target
    hold(task, wrong)
    assert task.update() == Progress(wrong_object=True)
    task.reset(0)
    hold(task, wrong)
    task.update()
    wrong.place(np.array([0.45, -0.4, LOW_SHELF_M + CUP_HALF_HEIGHT_M]), 0.0)
    hold(task, task.target)
    assert task.update() == Progress(stage=4, wrong_object=True)
    put_on_mat(task, task.target)
    stand(SETTLE_S + 0.1, task.update)
    assert task.update() == Progress(stage=5, success=False, wrong_object=True)


def test_touching_the_wrong_object_where_it_stands_is_no_failure(task):
    task.reset(0)
    task.robot.place(np.array([0.0, 0.0, 0.42]), np.array([1.0, 0.0, 0.0, 0.0]), START_RAD)
    task.world.forward()
    up_m = LOW_SHELF_M + 0.02 + CUP_HALF_HEIGHT_M - task.scene.hand.pose_world_from_grip[2, 3]
    hold(task, task.scene.objects[1], up_m)
    assert len(task.scene.objects[1].touching(task.scene.hand.fingers)) == 2
    assert task.update() == Progress()


def test_a_robot_with_a_low_pelvis_has_fallen_for_good(task):
    task.reset(0)
    task.robot.place(np.array([0.0, 0.0, 0.3]), np.array([1.0, 0.0, 0.0, 0.0]), START_RAD)
    assert task.update() == Progress(fell=True)
    task.robot.place(np.array([0.0, 0.0, 0.8]), np.array([1.0, 0.0, 0.0, 0.0]), START_RAD)
    assert task.update() == Progress(fell=True)
    task.reset(0)
    assert task.update() == Progress()


def test_a_robot_that_tilts_too_far_has_fallen(task):
    task.reset(0)
    half_rad = 0.5 * np.arccos(0.55)
    lean = np.array([np.cos(half_rad), 0.0, np.sin(half_rad), 0.0])
    task.robot.place(np.array([0.0, 0.0, 0.8]), lean, START_RAD)
    assert task.update() == Progress(fell=True)


def test_a_reset_clears_the_progress(task):
    task.reset(0)
    hold(task, task.target)
    assert task.update().stage == 4
    task.reset(0)
    assert task.update() == Progress()


def test_only_friction_carries_a_held_cup(task, stand):
    """The same grasp holds with friction and drops the cup without."""
    model = task.world.model
    fingers, cup = [model.geom(f"right_finger_{name}").id for name in ("left", "right")], model.geom("red").id
    kept = model.geom_friction.copy()
    heights_m = []
    try:
        for friction in (kept[cup, 0], 0.0):
            task.reset(0)
            model.geom_friction[[*fingers, cup], 0] = friction
            hold(task, task.target)
            start_m = task.target.position_m[2]
            task.world.data.ctrl[task.robot._grippers[1]] = 0.0
            close_right_hand(task, stand)
            heights_m.append(task.target.position_m[2] - start_m)
    finally:
        model.geom_friction[:] = kept
    assert heights_m[0] > -0.02
    assert heights_m[1] < -0.1


def close_right_hand(task, stand):
    """Stand for a third of a second while the right gripper closes."""
    gripper = task.robot._grippers[1]

    def close():
        task.world.data.ctrl[gripper] = 0.0

    stand(0.33, close)


def test_instances_of_one_scene_have_its_number(task):
    scenes = [task.reset(seed).scene for seed in (6, 7, 8)]
    assert scenes[0] == scenes[1] != scenes[2]


def test_the_operator_cannot_begin_while_its_object_lies(task):
    task.reset(0)
    lying, standing = task.scene.objects if task.target is task.scene.objects[0] else task.scene.objects[::-1]
    lay(task, standing)
    assert task.operator_can_begin()
    lay(task, lying)
    assert not task.operator_can_begin()


def lay(task, body):
    """Lay an object on its side, where it is."""
    task.world.data.joint(body.name).qpos[3:] = np.sqrt([0.5, 0.5, 0.0, 0.0])
    task.world.forward()


def test_the_operator_can_begin_until_it_holds_an_object(task):
    task.reset(0)
    assert task.operator_can_begin()
    for cup in task.scene.objects:
        hold(task, cup)
        assert not task.operator_can_begin()
        task.reset(0)
