"""The verticals of pelvis and torso, against the rigid-body model."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hlm.control.model import BodyModel, Configuration
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import MOTOR_ORDER
from hlm.core.rotations import matrix_from_quat, quat_from_matrix, quat_from_roll_pitch_yaw
from hlm.core.values import RobotState
from hlm.runtime.safety.inertial_units import InertialUnits

MODEL = BodyModel(UNITREE_G1)
UNITS = InertialUnits(UNITREE_G1)
WAIST = [MOTOR_ORDER.index(f"waist_{name}") for name in ("yaw", "roll", "pitch")]

angles = st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=3).map(np.array)


def state(root_rad, waist_rad):
    joints = UNITREE_G1.default_rad.copy()
    joints[WAIST] = waist_rad
    return RobotState(0, joints, np.zeros(29), quat_from_roll_pitch_yaw(root_rad), np.zeros(3))


def with_torso(measured, error_rad, yaw_rad):
    """With what a unit in the torso measures that is wrong by a rotation vector and has another origin of yaw."""
    pose = Configuration(
        position_pelvis_in_world_m=np.zeros(3),
        quat_world_from_pelvis_wxyz=measured.quat_world_from_pelvis_wxyz,
        joint_position_rad=measured.joint_position_rad,
    )
    yawed = matrix_from_quat(quat_from_roll_pitch_yaw(np.array([0.0, 0.0, yaw_rad])))
    wrong = matrix_from_quat(quat_from_roll_pitch_yaw(error_rad))
    torso = yawed @ MODEL.pose_world_from("torso", pose)[:3, :3] @ wrong
    return replace(measured, quat_world_from_torso_wxyz=quat_from_matrix(torso))


@given(angles, angles, st.floats(-3.0, 3.0))
def test_units_that_are_right_agree_whatever_the_pose_and_the_yaw(root_rad, waist_rad, yaw_rad):
    both = with_torso(state(root_rad, waist_rad), np.zeros(3), yaw_rad)
    assert UNITS.disagreement_rad(both) == pytest.approx(0.0, abs=1e-6)


@given(st.floats(-1.5, 1.5), angles)
def test_a_pitch_error_of_an_upright_torso_is_the_disagreement(pitch_rad, waist_rad):
    both = with_torso(state(np.zeros(3), np.array([waist_rad[0], 0.0, 0.0])), np.array([0.0, pitch_rad, 0.0]), 0.0)
    assert UNITS.disagreement_rad(both) == pytest.approx(abs(pitch_rad), abs=1e-6)


def test_without_a_unit_in_the_torso_there_is_no_number():
    assert np.isnan(UNITS.disagreement_rad(state(np.zeros(3), np.zeros(3))))
