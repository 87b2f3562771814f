"""Addresses that a server listens at, and whether other machines can reach them."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress

from hlm.core.errors import InputError

MAX_PORT = 65_535


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens at `host`.

    Raises:
        InputError: no such host.
    """
    if not host:  # every interface
        return False
    return all(ipaddress.ip_address(address).is_loopback for address in _addresses(host))


def bind(host: str, port: int) -> socket.socket:
    """A socket that is bound but does not listen yet, so that a taken port is noticed at once.

    Args:
        host: name or address of a local interface; empty for all IPv4 interfaces.
        port: 0 for a free one.

    Raises:
        InputError: no such host, or the port is not available.
    """
    if not 0 <= port <= MAX_PORT:
        raise InputError(f"port {port} is not valid; ports are 1 to {MAX_PORT}, or 0 for a free one.")
    address = _addresses(host)[0] if host else "0.0.0.0"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Without it, a restarted server would have to wait until its predecessor's connections time out.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        raise taken(host, port, error) from None
    return listener


def taken(host: str, port: int, error: OSError) -> InputError:
    """The error of a port that is not available."""
    reason = (error.strerror or str(error)).lower()
    return InputError(
        f"cannot listen at port {port} of '{host}': {reason}. Stop what listens there, or choose another port, "
        "or 0 for a free one."
    )


def url_of(listener: socket.socket) -> str:
    """The URL of a bound socket."""
    address, port = listener.getsockname()[:2]
    return f"ws://[{address}]:{port}" if ":" in address else f"ws://{address}:{port}"


def _addresses(host: str) -> list[str]:
    with suppress(ValueError):
        return [str(ipaddress.ip_address(host.strip("[]")))]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InputError(f"no host '{host}': {error}. 127.0.0.1 is this machine, 0.0.0.0 every interface.") from None
    return [str(entry[4][0]).partition("%")[0] for entry in found]
