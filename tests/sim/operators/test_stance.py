import numpy as np

from hlm.control.model import BodyModel
from hlm.sim.operators.stance import sole_poses, true_configuration


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
