"""What a person presses as requests to stop: keys of the terminal, or those of a device."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from hlm.core.terminal import Terminal
from hlm.teleop.devices.device import Button
from hlm.teleop.devices.presses import Presses

if TYPE_CHECKING:
    from hlm.teleop.devices.device import Device
    from hlm.teleop.devices.keyboard import Keyboard

# Most people's hands know one of them; Ctrl+C is a signal.
_KEYS = b" qQ\x1b"


class Stops(Protocol):
    """Keys or buttons that stop.

    Attributes:
        ways: them, in words; empty while there are none.
    """

    @property
    def ways(self) -> str:
        """Them, in words; empty while there are none."""
        ...

    def __enter__(self) -> Self:
        """Listen."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        ...

    def pressed(self) -> int:
        """How often one was pressed since the last call; never waits."""
        ...


class StopKeys(Terminal):
    """Within the context, space, q and Escape on the terminal are noticed without Enter; implements `Stops`."""

    @property
    def ways(self) -> str:
        """The keys; empty where there is no terminal to listen to."""
        return "Space, q, Esc" if self.heard else ""

    def pressed(self) -> int:
        """1 if such a key was pressed since the last call; never waits."""
        return int(any(key in _KEYS for key in self.typed()))


class NoStops:
    """No keys: a person's keyboard has the terminal, and the session hears its stop; implements `Stops`."""

    ways = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing."""

    def pressed(self) -> int:
        """Never."""
        return 0


class KeyboardStops(NoStops):
    """The keys of a person's keyboard that stop, which has the terminal for itself; implements `Stops`.

    Args:
        keyboard: whoever entered it leaves it.
    """

    ways = "Space, Esc"  # q walks

    def __init__(self, keyboard: Keyboard) -> None:
        self._presses = Presses(keyboard)

    def pressed(self) -> int:
        """How often such a key was pressed since the last call."""
        return self._presses.new().count(Button.STOP)


class DeviceStops(StopKeys):
    """The stop of a person's device, beside the keys of the terminal; implements `Stops`.

    Args:
        device: entered.
    """

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._presses = Presses(device)

    def pressed(self) -> int:
        """How often the device's stop, or a key, was pressed since the last call."""
        return super().pressed() + self._presses.new().count(Button.STOP)
