import numpy as np

from hlm.control.model import BodyModel
from hlm.core.rotations import matrix_from_quat
from hlm.sim.operators.stance import pose_target, sole_poses, true_configuration


def test_the_true_configuration_puts_the_soles_where_the_simulated_feet_are(task):
    task.reset(0)
    embodiment = task.robot.embodiment
    poses = sole_poses(BodyModel(embodiment), true_configuration(task.robot))
    center_m = np.mean(embodiment.sole_corners_m, axis=0)
    for pose, link in zip(poses, embodiment.sole_links, strict=True):
        foot = task.world.data.body(link)
        rotation = foot.xmat.reshape(3, 3)
        np.testing.assert_allclose(pose[:3, 3], foot.xpos + rotation @ center_m, atol=1e-9)
        np.testing.assert_allclose(pose[:3, :3], rotation, atol=1e-9)


def test_a_pose_target_is_at_its_pose(task):
    pose = task.scene.hand.pose_world_from_grip
    target = pose_target(pose)
    np.testing.assert_array_equal(target.position_in_world_m, pose[:3, 3])
    np.testing.assert_allclose(matrix_from_quat(target.quat_world_from_frame_wxyz), pose[:3, :3], atol=1e-9)
