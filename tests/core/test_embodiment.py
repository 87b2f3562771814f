"""The table of the Unitree G1 against published figures and against itself."""

import numpy as np
import pytest

from hlm.core.embodiments.catalog import EMBODIMENTS, find_embodiment
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import UnknownNameError
from hlm.core.layout import MOTOR_LEFT_ARM, MOTOR_LEGS_AND_WAIST, MOTOR_ORDER, MOTOR_RIGHT_ARM

# Limits and default pose, rad, as Unitree's model (revision 1.0) and NVIDIA's deployment of it have them; motor order.
LEG = [(-2.5307, 2.8798), (-0.5236, 2.9671), (-2.7576, 2.7576), (-0.0873, 2.8798), (-0.8727, 0.5236), (-0.2618, 0.2618)]
RIGHT_LEG = [LEG[0], (-2.9671, 0.5236), *LEG[2:]]
WAIST = [(-2.618, 2.618), (-0.52, 0.52), (-0.52, 0.52)]
FOREARM = [(-1.0472, 2.0944), (-1.9722, 1.9722), (-1.6144, 1.6144), (-1.6144, 1.6144)]
ARM = [(-3.0892, 2.6704), (-1.5882, 2.2515), (-2.618, 2.618), *FOREARM]
RIGHT_ARM = [ARM[0], (-2.2515, 1.5882), *ARM[2:]]
DEFAULT_LEG = [-0.312, 0, 0, 0.669, -0.363, 0]
DEFAULT = [*DEFAULT_LEG, *DEFAULT_LEG, 0, 0, 0, 0.2, 0.2, 0, 0.6, 0, 0, 0, 0.2, -0.2, 0, 0.6, 0, 0, 0]
# Reference stiffness and damping of each motor, to the digits that are published.
GAINS = {
    "shoulder_pitch": (14.251, 0.9072),
    "wrist_roll": (14.251, 0.9072),
    "wrist_yaw": (16.778, 1.0681),
    "hip_yaw": (40.179, 2.5579),
    "waist_yaw": (40.179, 2.5579),
    "hip_roll": (99.098, 6.3088),
    "knee": (99.098, 6.3088),
    "ankle_pitch": (28.501, 1.8144),
    "waist_pitch": (28.501, 1.8144),
}


def test_joints_are_in_motor_order():
    assert [joint.name for joint in UNITREE_G1.joints] == list(MOTOR_ORDER)


def test_links_are_a_tree_with_parents_before_children():
    names = [link.name for link in UNITREE_G1.links]
    assert len(set(names)) == len(names) == 30
    base, *others = UNITREE_G1.links
    assert (base.parent, base.joint) == (None, None)
    for link in others:
        assert names.index(link.parent) < names.index(link.name)
        assert link.joint is not None


def test_limits_and_default_pose_are_the_published_ones():
    limits = np.array([*LEG, *RIGHT_LEG, *WAIST, *ARM, *RIGHT_ARM])
    np.testing.assert_allclose(UNITREE_G1.lower_rad, limits[:, 0], atol=6e-5)
    np.testing.assert_allclose(UNITREE_G1.upper_rad, limits[:, 1], atol=6e-5)
    np.testing.assert_array_equal(UNITREE_G1.default_rad, DEFAULT)


def test_the_default_pose_is_within_the_limits():
    assert (UNITREE_G1.lower_rad < UNITREE_G1.default_rad).all()
    assert (UNITREE_G1.default_rad < UNITREE_G1.upper_rad).all()


def test_gains_follow_from_the_rotors_inertia():
    omega_rad_s = 2.0 * np.pi * 10.0
    for joint in UNITREE_G1.joints:
        assert joint.kp_nm_rad == pytest.approx(joint.motor.armature_kg_m2 * omega_rad_s**2)
        assert joint.kd_nm_s_rad == pytest.approx(2.0 * 2.0 * joint.motor.armature_kg_m2 * omega_rad_s)


@pytest.mark.parametrize("name", GAINS)
def test_gains_are_the_published_ones(name):
    for joint in UNITREE_G1.joints:
        if joint.name.endswith(name):
            assert (joint.kp_nm_rad, joint.kd_nm_s_rad) == pytest.approx(GAINS[name], abs=6e-4)


