"""A person that is written as BVH in the way of some program is read as the same person."""

import numpy as np
import pytest
from fakes_people import CONVENTIONS, RATE_HZ, bvh_text, person
from scipy.spatial.transform import Rotation

from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.motion.motion_reader import MotionOptions, read_motion


def read(folder, moved, names="Mixamo", options=None, **how):
    path = folder / "motion.bvh"
    path.write_text(bvh_text(moved, CONVENTIONS[names], **how))
    return read_motion(path, options)


def must_be(motion, moved, position_m=2e-5, angle_rad=1e-4):
    """The same person, moved so that it begins above the origin and looks along x; `moved` does."""
    height = motion.position_in_world_m[:, :, 2] - moved.positions[:, :, 2]
    wanted = moved.positions + np.array([0.0, 0.0, np.median(height)])
    np.testing.assert_allclose(motion.position_in_world_m, wanted, atol=position_m)
    for row, keypoint in enumerate(KEYPOINTS):
        got = Rotation.from_quat(motion.quat_world_from_keypoint_wxyz[:, row], scalar_first=True)
        angle = (got * moved.rotation[keypoint].inv()).magnitude().max()
        assert angle < angle_rad, f"{keypoint} is turned by {angle} rad"


@pytest.fixture(scope="module")
def moved():
    return person()


@pytest.mark.parametrize("names", CONVENTIONS)
def test_every_program_s_names_are_known(tmp_path, moved, names):
    motion = read(tmp_path, moved, names)
    must_be(motion, moved)
    assert set(motion.facts.joints) == set(KEYPOINTS)


@pytest.mark.filterwarnings("ignore:Gimbal lock")
@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("rest", ["t", "hanging", "line"])
def test_any_rest_pose_and_upward_axis(tmp_path, moved, up, rest):
    motion = read(tmp_path, moved, up=up, rest=rest)
    must_be(motion, moved)
    assert motion.facts.up == up
    assert motion.facts.orientations.startswith("the person standing" if rest == "line" else "the rest pose")


@pytest.mark.parametrize(
    ("unit_m", "unit"), [(1.0, "metres"), (0.01, "centimetres"), (0.0254, "inches"), (0.001, "milli")]
)
def test_units_are_found_and_said(tmp_path, moved, unit_m, unit):
    motion = read(tmp_path, moved, unit_m=unit_m)
    must_be(motion, moved)
    assert motion.facts.unit.startswith(unit)


def test_cmu_s_unit_is_found(tmp_path, moved):
    assert "CMU" in read(tmp_path, moved, "CMU", unit_m=0.0254 / 0.45).facts.unit


@pytest.mark.parametrize("order", ["ZXY", "XYZ", "ZYX", "YXZ"])
def test_any_order_of_rotations(tmp_path, moved, order):
    must_be(read(tmp_path, moved, order=order), moved)


def test_position_channels_of_every_joint(tmp_path, moved):
    must_be(read(tmp_path, moved, all_positions=True), moved)


@pytest.mark.parametrize("heading_rad", [-2.0, 1.0, 3.1])
def test_the_first_heading_is_along_x(tmp_path, moved, heading_rad):
    motion = read(tmp_path, person(heading_rad=heading_rad))
    hips = (
        motion.position_in_world_m[0, KEYPOINTS.index("left_hip")]
        - motion.position_in_world_m[0, KEYPOINTS.index("right_hip")]
    )
    np.testing.assert_allclose(hips[[0, 2]], 0.0, atol=1e-6)
    assert hips[1] > 0.0
    np.testing.assert_allclose(motion.position_in_world_m[0, KEYPOINTS.index("pelvis"), :2], 0.0, atol=1e-9)


def test_the_floor_is_where_the_feet_rest(tmp_path, moved):
    motion = read(tmp_path, moved)
    lower_toe_m = motion.position_in_world_m[:, [KEYPOINTS.index(f"{side}_toe") for side in ("left", "right")], 2].min(
        axis=1
    )
    assert np.quantile(lower_toe_m, 0.02) == pytest.approx(0.02, abs=1e-6)


def test_the_rate_is_the_file_s_or_as_given(tmp_path, moved):
    assert read(tmp_path, moved).frame_time_s == pytest.approx(1.0 / RATE_HZ)
    assert read(tmp_path, moved, options=MotionOptions(fps=24.0)).frame_time_s == pytest.approx(1.0 / 24.0)


def test_a_hand_without_an_end_is_not_known(tmp_path, moved):
    motion = read(tmp_path, moved, ends=False)
    assert np.isnan(motion.position_in_world_m[:, KEYPOINTS.index("left_hand")]).all()
    assert "left_hand" not in motion.facts.joints


def test_without_a_standing_person_there_are_no_orientations(tmp_path):
    moved = person(seconds=6.0, seed=3)
    late = {name: track[180:] for name, track in moved.position.items()}
    moved.position, moved.rotation = late, {name: turn[180:] for name, turn in moved.rotation.items()}
    motion = read(tmp_path, moved, rest="line")
    assert np.isnan(motion.quat_world_from_keypoint_wxyz).all()
    assert motion.facts.orientations.startswith("none")
