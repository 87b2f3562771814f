"""A body that is told to stay as it is stays as it is, whatever it was doing."""

import numpy as np
import pytest

from hlm.control.commanded_body.commanded_body import CommandedBody
from hlm.control.commanded_body.posture import posture
from hlm.control.commanded_body.start import standing_configuration
from hlm.control.model import BodyModel
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.layout import GRIPPERS, LEFT_ARM, RIGHT_ARM, ROOT_PITCH, pack

G1 = find_embodiment("unitree_g1")
MODEL = BodyModel(G1)


def standing(arms_rad=0.0, opening=(1.0, 1.0), pitch_rad=0.0):
    """[34] a robot that stands and lifts both arms ahead."""
    vector = pack(G1.pose_rad("manipulation"), np.array(opening), np.array([0.0, pitch_rad, 0.0]))
    vector[LEFT_ARM.start] -= arms_rad
    vector[RIGHT_ARM.start] -= arms_rad
    return vector


def soles_and_grips(configuration):
    names = ("left_sole", "right_sole", "left_grip", "right_grip")
    return np.array([MODEL.pose_world_from(name, configuration)[:3, 3] for name in names])


@pytest.mark.parametrize("vector", [standing(), standing(0.4, (0.3, 0.0)), standing(0.2, (1.0, 0.0))])
def test_what_keeps_its_posture_does_not_move(vector):
    start = standing_configuration(MODEL, vector)
    command = posture(MODEL, vector)
    body = CommandedBody(G1)
    body.reset(start, command.gripper_opening)
    for _ in range(45):
        pose = body.pose(command, 1.0 / 30.0)
    np.testing.assert_allclose(soles_and_grips(body.likely_configuration), soles_and_grips(start), atol=0.015)
    np.testing.assert_array_equal(pose.gripper_opening, vector[list(GRIPPERS)])


def test_it_tells_height_lean_waist_and_grippers_of_the_reference():
    vector = standing(0.3, (0.25, 0.0), pitch_rad=0.1)
    command = posture(MODEL, vector)
    assert command.pelvis_pitch_rad == pytest.approx(vector[ROOT_PITCH])
    assert 0.6 < command.pelvis_height_m < 0.8
    np.testing.assert_array_equal(command.gripper_opening, [0.25, 0.0])
    np.testing.assert_array_equal(command.velocity_m_s, 0.0)
    assert command.soles == (None, None)