def test_columns_are_those_of_the_joints_and_read_only():
    columns = {
        "lower_rad": lambda joint: joint.lower_rad,
        "upper_rad": lambda joint: joint.upper_rad,
        "default_rad": lambda joint: joint.default_rad,
        "effort_nm": lambda joint: joint.motor.effort_nm,
        "velocity_rad_s": lambda joint: joint.motor.velocity_rad_s,
        "armature_kg_m2": lambda joint: joint.motor.armature_kg_m2,
    }
    for name, figure in columns.items():
        column = getattr(UNITREE_G1, name)
        assert column.tolist() == [figure(joint) for joint in UNITREE_G1.joints]
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0.0


# The rubber hand that the grippers replace, as published: kg, m in the wrist's frame, kg m^2.
RUBBER_HAND_KG = 0.170
RUBBER_HAND_COM_M = np.array([0.0415 + 0.05361311, 0.003 - 0.00295905, 0.00215413])
RUBBER_HAND_INERTIA = (0.00010099, 0.00028136, 0.00021895, 3.6186e-05, -7.43e-07, 3.302e-06)


def test_the_robot_has_its_published_mass_less_the_rubber_hands():
    assert sum(link.mass_kg for link in UNITREE_G1.links) == pytest.approx(33.3411 - 2 * RUBBER_HAND_KG, abs=1e-3)


def test_the_bare_wrist_and_the_rubber_hand_are_the_wrist_that_is_published_with_its_hand():
    def tensor(inertia):
        xx, yy, zz, xy, xz, yz = inertia
        return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])

    def moved(mass_kg, offset_m):
        return mass_kg * (offset_m @ offset_m * np.eye(3) - np.outer(offset_m, offset_m))

    wrist = UNITREE_G1.links[[link.name for link in UNITREE_G1.links].index("left_wrist_yaw")]
    wrist_com_m = np.array(wrist.com_position_m)
    mass_kg = wrist.mass_kg + RUBBER_HAND_KG
    com_m = (wrist.mass_kg * wrist_com_m + RUBBER_HAND_KG * RUBBER_HAND_COM_M) / mass_kg
    inertia = (
        tensor(wrist.inertia_kg_m2)
        + moved(wrist.mass_kg, wrist_com_m - com_m)
        + tensor(RUBBER_HAND_INERTIA)
        + moved(RUBBER_HAND_KG, RUBBER_HAND_COM_M - com_m)
    )
    assert mass_kg == pytest.approx(0.254576, abs=1e-6)
    np.testing.assert_allclose(com_m, [0.0708244, 0.000191745, 0.00161742], atol=2e-7)
    published = (0.00015044, 0.00064311, 0.00056011, 3.76e-05, -2.95e-06, 3.78e-06)
    np.testing.assert_allclose(inertia, tensor(published), atol=2e-8)


def lefts():
    links = {link.name: link for link in UNITREE_G1.links}
    names = [name for name in links if name.startswith("left_")]
    return [pytest.param(links[name], links[name.replace("left_", "right_")], id=name) for name in names]


@pytest.mark.parametrize(("left", "right"), lefts())
def test_the_right_side_mirrors_the_left_one(left, right):
    mirror = np.array([1.0, -1.0, 1.0])
    assert right.parent == left.parent.replace("left_", "right_")
    np.testing.assert_array_equal(np.array(right.position_m), mirror * left.position_m)
    np.testing.assert_array_equal(np.array(right.com_position_m), mirror * left.com_position_m)
    assert (right.mass_kg, right.joint.motor, right.joint.axis) == (left.mass_kg, left.joint.motor, left.joint.axis)
    assert right.roll_pitch_rad == (-left.roll_pitch_rad[0], left.roll_pitch_rad[1])
    xx, yy, zz, xy, xz, yz = left.inertia_kg_m2
    assert right.inertia_kg_m2 == (xx, yy, zz, -xy, xz, -yz)
    sign = 1.0 if left.joint.axis == "y" else -1.0
    limits = sorted([sign * left.joint.lower_rad, sign * left.joint.upper_rad])
    assert [right.joint.lower_rad, right.joint.upper_rad] == limits
    assert right.joint.default_rad == sign * left.joint.default_rad


