import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hlm.datasets.store.images import resize
from hlm.policies.transforms.letterbox import Box, content_box, letterbox

SIDES = st.integers(1, 300)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(1, 256, (height, width, 3), dtype=np.uint8)


@given(recorded=st.tuples(SIDES, SIDES), size=st.tuples(SIDES, SIDES))
def test_the_picture_fills_one_side_keeps_its_shape_and_is_centred(recorded, size):
    top, left, height, width = content_box(recorded, size)
    assert height == size[0] or width == size[1]
    assert height <= size[0]
    assert width <= size[1]
    # Both bars are equal or differ by a pixel.
    assert 0 <= size[0] - height - 2 * top <= 1
    assert 0 <= size[1] - width - 2 * left <= 1
    scale = max(recorded[0] / size[0], recorded[1] / size[1])
    assert abs(height - recorded[0] / scale) < 1 + 1e-9
    assert abs(width - recorded[1] / scale) < 1 + 1e-9


@given(shape=st.tuples(SIDES, SIDES), times=st.integers(1, 3))
def test_equal_shapes_are_resized_and_nothing_else(shape, times):
    image = picture(times * shape[0], times * shape[1])
    np.testing.assert_array_equal(letterbox(image, shape), resize(image, shape))
    grown = picture(*shape)
    size = (times * shape[0], times * shape[1])
    np.testing.assert_array_equal(letterbox(grown, size), resize(grown, size))


def test_the_right_size_comes_back_as_it_is():
    image = picture(48, 64)
    assert letterbox(image, (48, 64)) is image


@pytest.mark.parametrize(("recorded", "box"), [((480, 640), Box(28, 0, 168, 224)), ((640, 480), Box(0, 28, 224, 168))])
def test_bars_are_black_and_the_rest_is_the_picture(recorded, box):
    image = picture(*recorded)
    before = image.copy()
    framed = letterbox(image, (224, 224))
    assert content_box(recorded, (224, 224)) == box
    content = resize(image, (box.height, box.width))
    inside = framed[box.top : box.top + box.height, box.left : box.left + box.width]
    np.testing.assert_array_equal(inside, content)
    assert framed.sum(dtype=np.int64) == content.sum(dtype=np.int64)
    np.testing.assert_array_equal(image, before)
