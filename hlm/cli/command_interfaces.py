"""The interfaces that a source's references can go through, by the names that `--command-interface` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hlm.core.errors import UnknownNameError

if TYPE_CHECKING:
    from hlm.cli.sources import MakeSource

WHOLE_BODY_INTERFACE = "joints"
COMMAND_INTERFACES = (WHOLE_BODY_INTERFACE, "decoupled", "three_point")
"""As `hlm.teleop.interfaces.interfaced_source.INTERFACES`, without importing what they need."""


def must_be_command_interface(name: str) -> None:
    """Refuse a name that no interface has.

    Raises:
        UnknownNameError: there is no such interface.
    """
    if name not in COMMAND_INTERFACES:
        raise UnknownNameError("command interface", name, COMMAND_INTERFACES)


def through(name: str, make_source: MakeSource) -> MakeSource:
    """Makes the same sources, squeezed through an interface; through "joints" they stay as they are."""
    from hlm.cli.sources import EMBODIMENT
    from hlm.teleop.interfaces.interfaced_source import interfaced

    return lambda instance: interfaced(make_source(instance), name, EMBODIMENT)


def operator_name(source: str, name: str) -> str:
    """How datasets name the operator of a source through an interface."""
    return source if name == WHOLE_BODY_INTERFACE else f"{source} through {name}"
