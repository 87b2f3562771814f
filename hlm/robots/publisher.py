"""A ZeroMQ socket that publishes at an address of this machine."""

from __future__ import annotations

import zmq

from hlm.core.errors import InputError


def bound_publisher(address: str, what: str, advice: str, *, linger_ms: int = 0, queued: int = 2) -> zmq.Socket[bytes]:
    """A socket that drops what its readers are too slow for.

    Args:
        address: where to publish, such as `tcp://127.0.0.1:5556`.
        what: what an error says that cannot be published.
        advice: last sentence of an error: who may have the port, or what to do.
        linger_ms: how long closing waits for messages that have not left.
        queued: messages that are kept for a slow reader.

    Raises:
        InputError: the address cannot be had, because its port is in use or it is none of this machine's.
    """
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUB)
    socket.setsockopt(zmq.LINGER, linger_ms)
    socket.setsockopt(zmq.SNDHWM, queued)
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        socket.close()
        raise InputError(f"{what} cannot be published at {address}: {error.strerror or error}. {advice}") from error
    return socket
