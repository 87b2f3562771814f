"""Options of verbs that move a robot."""

import pytest

from hlm.cli.robot_options import CameraWords, camera_words, must_mean_something
from hlm.core.errors import InputError, UnknownNameError

KNOWN = ("head", "left_wrist", "right_wrist")


def test_cameras_are_named_or_placed():
    assert camera_words(("head",), KNOWN) == CameraWords(("head",), ())
    places = ("wrists=openhlm", "head=opencv:/dev/video0")
    assert camera_words(places, KNOWN) == CameraWords(KNOWN, places)
    assert camera_words(("right_wrist=opencv:1",), KNOWN).names == ("right_wrist",)


def test_cameras_that_are_unknown_or_half_placed_are_refused():
    with pytest.raises(UnknownNameError, match="no camera 'chest'"):
        camera_words(("chest",), KNOWN)
    with pytest.raises(InputError, match="says where some cameras are and not others"):
        camera_words(("head=opencv:0", "left_wrist"), KNOWN)


def test_what_was_not_given_is_not_refused():
    must_mean_something("mujoco", {"interface": None, "cameras": (), "start": "standing"})
    with pytest.raises(InputError, match="--interface does nothing with --robot mujoco, which needs no network"):
        must_mean_something("mujoco", {"interface": "lo"})
    with pytest.raises(
        InputError, match="--cameras says where real cameras are; those of --robot mujoco are simulated"
    ):
        must_mean_something("mujoco", {"cameras": ("head=opencv:0",)})
    with pytest.raises(InputError, match=r"--start does nothing with --robot sonic\."):
        must_mean_something("sonic", {"start": "hanging"})
