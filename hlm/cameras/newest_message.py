"""The newest message that a ZeroMQ publisher sent."""

from __future__ import annotations

from typing import NamedTuple

import zmq

from hlm.core.clock import MonotonicClock
from hlm.core.errors import InputError

# A stereo pair in UHD, raw with four channels, has 66 MB.
_MAX_BYTES = 100_000_000
_SCHEMES = ("tcp://", "ipc://")


class Message(NamedTuple):
    """A message of one part.

    Attributes:
        stamp_ns: instant of its arrival.
        content: its bytes.
    """

    stamp_ns: int
    content: bytes


def check_address(address: str) -> str:
    """The address, if a publisher can have it.

    Raises:
        InputError: it cannot.
    """
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    whole = address.startswith("ipc://") or (bool(host) and port.isdecimal() and 0 < int(port) < 65536)
    if not address.startswith(_SCHEMES) or not whole:
        raise InputError(f"'{address}' is no address of a publisher, such as tcp://192.168.123.164:5555.")
    return address


class NewestMessage:
    """Subscribes to everything that a publisher sends, and keeps the newest message alone.

    Args:
        address: such as tcp://192.168.123.164:5555.
    """

    def __init__(self, address: str) -> None:
        self._clock = MonotonicClock()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        for option, value in ((zmq.CONFLATE, 1), (zmq.LINGER, 0), (zmq.MAXMSGSIZE, _MAX_BYTES), (zmq.SUBSCRIBE, b"")):
            self._socket.setsockopt(option, value)
        try:
            self._socket.connect(address)
        except zmq.ZMQError as error:
            self.close()
            raise InputError(f"cannot subscribe to '{address}': {error}.") from error

    def wait(self, timeout_s: float) -> Message | None:
        """The newest message that was not given yet; None if none comes in time."""
        if not self._socket.poll(round(1000 * max(timeout_s, 0.0))):
            return None
        stamp_ns = self._clock.now_ns()
        return Message(stamp_ns, self._socket.recv())

    def close(self) -> None:
        """Unsubscribe."""
        self._socket.close()
        self._context.term()
