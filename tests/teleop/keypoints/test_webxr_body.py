import re

import numpy as np
import pytest

from hlm.teleop.devices.headset.webxr_axes import pose_from_webxr
from hlm.teleop.devices.webxr import PAGE
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.keypoints.webxr_body import JOINTS, keypoints_from_webxr

HALF = float(np.sqrt(0.5))
# A person in a T-pose who looks along -z, in WebXR's axes. A wrist's -z axis points along the fingers and its y axis
# out of the back of the hand, which is up: a quarter turn about y to the left for the left one, to the right for the
# right.
T_POSE = {joint: [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0] for joint in JOINTS.values()}
for side, x_m, turn in (("left", -0.7, HALF), ("right", 0.7, -HALF)):
    for joint in ("hand-wrist", "hand-palm"):
        T_POSE[f"{side}-{joint}"] = [x_m, 1.4, 0.0, 0.0, turn, 0.0, HALF]


def keypoints(joints):
    poses = {name: pose_from_webxr(values) for name, values in joints.items()}
    return keypoints_from_webxr(poses, pose_from_webxr([0, 1.6, 0, 0, 0, 0, 1]), np.array([1.0, 0.5]), 7)


def row(name):
    return KEYPOINTS.index(name)


def test_every_keypoint_has_a_joint_of_its_own():
    assert set(JOINTS) == set(KEYPOINTS)
    assert len(set(JOINTS.values())) == len(KEYPOINTS)


def test_the_page_sends_these_joints():
    listed = (PAGE / "frame.js").read_text().partition("JOINTS = [")[2].partition("]")[0]
    assert sorted(re.findall(r'"([\w-]+)"', listed)) == sorted(JOINTS.values())


def test_orientations_are_the_identity_in_a_t_pose():
    quat = keypoints(T_POSE).quat_world_from_keypoint_wxyz
    known = [row(name) for name in ("head", "left_wrist", "right_wrist", "left_hand", "right_hand")]
    np.testing.assert_allclose(quat[known], [(1, 0, 0, 0)] * 5, atol=1e-6)
    others = [index for index in range(len(KEYPOINTS)) if index not in known]
    assert np.all(np.isnan(quat[others]))


def test_positions_stand_in_our_world():
    said = keypoints(T_POSE)
    np.testing.assert_allclose(said.position_in_world_m[row("left_wrist")], (0.0, 0.7, 1.4))
    np.testing.assert_allclose(said.position_in_world_m[row("right_hand")], (0.0, -0.7, 1.4))
    np.testing.assert_allclose(said.position_in_world_m[row("pelvis")], (0.0, 0.0, 1.0))
    assert said.stamp_ns == 7
    assert said.gripper_opening.tolist() == [1.0, 0.5]


@pytest.mark.parametrize("name", KEYPOINTS)
def test_what_is_missing_is_not_known_and_never_zero(name):
    said = keypoints({joint: pose for joint, pose in T_POSE.items() if joint != JOINTS[name]})
    assert np.all(np.isnan(said.position_in_world_m[row(name)]))
    assert np.isfinite(said.position_in_world_m).all(axis=1).sum() == len(KEYPOINTS) - 1
