"""Names and addresses by which browsers reach this machine."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress

# Reserved for examples (RFC 5737): the routing table says which of our addresses faces the network; nothing is sent.
_ELSEWHERE = ("192.0.2.1", 9)


def network_address() -> str:
    """The address of this machine in its network; 127.0.0.1 where there is none."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_ELSEWHERE)
        return str(probe.getsockname()[0])
    return "127.0.0.1"


def names_of_this_machine(host: str) -> frozenset[str]:
    """Names and addresses in lower case by which browsers may ask a server that listens at `host`.

    A page that makes a browser believe that its own name stands for our address (DNS rebinding) is none of them.

    Args:
        host: interface that the server listens at.
    """
    names = {"localhost", "127.0.0.1", "::1"}
    if not _is_every_interface(host):
        return frozenset({*names, host.strip("[]").lower()})
    own = socket.gethostname().lower()
    names |= {own, f"{own.partition('.')[0]}.local", network_address()}
    with suppress(OSError, UnicodeError):
        names |= {str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(own, None)}
    return frozenset(names)


def name_for_browsers(host: str) -> str:
    """What to write into an address so that other machines, or this one if no other can, reach the server."""
    name = network_address() if _is_every_interface(host) else host.strip("[]")
    return f"[{name}]" if ":" in name else name


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    with suppress(ValueError):
        return bool(ipaddress.ip_address(name))
    return False


def _is_every_interface(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    return not host
