"""The motion file to try is a person who squats on feet that stand, and raises a hand."""

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.keypoints.calibration import Calibration
from hlm.teleop.motion.measured import calibration_of
from hlm.teleop.motion.motion_reader import MotionOptions, read_motion
from hlm.teleop.motion.standing import standing_window

SCRIPT = Path(__file__).parents[1] / "scripts" / "sample_motion.py"


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    path = tmp_path_factory.mktemp("motion") / "new" / "sample.bvh"
    assert runpy.run_path(str(SCRIPT))["main"]([str(path)]) == 0
    return read_motion(path, MotionOptions())


def path_of(motion, keypoint):
    return motion.position_in_world_m[:, KEYPOINTS.index(keypoint)]


def test_feet_stand_flat_while_the_pelvis_goes_down_and_comes_up(motion):
    for foot in ("left_ankle", "right_ankle", "left_toe", "right_toe"):
        assert np.ptp(path_of(motion, foot), axis=0).max() < 1e-3, foot
    height_m = path_of(motion, "pelvis")[:, 2]
    assert height_m[0] - height_m.min() > 0.2
    assert height_m[-1] == pytest.approx(height_m[0], abs=1e-4)


def test_both_hands_reach_ahead_and_the_right_one_is_raised(motion):
    left, right = path_of(motion, "left_wrist"), path_of(motion, "right_wrist")
    assert min(left[:, 0].max(), right[:, 0].max()) > 0.4
    assert right[:, 2].max() > path_of(motion, "head")[:, 2].max()
    assert left[:, 2].max() < 1.0


def test_it_is_slow_enough_for_a_robot_that_stands(motion):
    speed_m_s = np.linalg.norm(np.diff(motion.position_in_world_m, axis=0), axis=2) * 30.0
    assert speed_m_s.max() < 1.5


def test_the_person_is_measured_where_the_arms_rest_as_well(motion):
    window = standing_window(motion.position_in_world_m, motion.frame_time_s)
    assert np.ptp(path_of(motion, "right_wrist")[window], axis=0).max() < 0.04
    assert calibration_of(motion, UNITREE_G1).height_m == pytest.approx(1.71, abs=0.1)


def test_who_never_rests_their_arms_is_measured_all_the_same(motion):
    """Upright in all frames, with a hand that always moves."""
    waving = motion.position_in_world_m.copy()
    waving[:, KEYPOINTS.index("left_hand"), 0] += 0.3 * np.sin(np.arange(len(waving)))
    restless = replace(motion, position_in_world_m=waving)
    with pytest.raises(InputError, match="left_hand moves"):
        Calibration.from_standing([restless.frame(index, index * 33_000_000) for index in range(60)], UNITREE_G1)
    assert calibration_of(restless, UNITREE_G1).height_m == pytest.approx(1.71, abs=0.1)
