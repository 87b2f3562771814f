import numpy as np
import pytest

from hlm.core.errors import InputError, MismatchError
from hlm.policies.serving.request_images import request_image


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_an_image_comes_back_as_it_is():
    image = noise(5, 7, 3)
    assert request_image(image, "head") is image


@pytest.mark.parametrize("size", [(5, 7), (3, 7), (1, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_every_way_to_write_an_image_gives_the_same_bytes(size, dtype):
    image = noise(*size, 3)
    image[0, 0] = (0, 255, 128)
    written = image if dtype is np.uint8 else (image / 255.0).astype(dtype)
    before = written.copy()
    np.testing.assert_array_equal(request_image(written, "head"), image)
    if size[1] != 3:
        np.testing.assert_array_equal(request_image(written.transpose(2, 0, 1), "head"), image)
    np.testing.assert_array_equal(written, before)


@pytest.mark.parametrize(
    ("array", "error", "text"),
    [
        (None, InputError, "'head' must be an array, got NoneType; leave a missing camera out"),
        (np.zeros((4, 4), np.uint8), MismatchError, r"shape \[4, 4\]; an RGB image has \[height, width, 3\] or"),
        (np.zeros((4, 4, 4), np.uint8), MismatchError, r"shape \[4, 4, 4\]"),
        (np.zeros((1, 4, 4, 3), np.uint8), MismatchError, r"shape \[1, 4, 4, 3\]"),
        (np.zeros((0, 4, 3), np.uint8), MismatchError, r"sides of 1 to 8192 px"),
        (np.zeros((1, 8193, 3), np.uint8), MismatchError, r"sides of 1 to 8192 px"),
        (np.zeros((4, 4, 3), np.uint16), MismatchError, "must be uint8, or floats from 0 to 1; got uint16"),
        (np.zeros((4, 4, 3), bool), MismatchError, "got bool"),
        (np.full((4, 4, 3), 255.0), InputError, "has floats from 255 to 255; send floats from 0 to 1, or uint8"),
        (np.full((4, 4, 3), -1.0), InputError, "has floats from -1 to -1"),
        (np.full((4, 4, 3), np.nan), InputError, "has floats from nan to nan"),
    ],
)
def test_what_is_no_image_is_refused(array, error, text):
    with pytest.raises(error, match=text):
        request_image(array, "head")
