"""Images of a twin."""

import numpy as np

from hlm.core.openhlm_images import ImagePair, pack_wrists, unpack_wrists
from hlm.twin.camera_server import Spoiler, noisy
from hlm.twin.faults import no_faults, switched


def pair():
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    return {"head": ImagePair(*np.broadcast_to(ramp[None, :, None], (2, 48, 64, 3)))}


def test_no_two_images_of_a_still_world_are_the_same_not_even_as_jpeg():
    generator = np.random.default_rng(5)
    taken = [noisy(pair(), 1, generator)["head"] for _ in range(20)]
    sent = [unpack_wrists(pack_wrists(images)) for images in taken]
    for images in (taken, sent):
        assert len({image.left.tobytes() for image in images}) == 20
        assert len({image.right.tobytes() for image in images}) == 20
    for images in taken:
        assert np.abs(images.left.astype(int) - pair()["head"].left).max() == 1


def test_without_noise_images_are_as_rendered():
    for before, after in zip(pair()["head"], noisy(pair(), 0, np.random.default_rng(5))["head"], strict=True):
        np.testing.assert_array_equal(before, after)


def seen(level):
    """What the eyes see when everything is as bright as the level; each image has a level of its own."""
    images = [np.full((4, 6, 3), level + number, np.uint8) for number in range(4)]
    return {"head": ImagePair(*images[:2]), "left_wrist": ImagePair(*images[2:])}


def levels(sent):
    return {name: [int(image.max()) for image in pair] for name, pair in sent.items()}


def sent_under(*lines):
    """What is sent of images of level 10, and then of level 20, with faults switched on before the first."""
    faults = no_faults()
    for line in lines:
        faults = switched(faults, line)
    spoiler = Spoiler()
    return [levels(spoiler.spoiled(seen(level), faults)) for level in (10, 20)]


def test_images_without_a_fault_are_sent_as_they_are():
    assert sent_under() == [{"head": [10, 11], "left_wrist": [12, 13]}, {"head": [20, 21], "left_wrist": [22, 23]}]


def test_each_fault_spoils_its_camera_alone():
    assert sent_under("camera head frozen")[1] == {"head": [10, 11], "left_wrist": [22, 23]}
    assert sent_under("camera right_wrist frozen")[1] == {"head": [20, 21], "left_wrist": [22, 13]}
    assert sent_under("camera left_wrist black")[0] == {"head": [10, 11], "left_wrist": [0, 13]}
    assert sent_under("camera head gone")[0] == {"left_wrist": [12, 13]}
    assert sent_under("camera right_wrist gone")[0] == {"head": [10, 11]}  # the wrists share a message
    assert sent_under("camera swapped")[0] == {"head": [10, 11], "left_wrist": [13, 12]}


def test_a_camera_that_is_well_again_shows_the_present_and_freezes_anew():
    spoiler, frozen = Spoiler(), switched(no_faults(), "camera head frozen")
    courses = [(frozen, 10), (no_faults(), 20), (frozen, 30), (frozen, 40)]
    heads = [levels(spoiler.spoiled(seen(level), faults))["head"] for faults, level in courses]
    assert heads == [[10, 11], [20, 21], [30, 31], [30, 31]]
