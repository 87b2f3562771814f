"""Messages between the server and pages.

A message is a JSON object with a `type`. One with bytes, such as a picture, is a binary frame: the length of the JSON
in four bytes, most significant first, then the JSON, then the bytes; only the server sends these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hlm.core.errors import CorruptError

_MAX_TYPE_CHARACTERS = 64


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Client:
    """A page that is connected.

    Attributes:
        number: of its connection; none has the number of an earlier one.
        since_ns: instant at which it connected, on the server's clock.
        address: of the machine that it runs on.
    """

    number: int
    since_ns: int
    address: str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Message:
    """A message from a page.

    Attributes:
        client: number of the client that sent it.
        stamp_ns: instant of its arrival on the server's clock.
        type: what it is about.
        content: the whole object. Pages are not trusted: check what is taken from it.
    """

    client: int
    stamp_ns: int
    type: str
    content: Mapping[str, Any]


def encoded(content: Mapping[str, Any], data: bytes = b"") -> str | bytes:
    """The frame of a message.

    Args:
        content: what JSON can say; numbers are finite.
        data: bytes that go with it.

    Raises:
        ValueError: a number that is none; JSON has no word for it.
    """
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    if not data:
        return text
    head = text.encode()
    return len(head).to_bytes(4, "big") + head + data


def decoded(frame: str | bytes) -> tuple[str, dict[str, Any]]:
    """Type and content of a frame from a page.

    Raises:
        CorruptError: it is no message; the text says why.
    """
    if isinstance(frame, bytes):
        raise CorruptError("a page sent bytes instead of JSON.")
    try:
        content = json.loads(frame, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CorruptError(f"a page sent what is no JSON: {str(error)[:80]}.") from None
    name = content.get("type") if isinstance(content, dict) else None
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_TYPE_CHARACTERS:
        raise CorruptError("a page sent JSON without a type.")
    return name, content


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
