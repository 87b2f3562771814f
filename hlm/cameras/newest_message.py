"""The newest message that a ZeroMQ publisher sent."""

from __future__ import annotations

from typing import NamedTuple

import zmq

from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import InputError

# A stereo pair in UHD, raw with four channels, has 66 MB.
_MAX_BYTES = 100_000_000
_SCHEMES = ("tcp://", "ipc://")
# Who has not asked for so long cannot take a message that was waiting for one that has just arrived.
_ASLEEP_S = 0.1


class Message(NamedTuple):
    """A message of one part.

    Attributes:
        stamp_ns: instant of its arrival, or an earlier one: where it had been waiting for longer than anybody knows,
            the instant from which on it can have been.
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
        self._asked_ns = self._clock.now_ns()

    def wait(self, timeout_s: float) -> Message | None:
        """The newest message that was not given yet; None if none comes in time."""
        begin_ns, before_ns = self._clock.now_ns(), self._asked_ns
        waited = bool(self._socket.poll(0))
        there = waited or bool(self._socket.poll(round(1000 * max(timeout_s, 0.0))))
        self._asked_ns = now_ns = self._clock.now_ns()
        if not there:
            return None
        doubtful = waited and begin_ns - before_ns > _ASLEEP_S * NS_PER_S
        return Message(before_ns if doubtful else now_ns, self._socket.recv())

    def close(self) -> None:
        """Unsubscribe."""
        self._socket.close()
        self._context.term()
