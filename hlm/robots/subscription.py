"""What a ZeroMQ publisher said last."""

from __future__ import annotations

import logging
from collections.abc import Callable

import zmq

from hlm.core.errors import CorruptError, InputError

_LOG = logging.getLogger(__name__)
# All that a robot measures, and 25 frames of a stream, take less than 16 kB.
_MOST_BYTES = 1 << 16
# ZeroMQ hangs up on who sends more, for good, before it has the memory for it.
_HANGS_UP_BYTES = 1 << 20


class Subscription[Value]:
    """Keeps the newest message of a publisher alone, and unpacks it.

    Args:
        address: of the publisher, such as `tcp://192.168.123.164:5558`; it need not be there yet.
        topic: that its messages begin with; empty for all.
        unpack: what a message says; raises `CorruptError` for one that says nothing.
        reconnect_ms: time between two tries to reach a publisher that is not there.

    Raises:
        InputError: the address is none.
    """

    def __init__(self, address: str, topic: str, unpack: Callable[[bytes], Value], *, reconnect_ms: int = 100) -> None:
        self._unpack = unpack
        self.refused = ""
        """What is wrong with the newest message; empty when nothing is."""
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        for option, value in (
            (zmq.CONFLATE, 1),
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, _HANGS_UP_BYTES),
            (zmq.RECONNECT_IVL, reconnect_ms),
            (zmq.SUBSCRIBE, topic.encode()),
        ):
            self._socket.setsockopt(option, value)
        try:
            self._socket.connect(address)
        except zmq.ZMQError as error:
            self._socket.close()
            raise InputError(f"'{address}' is no address to listen to: {error.strerror or error}.") from error

    def take(self) -> Value | None:
        """What the newest message since the last call says; None when none came, or it was damaged. Never waits."""
        try:
            message = self._socket.recv(zmq.DONTWAIT)
            if len(message) > _MOST_BYTES:
                raise CorruptError(f"a message of {len(message)} bytes is longer than {_MOST_BYTES} bytes.")
            value = self._unpack(message)
        except zmq.Again:
            return None
        except CorruptError as error:
            if str(error) != self.refused:  # a publisher of another kind says the same 50 times a second
                _LOG.warning("%s", error)
            self.refused = str(error)
            return None
        self.refused = ""
        return value

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()
