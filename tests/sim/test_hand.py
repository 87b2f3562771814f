import numpy as np
import pytest

from hlm.sim.hand import SimulatedHand


@pytest.fixture
def hand(task):
    task.reset(0)
    return SimulatedHand(task.world, "right")


def set_fingers(task, travel_m):
    for name, value in zip(("left", "right"), travel_m, strict=True):
        task.world.data.qpos[task.world.model.joint(f"right_finger_{name}").qposadr[0]] = value
    task.world.forward()


def test_its_pose_is_the_grip_of_the_embodiment(task, hand):
    gripper = task.robot.embodiment.grippers[1]
    link = task.world.data.body(gripper.link)
    rotation = link.xmat.reshape(3, 3)
    np.testing.assert_allclose(hand.pose_world_from_grip[:3, 3], link.xpos + rotation @ gripper.grip_m, atol=1e-12)
    np.testing.assert_allclose(hand.pose_world_from_grip[:3, :3], rotation, atol=1e-12)


def test_points_in_the_grip_frame_undo_its_pose(hand):
    points_m = np.array([[0.3, -0.2, 0.9], [0.0, 0.0, 0.0]])
    pose = hand.pose_world_from_grip
    back_m = hand.points_in_grip_m(points_m) @ pose[:3, :3].T + pose[:3, 3]
    np.testing.assert_allclose(back_m, points_m, atol=1e-12)
    np.testing.assert_allclose(hand.points_in_grip_m(pose[:3, 3]), np.zeros(3), atol=1e-12)


@pytest.mark.parametrize(
    ("travel_m", "touches", "grasps"),
    [((0.045, 0.045), False, False), ((0.0325, 0.045), True, False), ((0.0325, 0.0325), True, True)],
)
def test_one_finger_touches_and_two_grasp(task, hand, travel_m, touches, grasps):
    # The radius of the cup is 33 mm.
    task.target.place(hand.pose_world_from_grip[:3, 3], 0.0)
    set_fingers(task, travel_m)
    assert (hand.touches(task.target), hand.grasps(task.target)) == (touches, grasps)
