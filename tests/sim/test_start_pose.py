import numpy as np

from hlm.core.layout import MOTOR_RIGHT_ARM
from hlm.sim.start_pose import START_POSE, sampled_start_pose_rad, stand_on_floor


def test_only_the_right_arm_varies(task):
    embodiment = task.robot.embodiment
    start_rad = embodiment.pose_rad(START_POSE)
    samples_rad = np.array([sampled_start_pose_rad(embodiment, np.random.default_rng(seed)) for seed in range(50)])
    deviation_rad = samples_rad - start_rad
    np.testing.assert_allclose(deviation_rad[:, MOTOR_RIGHT_ARM].std(axis=0), 0.03, rtol=0.4)
    deviation_rad[:, MOTOR_RIGHT_ARM] = 0.0
    assert not deviation_rad.any()


def test_the_robot_stands_where_it_is_put_on_its_lowest_corner(task):
    robot, world, embodiment = task.robot, task.world, task.robot.embodiment
    for ankles in ((0.0, 0.0, 0.0), (-0.5, 0.2, 0.4), (0.1, -0.3, -2.0)):
        stand_on_floor(world, robot, embodiment.pose_rad(START_POSE), np.array(ankles))
        world.forward()
        feet = [world.data.body(link) for link in embodiment.sole_links]
        corners_m = [foot.xpos + np.array(embodiment.sole_corners_m) @ foot.xmat.reshape(3, 3).T for foot in feet]
        np.testing.assert_allclose(np.mean([foot.xpos[:2] for foot in feet], axis=0), ankles[:2], atol=1e-9)
        np.testing.assert_allclose(np.min(np.concatenate(corners_m)[:, 2]), 0.0, atol=1e-9)
        np.testing.assert_allclose(np.arctan2(feet[0].xmat[3], feet[0].xmat[0]), ankles[2], atol=0.05)
