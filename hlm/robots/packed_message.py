"""Messages of OpenHLM and SONIC: a topic, a JSON header of fixed size, and little-endian arrays one after another."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hlm.core.errors import CorruptError, MismatchError

HEADER_BYTES = 1280
_DTYPES = {"f32": "<f4", "f64": "<f8", "i32": "<i4", "i64": "<i8", "u8": "u1", "bool": "?"}
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}

type Fields = Mapping[str, np.ndarray[Any, Any]]


def pack(topic: str, version: int, fields: Fields) -> bytes:
    """The message of some arrays; `unpack` is its inverse.

    Raises:
        MismatchError: an array of a type that the wire does not know, or too many arrays for the header.
    """
    arrays = {name: np.ascontiguousarray(values) for name, values in fields.items()}
    described = []
    for name, values in arrays.items():
        dtype = _NAMES.get(values.dtype.newbyteorder("<"))
        if dtype is None:
            raise MismatchError(f"field '{name}' is {values.dtype}; the wire takes {', '.join(_DTYPES)}.")
        described.append({"name": name, "dtype": dtype, "shape": list(values.shape)})
    header = {"v": version, "endian": "le", "count": 1, "fields": described}
    text = json.dumps(header, separators=(",", ":")).encode()
    if len(text) >= HEADER_BYTES:
        raise MismatchError(f"the header takes {len(text)} bytes; {HEADER_BYTES - 1} fit.")
    body = b"".join(
        values.astype(_DTYPES[_NAMES[values.dtype.newbyteorder("<")]]).tobytes() for values in arrays.values()
    )
    return topic.encode() + text.ljust(HEADER_BYTES, b"\0") + body


def unpack(topic: str, message: bytes, version: int | None = None) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a message by name.

    Args:
        topic: that it must have.
        message: as it came.
        version: of the protocol that it must have; None for any.

    Raises:
        CorruptError: it is of another topic or version, cut off, longer than it says, or its header is not one.
    """
    start = len(topic.encode())
    body = start + HEADER_BYTES
    if not message.startswith(topic.encode()) or len(message) < body:
        raise CorruptError(f"a message of {len(message)} bytes is not one of the topic '{topic}'.")
    try:
        header = json.loads(message[start:body].rstrip(b"\0"))
        if header["endian"] != "le" or version not in (None, header["v"]):
            raise ValueError(f"it has version {header['v']} and byte order {header['endian']}")
        fields: dict[str, np.ndarray[Any, Any]] = {}
        for field in header["fields"]:
            dtype, shape = np.dtype(_DTYPES[field["dtype"]]), tuple(int(size) for size in field["shape"])
            count = math.prod(shape)
            if min(shape, default=1) < 0 or field["name"] in fields:
                raise ValueError(f"field '{field['name']}' has shape {list(shape)}, or comes twice")
            # A count of -1 or of 0 bytes would mean something else to numpy.
            content = np.frombuffer(message, dtype, count, body) if count else np.zeros(0, dtype)
            fields[str(field["name"])] = content.reshape(shape)
            body += count * dtype.itemsize
        if body != len(message):
            raise ValueError(f"{len(message) - body} bytes belong to no field")
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise CorruptError(f"a message of the topic '{topic}' cannot be read: {error}.") from error
    return fields
