"""Messages as bytes: msgpack with openpi's encoding of NumPy arrays, and nothing that could run code.

An array is a map with four entries: `__ndarray__` (true), `data` (bytes in C order), `dtype` (NumPy's string, e.g.
`<f4`) and `shape`. A NumPy scalar has three: `__npgeneric__` (true), `data` (the number) and `dtype`. openpi writes
these keys as bytes; both bytes and text are read, and decoded keys are always text.

Messages are untrusted: types and sizes are checked before anything is built, containers are counted while they are
built, and levels afterwards.
"""

from __future__ import annotations

import math
import re
from typing import Any

import msgpack
import numpy as np

from hlm.policies.serving.errors import WireError

# A request has about twenty maps and lists, three levels deep.
MAX_CONTAINERS = 256
REQUEST_ENTRIES = 256
# A server's greeting lists the policy's vocabulary; the size of an answer in bytes is bounded too.
ANSWER_ENTRIES = 65_536
MAX_DEPTH = 8
MAX_TEXT_BYTES = 65_536
MAX_AXES = 8
MAX_SIDE = 2**24

# Booleans, integers and floats; no objects, records, complex numbers, strings or dates.
_DTYPE = re.compile(r"[<>|=]?[biuf][1248]")


def pack(value: Any) -> bytes:
    """Encode numbers, strings, bytes, arrays, and maps and lists of them.

    Raises:
        WireError: a value of another type.
    """
    try:
        packed: bytes = msgpack.packb(value, default=_encode)
    except (TypeError, ValueError, OverflowError) as error:
        raise WireError(f"the message cannot be sent: {error}") from error
    return packed


def unpack(data: bytes, max_entries: int = REQUEST_ENTRIES) -> Any:
    """Decode a message of `pack`. Tuples become lists; arrays are read-only views of the message.

    Args:
        data: the message.
        max_entries: largest number of entries of a map or list.

    Raises:
        WireError: an invalid message, or one beyond the limits.
    """
    reader = _Reader()
    try:
        value = msgpack.unpackb(
            data,
            object_pairs_hook=reader.mapping,
            list_hook=reader.items,
            ext_hook=_refuse_extension,
            max_str_len=MAX_TEXT_BYTES,
            max_array_len=max_entries,
            max_map_len=max_entries,
            max_ext_len=0,
        )
    except WireError:
        raise
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise WireError(f"the message is not valid msgpack: {reason}") from None
    _check_depth(value, MAX_DEPTH)
    return value


def _encode(value: Any) -> dict[bytes, Any]:
    """An array or NumPy scalar as openpi's map."""
    if isinstance(value, np.ndarray | np.generic) and not _DTYPE.fullmatch(value.dtype.str):
        raise WireError(f"the message cannot be sent: {value.dtype}; only booleans, integers and floats can.")
    if isinstance(value, np.ndarray):
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    if isinstance(value, np.generic):
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    raise WireError(f"the message cannot be sent: a {type(value).__name__}.")


class _Reader:
    """Builds the maps, lists and arrays of a message, and counts them."""

    def __init__(self) -> None:
        self._containers = 0

    def mapping(self, pairs: list[tuple[Any, Any]]) -> Any:
        """A map, or the array or scalar that it encodes."""
        self._count()
        values: dict[str, Any] = {}
        for raw, value in pairs:
            key = raw.decode() if isinstance(raw, bytes) else raw
            if key in values:
                raise WireError(f"the message has the key '{key[:80]}' twice.")
            values[key] = value
        if "__ndarray__" in values:
            return _array(values)
        return _scalar(values) if "__npgeneric__" in values else values

    def items(self, items: list[Any]) -> list[Any]:
        """A list."""
        self._count()
        return items

    def _count(self) -> None:
        self._containers += 1
        if self._containers > MAX_CONTAINERS:
            raise WireError(f"the message has more than {MAX_CONTAINERS} maps and lists.")


def _refuse_extension(code: int, data: bytes) -> None:
    raise WireError(f"the message has an extension of msgpack, type {code} of {len(data)} bytes.")


def _array(values: dict[str, Any]) -> np.ndarray[Any, Any]:
    dtype = _dtype(values, "__ndarray__", ("data", "dtype", "shape"))
    data, shape = values["data"], values["shape"]
    if not isinstance(data, bytes) or not isinstance(shape, list) or len(shape) > MAX_AXES:
        raise WireError(
            f"the message has an array without bytes, or with a shape that is not a list of up to {MAX_AXES} integers."
        )
    if not all(type(side) is int and 0 <= side <= MAX_SIDE for side in shape):
        raise WireError(f"the message has an array of shape {str(shape)[:80]}; sides must be 0 to {MAX_SIDE}.")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise WireError(f"the message has an array of {len(data)} bytes, which does not match shape {shape}, {dtype}.")
    array: np.ndarray[Any, Any] = np.ndarray(shape, dtype, buffer=data)
    if dtype.kind == "b" and np.frombuffer(data, np.uint8).max(initial=0) > 1:
        raise WireError("the message has an array of booleans that are neither true nor false.")
    return array


def _scalar(values: dict[str, Any]) -> np.generic:
    dtype = _dtype(values, "__npgeneric__", ("data", "dtype"))
    number = values["data"]
    fits = {"b": (bool,), "i": (int,), "u": (int,), "f": (float, int)}[dtype.kind]
    if type(number) not in fits:
        raise WireError(f"the message has a {type(number).__name__} in place of a {dtype}.")
    try:
        scalar: np.generic = dtype.type(number)
    except (OverflowError, ValueError) as error:
        raise WireError(f"the message has a number that does not fit {dtype}: {error}") from None
    return scalar


def _dtype(values: dict[str, Any], marker: str, keys: tuple[str, ...]) -> np.dtype[Any]:
    """The dtype in an array's or scalar's map, after checking its entries."""
    if values.keys() != {marker, *keys} or values[marker] is not True:
        raise WireError(f"the message has an array whose entries are not {marker} (true), {', '.join(keys)}.")
    text = values["dtype"]
    text = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    if not isinstance(text, str) or not _DTYPE.fullmatch(text):
        raise WireError(f"the message has an array of {str(text)[:40]!r}; only booleans, integers and floats are read.")
    try:
        return np.dtype(text)
    except TypeError:
        raise WireError(f"the message has an array of {text!r}, which NumPy does not know.") from None


def _check_depth(value: Any, levels: int) -> None:
    if isinstance(value, dict | list):
        if not levels:
            raise WireError(f"the message has more than {MAX_DEPTH} levels.")
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, levels - 1)