def test_inertias_are_of_real_bodies():
    for link in UNITREE_G1.links:
        xx, yy, zz, xy, xz, yz = link.inertia_kg_m2
        moments = np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        assert link.mass_kg > 0.0
        assert moments[0] > 0.0, link.name
        # The published figures have few digits: the triangle of a thin plate closes only to within them.
        assert moments[0] + moments[1] > 0.97 * moments[2], link.name


def test_soles_are_convex_and_symmetric_enough_to_stand_on():
    corners = np.array(UNITREE_G1.sole_corners_m)
    edges = np.roll(corners, -1, axis=0) - corners
    turns = edges[:, 0] * np.roll(edges, -1, axis=0)[:, 1] - edges[:, 1] * np.roll(edges, -1, axis=0)[:, 0]
    assert (turns > 0.0).all() or (turns < 0.0).all()
    assert corners[:, 1].sum() == pytest.approx(0.0)
    assert np.ptp(corners[:, 2]) == 0.0


def test_grippers_are_alike_and_hold_between_their_fingers():
    left, right = UNITREE_G1.grippers
    assert (left.side, right.side) == ("left", "right")
    for gripper in UNITREE_G1.grippers:
        assert gripper.link == f"{gripper.side}_wrist_yaw"
        finger_m = np.array(gripper.finger_center_m)
        assert (np.abs(np.array(gripper.grip_m) - finger_m) <= gripper.finger_half_size_m).all()
        assert 2 * gripper.finger_stroke_m == pytest.approx(0.09)


def test_cameras_and_soles_are_on_links_of_the_robot():
    names = {link.name for link in UNITREE_G1.links}
    assert [camera.name for camera in UNITREE_G1.cameras] == ["head", "left_wrist", "right_wrist"]
    assert {camera.link for camera in UNITREE_G1.cameras} <= names
    assert set(UNITREE_G1.sole_links) <= names


def test_capsules_are_on_links_and_mirrored():
    capsules = UNITREE_G1.capsules
    assert {capsule.link for capsule in capsules} <= {link.name for link in UNITREE_G1.links}
    for capsule in capsules:
        mirrored = {(x, -y, z) for x, y, z in (capsule.start_m, capsule.end_m)}
        other = capsule.link.replace("left", "x").replace("right", "left").replace("x", "right")
        same = [one for one in capsules if (one.link, one.radius_m) == (other, capsule.radius_m)]
        assert any({one.start_m, one.end_m} == mirrored for one in same), capsule


def test_poses_are_within_the_joint_limits():
    assert [pose.name for pose in UNITREE_G1.poses] == ["manipulation"]
    for pose in UNITREE_G1.poses:
        angles_rad = UNITREE_G1.pose_rad(pose.name)
        assert angles_rad.shape == (29,)
        assert (angles_rad > UNITREE_G1.lower_rad).all()
        assert (angles_rad < UNITREE_G1.upper_rad).all()
        assert not angles_rad.flags.writeable


def test_the_manipulation_pose_moves_only_the_arms():
    angles_rad = UNITREE_G1.pose_rad("manipulation")
    unmoved = MOTOR_LEGS_AND_WAIST
    np.testing.assert_array_equal(angles_rad[unmoved], UNITREE_G1.default_rad[unmoved])
    np.testing.assert_array_equal(angles_rad[MOTOR_LEFT_ARM], [0.55, 0.25, 0.0, 0.45, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(angles_rad[MOTOR_RIGHT_ARM], [0.843, -0.335, -0.094, -0.588, 0.396, -0.231, 0.115])


def test_an_unknown_pose_is_named_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no pose 'manipulate'\..* Did you mean 'manipulation'\?"):
        UNITREE_G1.pose_rad("manipulate")


def test_embodiments_are_found_by_their_name():
    for name, embodiment in EMBODIMENTS.items():
        assert embodiment.name == name
        assert find_embodiment(name) is embodiment
    with pytest.raises(UnknownNameError, match=r"no embodiment 'unitree_h1'\..* Did you mean 'unitree_g1'\?"):
        find_embodiment("unitree_h1")
