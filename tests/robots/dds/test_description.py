"""Descriptions of messages, against words put together by hand from the layout in dds_opcodes.h."""

import ctypes
from ctypes import c_bool, c_char_p, c_float, c_int16, c_int64, c_uint8, c_uint32

import pytest

from hlm.robots.dds.description import Message, Octets, description
from hlm.robots.unitree_messages import ImuState, LowCommand, LowState, Request, Response


class Point(ctypes.Structure):
    _fields_ = (("x", c_float), ("seen", c_int16 * 2))


class Shape(Message):
    NAME = "shapes::Shape_"
    _fields_ = (
        ("kind", c_uint8),
        ("closed", c_bool),
        ("number", c_int64),
        ("center", Point),
        ("corners", Point * 5),
        ("first", Point),
        ("color", c_uint32),
    )


class Note(Message):
    NAME = "shapes::Note_"
    _fields_ = (("text", c_char_p), ("raw", Octets))


def test_a_structure_is_called_like_a_routine_and_written_once():
    about = description(Shape)
    assert list(about.instructions[:26]) == [
        0x01010000, 0,
        0x010E0000, 1,
        0x01040004, 8,
        0x010D0000, 16, 3 << 16 | 14,
        0x01080A00, 24, 5, 5 << 16 | 11, 8,
        0x010D0000, 64, 3 << 16 | 6,
        0x01030000, 72,
        0,
        0x01030002, 0,
        0x01080204, 4, 2,
        0,
    ]  # fmt: skip
    assert about.instructions_count == 8 + 3
    assert (about.size, about.align, about.fixed_size) == (80, 8, True)
    assert about.type_name == b"shapes::Shape_"


def test_strings_and_sequences_lie_elsewhere():
    about = description(Note)
    assert list(about.instructions[:5]) == [0x01050000, 0, 0x01070100, 8, 0]
    assert not about.fixed_size


# Sizes and counts as the IDL compiler of Cyclone DDS 0.10.2 gives them for these definitions.
@pytest.mark.parametrize(
    ("message", "size", "count"),
    [(ImuState, 56, 6), (LowState, 2092, 27), (LowCommand, 1004, 14), (Request, 64, 16), (Response, 56, 12)],
)
def test_messages_have_the_size_and_the_parts_that_the_idl_compiler_gives_them(message, size, count):
    about = description(message)
    assert (about.size, about.instructions_count) == (size, count)
