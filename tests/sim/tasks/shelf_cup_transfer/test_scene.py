import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import MOTOR_RIGHT_ARM
from hlm.core.task import Progress
from hlm.sim.start_pose import START_POSE
from hlm.sim.tasks.shelf_cup_transfer.table import CUP_HALF_HEIGHT_M, CUP_RADIUS_M, HIGH_SHELF_M, LOW_SHELF_M

FIXED_JOINTS = slice(0, MOTOR_RIGHT_ARM.start)
SEEDS = range(0, 40, 2)
START_RAD = UNITREE_G1.pose_rad(START_POSE)


def test_cups_stand_apart_upright_on_the_low_shelf_and_the_mat_lies_on_the_high_one(task):
    for seed in SEEDS:
        task.reset(seed)
        red, blue = task.scene.objects
        assert np.linalg.norm(red.position_m[:2] - blue.position_m[:2]) > 2 * CUP_RADIUS_M + 0.04
        for cup in task.scene.objects:
            assert cup.position_m[2] - CUP_HALF_HEIGHT_M == pytest.approx(LOW_SHELF_M)
            assert cup.uprightness == pytest.approx(1.0)
        assert task.scene.mat_position_m[2] == pytest.approx(HIGH_SHELF_M, abs=0.002)
        assert task.update() == Progress()


def test_the_robot_starts_on_its_soles_and_near_the_start_pose(task):
    task.reset(8)
    corners_m = []
    for link in UNITREE_G1.sole_links:
        sole = task.world.data.body(link)
        corners_m.append(sole.xpos + np.array(UNITREE_G1.sole_corners_m) @ sole.xmat.reshape(3, 3).T)
    heights_m = np.concatenate(corners_m)[:, 2]
    assert heights_m.min() == pytest.approx(0.0, abs=1e-9)
    assert heights_m.max() < 0.01
    assert np.mean(np.concatenate(corners_m)[:, 1]) == pytest.approx(0.0, abs=0.01)
    joints = task.robot.read().joint_position_rad
    np.testing.assert_allclose(joints, START_RAD, atol=0.15)
    np.testing.assert_array_equal(joints[FIXED_JOINTS], START_RAD[FIXED_JOINTS])
    assert (joints > UNITREE_G1.lower_rad).all()
    assert (joints < UNITREE_G1.upper_rad).all()
