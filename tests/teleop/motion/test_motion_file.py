"""A file of motion as a device."""

import numpy as np
import pytest
from fakes import SteppedClock
from fakes_people import CONVENTIONS, bvh_text, person
from scipy.spatial.transform import Rotation

from hlm.core.errors import InputError
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS, BodyKeypoints
from hlm.teleop.motion.motion_file import MotionFile
from hlm.teleop.motion.motion_reader import read_motion
from hlm.teleop.motion.standing import standing_window
from hlm.teleop.motion.summary import motion_summary

NS = 1_000_000_000


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    path = tmp_path_factory.mktemp("motion") / "walk.bvh"
    path.write_text(bvh_text(person(), CONVENTIONS["Vicon"]))
    return read_motion(path)


def after(clock, seconds):
    clock.wait_until(clock.now_ns() + round(seconds * NS))


def test_it_is_held_at_the_first_frame_until_it_is_started(motion):
    clock = SteppedClock(5 * NS)
    with MotionFile(motion, clock) as device:
        after(clock, 3.0)
        sample = device.read()
        assert sample.stamp_ns == clock.now_ns() == sample.motion.stamp_ns
        assert isinstance(sample.motion, BodyKeypoints)
        np.testing.assert_array_equal(sample.motion.position_in_world_m, motion.position_in_world_m[0])
        assert not device.trouble


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_frames_come_at_their_time(motion, speed):
    clock = SteppedClock()
    with MotionFile(motion, clock, speed) as device:
        device.start()
        for frame in (0, 30, 170, 200):
            clock.wait_until(round(frame * motion.frame_time_s / speed * NS))
            got = device.read().motion
            np.testing.assert_allclose(got.position_in_world_m, motion.position_in_world_m[frame], atol=1e-6)
            turn = Rotation.from_quat(got.quat_world_from_keypoint_wxyz, scalar_first=True)
            wanted = Rotation.from_quat(motion.quat_world_from_keypoint_wxyz[frame], scalar_first=True)
            assert (turn * wanted.inv()).magnitude().max() < 1e-6


def test_between_frames_it_is_between_them(motion):
    half = motion.at(200.5 * motion.frame_time_s, 0)
    np.testing.assert_allclose(half.position_in_world_m, motion.position_in_world_m[200:202].mean(axis=0), atol=1e-9)
    first, middle, last = (
        Rotation.from_quat(quats, scalar_first=True)
        for quats in (
            motion.quat_world_from_keypoint_wxyz[200],
            half.quat_world_from_keypoint_wxyz,
            motion.quat_world_from_keypoint_wxyz[201],
        )
    )
    np.testing.assert_allclose((middle * first.inv()).as_rotvec(), (last * middle.inv()).as_rotvec(), atol=1e-9)


def test_stopped_it_stays_and_plays_on_from_there(motion):
    clock = SteppedClock()
    device = MotionFile(motion, clock)
    device.start()
    after(clock, 1.0)
    device.stop()
    after(clock, 7.0)
    assert device.played_s == pytest.approx(1.0)
    device.start()
    device.start()
    after(clock, 0.5)
    assert device.played_s == pytest.approx(1.5)


def test_at_its_end_it_is_held_and_says_so(motion):
    clock = SteppedClock()
    device = MotionFile(motion, clock)
    device.start()
    after(clock, motion.duration_s + 100.0)
    assert device.has_ended
    assert device.trouble == "walk.bvh has ended after 4.0 s; its last frame is held."
    np.testing.assert_allclose(device.read().motion.position_in_world_m, motion.position_in_world_m[-1], atol=1e-12)
    device.rewind()
    assert not device.trouble
    device.start()
    after(clock, 1.0)
    assert device.played_s == pytest.approx(1.0)


def test_speeds_out_of_range_are_refused(motion):
    for speed in (0.0, -1.0, 100.0, float("nan")):
        with pytest.raises(InputError, match=r"--speed must be 0\.05 to 5"):
            MotionFile(motion, SteppedClock(), speed)


def test_the_person_stands_at_first_and_never_while_it_moves(motion):
    window = standing_window(motion.position_in_world_m, motion.frame_time_s)
    assert window is not None
    assert 0 <= window.start <= 0.5 / motion.frame_time_s
    assert (window.stop - window.start) * motion.frame_time_s == pytest.approx(2.0)
    assert standing_window(motion.position_in_world_m[180:], motion.frame_time_s, 0.5) is None
    assert standing_window(motion.position_in_world_m[:60], motion.frame_time_s) is None


def test_the_summary_has_what_was_found(motion):
    facts = dict(motion_summary(motion))
    assert facts["duration"] == "3.98 s, 240 frames at 60 per second"
    assert facts["unit"] == "centimetres (0.01 m)"
    assert facts["up"] == "y"
    assert facts["stature"].startswith("about 1.69 m")
    assert facts["stands still"].startswith("best from 0.")
    assert "left_wrist=LeftWrist" in facts["joints"]
    assert facts["absent"] == "none"


def test_keypoints_that_the_file_lacks_stay_unknown(tmp_path):
    path = tmp_path / "walk.bvh"
    path.write_text(bvh_text(person(seconds=1.0), CONVENTIONS["CMU"], ends=False))
    motion = read_motion(path)
    keypoints = motion.at(0.33, 0)
    row = KEYPOINTS.index("left_hand")
    assert np.isnan(keypoints.position_in_world_m[row]).all()
    assert np.isnan(keypoints.quat_world_from_keypoint_wxyz[row]).all()
    assert dict(motion_summary(motion))["absent"] == "left_hand, right_hand"
