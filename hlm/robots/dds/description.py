"""How DDS is told what a message is made of: a list of instructions for each ctypes structure.

The numbers are those of Cyclone DDS 0.10 (dds_opcodes.h): an instruction is a word with operation, type, subtype and
flags in its four bytes, then the place of the member in memory, then what its type needs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar

_ADDRESS = 1 << 24
_END = 0
_STRING, _SEQUENCE, _ARRAY, _STRUCTURE, _EXTERNAL = 0x05, 0x07, 0x08, 0x0A, 0x0D
_FLOATING, _SIGNED = 1 << 1, 1 << 2
_SIMPLE: dict[Any, tuple[int, int]] = {
    ctypes.c_uint8: (0x01, 0),
    ctypes.c_int16: (0x02, _SIGNED),
    ctypes.c_uint32: (0x03, 0),
    ctypes.c_int32: (0x03, _SIGNED),
    ctypes.c_float: (0x03, _FLOATING),
    ctypes.c_int64: (0x04, _SIGNED),
    ctypes.c_bool: (0x0E, 0),
}
"""Type and flags of members without parts."""
_FIXED_SIZE = 1 << 4


class Octets(ctypes.Structure):
    """A sequence of bytes of any length (`dds_sequence_t`)."""

    _fields_ = (
        ("maximum", ctypes.c_uint32),
        ("length", ctypes.c_uint32),
        ("buffer", ctypes.POINTER(ctypes.c_uint8)),
        ("release", ctypes.c_bool),
    )


class Message(ctypes.Structure):
    """What a topic carries: a structure of numbers, `c_char_p` for strings, `Octets`, arrays and structures."""

    NAME: ClassVar[str]
    """Its name in DDS, as `unitree_hg::msg::dds_::LowState_`."""


class Description(ctypes.Structure):
    """What the library knows about a topic's messages (`dds_topic_descriptor_t`)."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("align", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("keys_count", ctypes.c_uint32),
        ("type_name", ctypes.c_char_p),
        ("keys", ctypes.c_void_p),
        ("instructions_count", ctypes.c_uint32),
        ("instructions", ctypes.POINTER(ctypes.c_uint32)),
        ("meta", ctypes.c_char_p),
        ("type_information", ctypes.c_void_p),
        ("type_information_size", ctypes.c_uint32),
        ("type_mapping", ctypes.c_void_p),
        ("type_mapping_size", ctypes.c_uint32),
        ("representations", ctypes.c_uint32),
    )

    @property
    def fixed_size(self) -> bool:
        """Whether messages lie in one piece of memory."""
        return bool(self.flags & _FIXED_SIZE)


@cache
def description(message: type[Message]) -> Description:
    """The description of a message; it is kept, because topics refer to it."""
    words, count = _instructions(message)
    return Description(
        size=ctypes.sizeof(message),
        align=ctypes.alignment(message),
        flags=0 if _has_pointers(message) else _FIXED_SIZE,
        type_name=message.NAME.encode(),
        instructions_count=count,
        instructions=(ctypes.c_uint32 * len(words))(*words),
        meta=b"",
    )


def _instructions(message: type[ctypes.Structure]) -> tuple[list[int], int]:
    """Words and number of instructions: a routine for each structure, the message's own first."""
    words: list[int] = []
    count = 0
    starts: dict[type[ctypes.Structure], int] = {}
    calls: list[tuple[int, int, type[ctypes.Structure]]] = []
    waiting = [message]
    while waiting:
        routine = waiting.pop(0)
        if routine in starts:
            continue
        starts[routine] = len(words)
        for name, kind in _members(routine):
            start, offset = len(words), getattr(routine, name).offset
            element, length = (kind._type_, kind._length_) if issubclass(kind, ctypes.Array) else (kind, None)
            if _is_structure(element):
                calls.append((start, len(words) + (2 if length is None else 3), element))
                waiting.append(element)
            words += _instruction(element, length, offset)
            count += 1
        words.append(_END)
        count += 1
    for start, place, routine in calls:
        words[place] += starts[routine] - start
    return words, count


def _instruction(element: Any, length: int | None, offset: int) -> list[int]:
    """One instruction; that of a structure still lacks where its routine is."""
    if _is_structure(element):
        if length is None:
            return [_ADDRESS | _EXTERNAL << 16, offset, 3 << 16]
        return [_ADDRESS | _ARRAY << 16 | _STRUCTURE << 8, offset, length, 5 << 16, ctypes.sizeof(element)]
    if element is Octets:
        return [_ADDRESS | _SEQUENCE << 16 | _SIMPLE[ctypes.c_uint8][0] << 8, offset]
    if element is ctypes.c_char_p:
        return [_ADDRESS | _STRING << 16, offset]
    kind, flags = _SIMPLE[element]
    if length is None:
        return [_ADDRESS | kind << 16 | flags, offset]
    return [_ADDRESS | _ARRAY << 16 | kind << 8 | flags, offset, length]


def _members(message: type[ctypes.Structure]) -> Iterator[tuple[str, Any]]:
    for name, kind, *_ in message._fields_:
        yield name, kind


def _is_structure(kind: Any) -> bool:
    return issubclass(kind, ctypes.Structure) and kind is not Octets


def _has_pointers(message: type[ctypes.Structure]) -> bool:
    return any(
        kind in (ctypes.c_char_p, Octets) or (_is_structure(kind) and _has_pointers(kind))
        for _, kind in _members(message)
    )
