from itertools import pairwise

import numpy as np
import pytest

from hlm.evaluation.film_image import film_image

ROOM = np.full((440, 588, 3), 128, np.uint8)
RED = (255, 0, 0)


def view(height=96, width=96, colour=RED):
    return np.full((height, width, 3), colour, np.uint8)


def shown(image, colour=RED):
    """(top, left, height, width) of what has a colour."""
    rows, columns = np.nonzero((image == colour).all(axis=2))
    return rows.min(), columns.min(), np.ptp(rows) + 1, np.ptp(columns) + 1


def test_a_view_is_shown_pixel_by_pixel():
    seen = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    seen[0] = seen[-1] = seen[:, 0] = seen[:, -1] = RED
    image = film_image(ROOM, {"head": seen, "right_wrist": view(colour=(0, 0, 255))}, "wave")
    top, left, height, width = shown(image)
    assert (height, width) == (192, 192)
    assert np.array_equal(image[top : top + height : 2, left : left + width : 2], seen)
    assert np.array_equal(image[-440:, :588], ROOM)


def test_every_view_has_its_place_in_order():
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    image = film_image(ROOM, {str(n): view(128, 128, colour) for n, colour in enumerate(colours)}, "wave")
    boxes = [shown(image, colour) for colour in colours]
    assert all((height, width) == (128, 128) for _, _, height, width in boxes)
    assert all(above[0] + 128 < below[0] for above, below in pairwise(boxes))
    assert all(left >= 588 for _, left, _, _ in boxes)


@pytest.mark.parametrize("size", [(720, 1280), (1280, 720), (224, 224)])
def test_a_large_view_is_whole_and_keeps_its_shape(size):
    _, left, height, width = shown(film_image(ROOM, {"head": view(*size), "other": None}, "wave"))
    assert height / width == pytest.approx(size[0] / size[1], rel=0.02)
    assert left >= 588
    assert max(height, width) <= 220


def test_a_camera_that_fails_does_not_change_the_size():
    whole = film_image(ROOM, {"head": view(), "right_wrist": view(96, 160)}, "wave")
    without = film_image(ROOM, {"head": None, "right_wrist": None}, "wave")
    assert without.shape == whole.shape


def test_the_instruction_is_written_above_and_in_full():
    def strip(text):
        return film_image(ROOM, {}, text)[:-440]

    # What differs in a word differs in the picture, also far behind in a long instruction.
    assert not np.array_equal(strip("take the red cup"), strip("take the blue cup"))
    long = "take the cup from the low shelf and the can from the table, then put both on the mat, the {} one first"
    first, second = strip(long.format("red")), strip(long.format("blue"))
    assert len(first) > len(strip("wave"))
    assert not np.array_equal(first, second)
    ink = (first != first[0, 0]).any(axis=(0, 2))
    assert not ink[:4].any()
    assert not ink[-4:].any()


def test_views_without_a_room_stand_side_by_side():
    image = film_image(None, {"head": view(32, 48), "right_wrist": view(32, 48, (0, 0, 255))}, "wave")
    (top, left, *size), (other_top, other_left, *_) = shown(image), shown(image, (0, 0, 255))
    assert (top, left + 96, size) == (other_top, other_left, [64, 96])
