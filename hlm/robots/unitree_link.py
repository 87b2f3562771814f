"""Opening Unitree's DDS binding on a network interface."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hlm.core.errors import InputError, LostError, MissingDependencyError, UnknownNameError

DEFAULT_PORT_BASE = 7400
"""Where DDS looks for others unless told otherwise (DDSI-RTPS 9.6.1.1)."""
_MAX_PARTICIPANTS = 30
# Links of this process.
_LINKS: dict[DdsAddress, Any] = {}


@dataclass(frozen=True, slots=True)
class DdsAddress:
    """A network interface, and the port from which DDS counts.

    Attributes:
        interface: name of the network interface, such as `eth0`, or `lo` for a twin on this machine.
        port_base: first of the ports; a robot's is 7400. Twins with bases of their own do not hear each other.
    """

    interface: str
    port_base: int = DEFAULT_PORT_BASE

    @classmethod
    def parse(cls, text: str) -> DdsAddress:
        """The address in `INTERFACE` or `INTERFACE:PORT_BASE`.

        Raises:
            UnknownNameError: this machine has no such interface.
            InputError: the port base is no number from 1024 to 60000.
        """
        name, colon, port = text.partition(":")
        known = [name for _, name in socket.if_nameindex()]
        if name not in known:
            raise UnknownNameError("network interface", name, known)
        if not colon:
            return cls(name)
        if not (port.isdecimal() and 1024 <= int(port) <= 60000):
            raise InputError(f"the DDS port base of '{text}' must be a number from 1024 to 60000, got '{port}'.")
        return cls(name, int(port))

    @property
    def configuration(self) -> str:
        """CycloneDDS configuration: this interface only, and on loopback, which has no multicast, peers by address."""
        loopback = self.interface == "lo"
        multicast = "false" if loopback else "true"
        peers = '<Peers><Peer address="localhost"/></Peers>' if loopback else ""
        return (
            '<CycloneDDS><Domain Id="any"><General><Interfaces>'
            f'<NetworkInterface name="{self.interface}" multicast="{multicast}"/></Interfaces>'
            f"<AllowMulticast>{multicast}</AllowMulticast></General><Discovery>"
            f"<ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>{_MAX_PARTICIPANTS}"
            f"</MaxAutoParticipantIndex><Ports><Base>{self.port_base}</Base></Ports>{peers}"
            "</Discovery></Domain></CycloneDDS>"
        )

    def __str__(self) -> str:
        """As `parse` reads it."""
        return self.interface if self.port_base == DEFAULT_PORT_BASE else f"{self.interface}:{self.port_base}"


def binding() -> Any:
    """The module of Unitree's binding.

    Raises:
        MissingDependencyError: it is not installed, or too old to take a DDS configuration.
    """
    try:
        import unitree_interface
    except ImportError as error:
        raise MissingDependencyError(
            "talking to a Unitree robot or its twin needs the package far-unitree-sdk, which exists for Python below "
            f"3.13 (this is {sys.version_info.major}.{sys.version_info.minor}): pip install 'hlm[unitree]'."
        ) from error
    if getattr(unitree_interface, "DDS_CONFIG_API_VERSION", None) != 1:
        raise MissingDependencyError(
            "this far-unitree-sdk takes no DDS configuration: pip install 'far-unitree-sdk==0.1.8'."
        )
    return unitree_interface


def open_link(address: DdsAddress) -> Any:
    """A `unitree_interface.UnitreeInterface` for the G1; it publishes nothing before the first command.

    The binding can join one DDS network in the life of a process, and a link that is destroyed while messages arrive
    aborts the process (1 in 8 tries with version 0.1.8). So a link lives as long as its process: asking again gives the
    same one, and after leaving it repeats the last command, which brakes. The binding prints on standard output from
    its own threads, which is therefore closed to compiled code.

    Raises:
        MissingDependencyError: the binding is missing.
        LostError: DDS cannot be started on the interface.
    """
    if address in _LINKS:
        return _LINKS[address]
    sdk = binding()
    silence_compiled_code()
    try:
        link = sdk.UnitreeInterface.create_g1(address.interface, sdk.MessageType.HG, dds_config=address.configuration)
    except (RuntimeError, ValueError) as error:
        raise LostError(f"DDS cannot be started on '{address}': {' '.join(str(error).split())}.") from error
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(link))  # not destroyed with the interpreter either
    _LINKS[address] = link
    return link


def silence_compiled_code() -> None:
    """Discard what compiled code prints on standard output from now on; Python's own output arrives as before."""
    sys.stdout.flush()
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        descriptor = -1
    if descriptor == 1:
        sys.stdout = os.fdopen(os.dup(1), "w", buffering=1, encoding=sys.stdout.encoding)
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
