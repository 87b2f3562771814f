"""Images of a twin."""

import numpy as np

from hlm.core.openhlm_images import ImagePair, pack_wrists, unpack_wrists
from hlm.twin.camera_server import noisy


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
