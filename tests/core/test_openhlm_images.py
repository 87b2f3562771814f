"""OpenHLM's pictures on the wire: against bytes written by hand, round trips, and lies."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hlm.core.errors import CorruptError, MismatchError
from hlm.core.jpeg import decode_jpeg, encode_jpeg, jpeg_size
from hlm.core.openhlm_images import ImagePair, pack_head, pack_wrists, unpack_head, unpack_wrists

RED, GREEN, BLUE = (220, 30, 30), (30, 220, 30), (30, 30, 220)


def flat(colour, height=2, width=3):
    return np.full((height, width, 3), colour, np.uint8)


def smooth(seed, height=48, width=64):
    """A picture without sharp edges, whose rows, columns and channels all differ."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([2 * rows + seed, 3 * columns, rows + columns + 10 * seed], axis=2).astype(np.uint8)


def header(*numbers):
    return struct.pack("<3i", *numbers)


def test_a_head_message_is_written_in_bgr_rows_with_the_left_eye_left():
    by_hand = header(6, 2, 3) + (bytes(RED[::-1]) * 3 + bytes(BLUE[::-1]) * 3) * 2
    assert pack_head(ImagePair(flat(RED), flat(BLUE))) == by_hand
    left, right = unpack_head(by_hand)
    np.testing.assert_array_equal(left, flat(RED))
    np.testing.assert_array_equal(right, flat(BLUE))


def test_a_fourth_channel_is_dropped():
    left, right = unpack_head(header(2, 1, 4) + bytes((*GREEN[::-1], 255, *RED[::-1], 0)))
    assert (left[0, 0].tolist(), right[0, 0].tolist()) == (list(GREEN), list(RED))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_head_pictures_survive_the_round_trip(height, width, seed):
    pair = ImagePair(*np.random.default_rng(seed).integers(0, 256, (2, height, width, 3), np.uint8))
    for before, after in zip(pair, unpack_head(pack_head(pair)), strict=True):
        np.testing.assert_array_equal(before, after)


def test_wrist_pictures_survive_the_round_trip_but_for_the_loss_of_jpeg():
    pair = ImagePair(smooth(0), smooth(9))
    for before, after in zip(pair, unpack_wrists(pack_wrists(pair, quality=95)), strict=True):
        assert np.abs(before.astype(int) - after)[:, 8:-8].max() < 12
    left, right = unpack_wrists(pack_wrists(ImagePair(flat(RED, 32, 32), flat(GREEN, 32, 32))))
    np.testing.assert_allclose(left[16, 8].astype(int), RED, atol=3)
    np.testing.assert_allclose(right[16, 24].astype(int), GREEN, atol=3)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"", "starts with 12 bytes, and this one has 0"),
        (header(6, 2, 3)[:11], "this one has 11"),
        (header(6, 2, 3) + bytes(35), "has 48 bytes, and this one has 47"),
        (header(6, 2, 3) + bytes(37), "this one has 49"),
        (header(5, 2, 3) + bytes(30), "5 x 2 pixels, which is no pair"),
        (header(-6, -2, 3) + bytes(36), "no pair"),
        (header(0, 0, 3), "no pair"),
        (header(2**30, 2**30, 4), "no pair"),
        (header(6, 2, 1) + bytes(12), "3 or 4 channels, and this one says 1"),
    ],
)
def test_head_messages_that_lie_are_refused(message, text):
    with pytest.raises(CorruptError, match=text):
        unpack_head(message)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda jpeg: header(128, 48, len(jpeg) + 1) + jpeg, "says that its JPEG has"),
        (lambda jpeg: header(128, 48, -1) + jpeg, "says that its JPEG has -1"),
        (lambda jpeg: header(64, 48, len(jpeg)) + jpeg, "128 x 48 pixels .* 64 x 48 were announced"),
        (lambda jpeg: header(128, 48, 3) + b"abc", "no JPEG"),
        (lambda jpeg: header(128, 48, len(jpeg) - 40) + jpeg[:-40], "cut off"),
        (lambda jpeg: header(128, 48, 4) + b"\xff\xd8\xff\xd9", "no frame header"),
    ],
)
def test_wrist_messages_that_lie_are_refused(change, text):
    jpeg = encode_jpeg(np.concatenate([smooth(0), smooth(9)], axis=1))
    with pytest.raises(CorruptError, match=text):
        unpack_wrists(change(jpeg))


@given(st.integers(2, 500), st.binary(min_size=1, max_size=8))
def test_a_damaged_jpeg_is_refused_or_has_its_size(place, garbage):
    jpeg = encode_jpeg(smooth(3))
    damaged = jpeg[:place] + garbage + jpeg[place + len(garbage) :]
    try:
        assert decode_jpeg(damaged, (48, 64)).shape == (48, 64, 3)
    except CorruptError as error:
        assert "\n" not in str(error)


def test_a_jpegs_size_is_read_without_decoding_it():
    jpeg = encode_jpeg(smooth(3))
    assert jpeg_size(jpeg) == (48, 64)
    assert jpeg_size(jpeg + bytes(5)) == (48, 64)
    huge = jpeg.replace(struct.pack(">2H", 48, 64), struct.pack(">2H", 65535, 65535))
    with pytest.raises(CorruptError, match="65535 x 65535"):
        decode_jpeg(huge, (48, 64))


def test_pairs_of_different_sizes_are_refused():
    with pytest.raises(MismatchError, match="one size"):
        pack_head(ImagePair(flat(RED), flat(RED, 3, 3)))
