"""Measuring an operator who stands still, and refusing those who do not."""

from dataclasses import replace

import numpy as np
import pytest

from hlm.control.model import BodyModel, Configuration
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.keypoints.calibration import Calibration
from hlm.teleop.keypoints.robot_keypoints import keypoints_of

MODEL = BodyModel(UNITREE_G1)
STRAIGHT = Configuration(
    position_pelvis_in_world_m=np.array([0.3, -0.2, 0.788]),
    quat_world_from_pelvis_wxyz=np.array([1.0, 0.0, 0.0, 0.0]),
    joint_position_rad=np.zeros(29),
)
ONE = keypoints_of(MODEL, STRAIGHT, 0)
RATE_HZ = 30.0


def standing(scale=1.0, seconds=2.0, noise_m=0.0):
    """Frames of a person with a robot's proportions."""
    random = np.random.default_rng(0)
    steps = range(round(seconds * RATE_HZ) + 1)
    return [
        replace(
            ONE,
            stamp_ns=round(step * 1e9 / RATE_HZ),
            position_in_world_m=scale * ONE.position_in_world_m + noise_m * random.normal(size=(len(KEYPOINTS), 3)),
        )
        for step in steps
    ]


def changed(frames, name, change):
    """The frames with one keypoint's positions changed by a function of the step."""
    result = []
    for step, frame in enumerate(frames):
        points_m = frame.position_in_world_m.copy()
        points_m[KEYPOINTS.index(name)] += change(step)
        result.append(replace(frame, position_in_world_m=points_m))
    return result


def test_lengths_grow_with_the_person():
    small, tall = (Calibration.from_standing(standing(scale), UNITREE_G1) for scale in (1.1, 1.4))
    for name in ("height_m", "leg_m", "upper_arm_m", "forearm_m", "hand_m", "hip_half_width_m"):
        assert getattr(tall, name) / getattr(small, name) == pytest.approx(1.4 / 1.1)
    assert tall.leg_scale * 1.4 == pytest.approx(small.leg_scale * 1.1)


def test_a_person_with_the_robots_limbs_is_as_large_as_the_robot():
    calibration = Calibration.from_standing(standing(), UNITREE_G1)
    assert calibration.leg_scale == pytest.approx(0.97, abs=1e-3)
    assert calibration.arm_scale == pytest.approx(0.97, abs=1e-3)


def test_noise_of_a_tracker_changes_lengths_by_less_than_a_centimetre():
    exact, noisy = (Calibration.from_standing(standing(noise_m=noise_m), UNITREE_G1) for noise_m in (0.0, 0.005))
    assert noisy.leg_m == pytest.approx(exact.leg_m, abs=0.01)
    assert noisy.upper_arm_m == pytest.approx(exact.upper_arm_m, abs=0.01)


def test_a_keypoint_that_is_missing_is_named():
    frames = changed(standing(), "left_knee", lambda _: np.nan)
    with pytest.raises(InputError, match=r"missing in too many of 61 frames: left_knee\."):
        Calibration.from_standing(frames, UNITREE_G1)


def test_a_keypoint_that_moves_is_named():
    frames = changed(standing(), "right_wrist", lambda step: 0.2 * np.sin(0.2 * step))
    with pytest.raises(InputError, match=r"right_wrist moves by .* cm"):
        Calibration.from_standing(frames, UNITREE_G1)


@pytest.mark.parametrize("frames", [[], standing(seconds=1.0), standing()[::15]])
def test_too_little_is_refused(frames):
    with pytest.raises(InputError, match=r"needs 2 s of standing still, got [\d.]+ s in \d+ frames"):
        Calibration.from_standing(frames, UNITREE_G1)


def test_who_squats_does_not_stand():
    frames = standing()
    for name in KEYPOINTS:
        if "ankle" not in name and "toe" not in name and "knee" not in name:
            frames = changed(frames, name, lambda _: np.array([0.0, 0.0, -0.3]))
    for name in ("left_knee", "right_knee"):
        frames = changed(frames, name, lambda _: np.array([0.25, 0.0, 0.0]))
    with pytest.raises(InputError, match=r"the hips are .* m above the ankles and the legs"):
        Calibration.from_standing(frames, UNITREE_G1)


def test_who_leans_does_not_stand_upright():
    frames = standing()
    for name in ("left_shoulder", "right_shoulder", "chest"):
        frames = changed(frames, name, lambda _: np.array([0.4, 0.0, 0.0]))
    with pytest.raises(InputError, match=r"stands upright, but the \w+ leans by \d+ degrees"):
        Calibration.from_standing(frames, UNITREE_G1)


def test_centimetres_are_found_out():
    with pytest.raises(InputError, match="keypoints must be in metres"):
        Calibration.from_standing(standing(scale=0.01), UNITREE_G1)


def test_a_floor_of_another_height_is_found_out():
    frames = standing()
    for name in KEYPOINTS:
        frames = changed(frames, name, lambda _: np.array([0.0, 0.0, 0.5]))
    with pytest.raises(InputError, match=r"the floor must have height 0, but the ankles are at 0\.\d+ m"):
        Calibration.from_standing(frames, UNITREE_G1)


def test_a_motion_is_calibrated_by_where_the_person_stands_in_it():
    still = Calibration.from_standing(standing(), UNITREE_G1)
    moving = changed(standing(seconds=4.0), "left_hand", lambda step: np.array([0.0, 0.01 * step, 0.0]))
    motion = Calibration.from_motion(moving, UNITREE_G1)
    assert motion.leg_m == pytest.approx(still.leg_m)
    np.testing.assert_allclose(motion.trunk_from_points, still.trunk_from_points, atol=1e-9)


def test_a_motion_without_frames_is_refused():
    with pytest.raises(InputError, match="a motion without frames"):
        Calibration.from_motion([], UNITREE_G1)
