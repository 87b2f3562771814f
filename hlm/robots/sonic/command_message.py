"""Commands on SONIC's wire: topic `command`, of which the joint-tracking mode obeys `stop` alone."""

from __future__ import annotations

import numpy as np

from hlm.core.errors import CorruptError
from hlm.robots.packed_message import pack, unpack

TOPIC = "command"
VERSION = 1
_FIELDS = ("start", "stop", "planner")


def pack_stop() -> bytes:
    """The message that makes SONIC brake its motors and end."""
    return pack(TOPIC, VERSION, {name: np.array([name == "stop"], np.uint8) for name in _FIELDS})


def is_stop(message: bytes) -> bool:
    """Whether a command asks to stop.

    Raises:
        CorruptError: it is no such message.
    """
    fields = unpack(TOPIC, message, VERSION)
    if any(name not in fields or fields[name].shape != (1,) for name in _FIELDS):
        raise CorruptError(f"a command has the fields {', '.join(_FIELDS)}, got {', '.join(fields) or 'none'}.")
    return bool(fields["stop"][0])
