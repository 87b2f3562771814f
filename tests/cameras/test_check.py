"""What cameras deliver against what a policy needs."""

import numpy as np
import pytest
from fakes_cameras import noise

from hlm.cameras.check import check_cameras
from hlm.core.policy import PolicySpec
from hlm.core.values import CameraFrame

SPEC = PolicySpec(
    policy_type="fake",
    embodiment="unitree_g1",
    rate_hz=30.0,
    cameras=("head", "left_wrist", "right_wrist"),
    image_size=(128, 128),
    horizon=50,
    execution_horizon=25,
    optional_cameras=("head",),
)


def view(seed, height=128, width=128):
    """A picture of coarse patches, as of a room."""
    coarse = noise(seed, 4, 4)
    return np.kron(coarse, np.ones((height // 4, width // 4, 1), np.uint8))


def frames(**images):
    return {name: CameraFrame(5, image) for name, image in images.items()}


def all_of(height=128, width=128):
    return {name: view(seed, height, width) for seed, name in enumerate(SPEC.cameras)}


def test_cameras_that_fit_give_no_words():
    assert check_cameras(SPEC, frames(**all_of())) == ((), ())


def test_a_missing_camera_is_an_error_and_an_optional_one_a_note():
    errors, notes = check_cameras(SPEC, frames(left_wrist=view(1)))
    assert errors == ("the policy needs camera 'right_wrist', and these deliver: left_wrist. Add it with --cameras.",)
    assert notes == ("camera 'head' is missing; the policy can do without it.",)
    assert "these deliver: none" in check_cameras(SPEC, {}).errors[0]


def test_a_camera_that_nobody_needs_is_told():
    found = check_cameras(SPEC, frames(**all_of(), chest=view(9)))
    assert found == ((), ("camera 'chest' is not seen by the policy.",))


@pytest.mark.parametrize(("size", "bars"), [((480, 640), "25%"), ((640, 480), "25%"), ((400, 464), "14%")])
def test_black_bars_are_told(size, bars):
    errors, notes = check_cameras(SPEC, frames(**{**all_of(), "head": view(0, *size)}))
    assert errors == ()
    assert f"black bars fill {bars} of its image" in notes[0]


def test_images_that_are_smaller_than_the_policys_are_told():
    assert "they are enlarged" in check_cameras(SPEC, frames(**all_of(64, 64))).notes[0]


def test_one_device_under_two_names_is_an_error():
    errors, _ = check_cameras(SPEC, frames(head=view(0), left_wrist=view(1), right_wrist=view(1)))
    assert errors == (
        "cameras 'left_wrist' and 'right_wrist' deliver the same image: they are one device under two names.",
    )
