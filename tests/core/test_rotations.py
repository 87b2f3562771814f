import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import floats, tuples

from hlm.core.errors import MismatchError
from hlm.core.rotations import (
    matrix_from_quat,
    matrix_from_yaw,
    planar_from_pose,
    pose_from_planar,
    quat_from_matrix,
    quat_from_roll_pitch_yaw,
    quat_from_yaw,
    roll_pitch_yaw_from_quat,
    wrap_angle,
)

HALF = np.sqrt(0.5)
# Away from a pitch of a quarter turn, where roll and yaw are one.
angles = tuples(floats(-3.1, 3.1), floats(-1.5, 1.5), floats(-3.1, 3.1)).map(np.array)


@given(angles)
def test_quaternions_undo_roll_pitch_yaw(roll_pitch_yaw):
    np.testing.assert_allclose(
        roll_pitch_yaw_from_quat(quat_from_roll_pitch_yaw(roll_pitch_yaw)), roll_pitch_yaw, atol=1e-6
    )


@given(angles)
def test_matrices_undo_quaternions(roll_pitch_yaw):
    quat = quat_from_roll_pitch_yaw(roll_pitch_yaw)
    np.testing.assert_allclose(quat_from_matrix(matrix_from_quat(quat)), quat, atol=1e-9)
    assert quat[0] >= 0.0


@given(angles)
def test_roll_pitch_yaw_turn_about_the_fixed_axes_in_this_order(roll_pitch_yaw):
    roll, pitch, yaw = roll_pitch_yaw
    about_x = np.array([[1, 0, 0], [0, np.cos(roll), -np.sin(roll)], [0, np.sin(roll), np.cos(roll)]])
    about_y = np.array([[np.cos(pitch), 0, np.sin(pitch)], [0, 1, 0], [-np.sin(pitch), 0, np.cos(pitch)]])
    matrix = matrix_from_quat(quat_from_roll_pitch_yaw(roll_pitch_yaw))
    np.testing.assert_allclose(matrix, matrix_from_yaw(yaw) @ about_y @ about_x, atol=1e-9)


@pytest.mark.parametrize(
    ("quat_wxyz", "roll_pitch_yaw"),
    [
        ((1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((HALF, HALF, 0.0, 0.0), (np.pi / 2, 0.0, 0.0)),
        ((HALF, 0.0, 0.0, HALF), (0.0, 0.0, np.pi / 2)),
        ((np.cos(0.15), 0.0, np.sin(0.15), 0.0), (0.0, 0.3, 0.0)),
    ],
)
def test_turns_known_by_hand(quat_wxyz, roll_pitch_yaw):
    np.testing.assert_allclose(roll_pitch_yaw_from_quat(np.array(quat_wxyz)), roll_pitch_yaw, atol=1e-12)
    np.testing.assert_allclose(quat_from_roll_pitch_yaw(np.array(roll_pitch_yaw)), quat_wxyz, atol=1e-12)


@given(floats(-3.1, 3.1))
def test_a_yaw_is_the_same_rotation_as_quaternion_and_as_matrix(yaw_rad):
    np.testing.assert_allclose(matrix_from_quat(quat_from_yaw(yaw_rad)), matrix_from_yaw(yaw_rad), atol=1e-12)


@given(tuples(floats(-5.0, 5.0), floats(-5.0, 5.0), floats(-3.1, 3.1)).map(np.array))
def test_poses_undo_planar_coordinates(planar):
    pose = pose_from_planar(planar)
    np.testing.assert_allclose(planar_from_pose(pose), planar, atol=1e-12)
    np.testing.assert_array_equal(pose[2], [0.0, 0.0, 1.0, 0.0])


def test_a_quarter_turn_to_the_left_takes_x_to_y():
    for matrix in (matrix_from_yaw(np.pi / 2), matrix_from_quat(np.array([HALF, 0.0, 0.0, HALF]))):
        np.testing.assert_allclose(matrix @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-12)


def test_a_quaternion_and_its_negative_are_the_same_turn():
    quat = np.array([0.5, -0.7, 0.1, 0.5])
    np.testing.assert_allclose(roll_pitch_yaw_from_quat(-quat), roll_pitch_yaw_from_quat(quat), atol=1e-12)


def test_batches_keep_their_shape():
    quats = quat_from_roll_pitch_yaw(np.random.default_rng(0).uniform(-1.0, 1.0, (2, 3, 3)))
    assert quats.shape == (2, 3, 4)
    assert matrix_from_quat(quats).shape == (2, 3, 3, 3)
    np.testing.assert_allclose(matrix_from_quat(quats)[1, 2], matrix_from_quat(quats[1, 2]), atol=1e-12)
    np.testing.assert_allclose(quat_from_matrix(matrix_from_quat(quats)), quats, atol=1e-12)


@given(floats(-1e4, 1e4))
def test_wrapped_angles_lie_in_their_range_and_point_the_same_way(angle_rad):
    wrapped = wrap_angle(angle_rad)
    assert -np.pi <= wrapped < np.pi
    np.testing.assert_allclose(np.exp(1j * wrapped), np.exp(1j * angle_rad), atol=1e-9)


@pytest.mark.parametrize(
    ("angle_rad", "wrapped_rad"),
    [(0.0, 0.0), (np.pi, -np.pi), (-np.pi, -np.pi), (np.nextafter(-np.pi, -4.0), -np.pi), (3.5 * np.pi, -0.5 * np.pi)],
)
def test_wrapped_angles_at_the_ends(angle_rad, wrapped_rad):
    np.testing.assert_allclose(wrap_angle(angle_rad), wrapped_rad, atol=1e-12)


NONE = [(0.0, 0.0, 0.0, 0.0), (0.5, 0.5, 0.5, 0.0), (np.nan, 0.0, 0.0, 1.0), (0.0, np.inf, 0.0, 0.0)]


@pytest.mark.parametrize("quat", NONE)
@pytest.mark.parametrize("convert", [roll_pitch_yaw_from_quat, matrix_from_quat])
def test_a_quaternion_of_another_length_than_1_is_refused_by_its_numbers(quat, convert):
    with pytest.raises(MismatchError, match=r"a unit quaternion \(w, x, y, z\), got \[" + re.escape(f"{quat[0]:g}, ")):
        convert(np.array([[1.0, 0.0, 0.0, 0.0], quat]))


def test_a_quaternion_rounded_to_three_decimals_is_one():
    random = np.random.default_rng(0).normal(size=(1000, 4))
    rounded = (random / np.linalg.norm(random, axis=1, keepdims=True)).round(3)
    np.testing.assert_allclose(np.linalg.det(matrix_from_quat(rounded)), 1.0)
