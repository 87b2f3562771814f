"""Bytes from a terminal as keys with names."""

from __future__ import annotations

ESCAPE = b"\x1b"
# What terminals send for keys that are no letters (ECMA-48, and the "application" forms of xterm).
_SEQUENCES = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1b[C": "right",
    b"\x1b[D": "left",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"\x1bOC": "right",
    b"\x1bOD": "left",
    b"\x1b[5~": "page up",
    b"\x1b[6~": "page down",
}
_NAMED = {b"\t": "tab", b"\r": "enter", b"\n": "enter", b" ": "space", ESCAPE: "escape"}
_LONGEST = 8


def keys_of(typed: bytes) -> tuple[list[str], bytes]:
    """Names of the keys in what was typed, and the begin of a sequence whose rest has not come.

    Letters are their own names. Sequences that are not known are left out. An escape at the end may be a key or begin
    a sequence: only time tells.

    Args:
        typed: bytes, with the rest of the last call before them.
    """
    keys: list[str] = []
    while typed:
        length = _length(typed)
        if length is None:
            return keys, typed
        part, typed = typed[:length], typed[length:]
        name = _SEQUENCES.get(part) or _NAMED.get(part)
        if name is None and len(part) == 1 and part.isascii() and part.decode().isprintable():
            name = part.decode()
        if name is not None:
            keys.append(name)
    return keys, b""


def _length(typed: bytes) -> int | None:
    """Length of the key or sequence that comes first; None while it is not complete, or may not be."""
    if typed == ESCAPE:
        return None
    if not typed.startswith((ESCAPE + b"[", ESCAPE + b"O")):
        return 1
    if typed[1:2] == b"O":
        return 3 if len(typed) >= 3 else None
    for index in range(2, min(len(typed), _LONGEST)):
        if 0x40 <= typed[index] <= 0x7E:
            return index + 1
    return None if len(typed) < _LONGEST else _LONGEST
