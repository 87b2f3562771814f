"""New presses of a device's buttons."""

from __future__ import annotations

from hlm.teleop.devices.device import Button, Counting, Device


class Presses:
    """Tells which buttons were pressed since it looked last; what is held down from the start is no press.

    Args:
        device: entered.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._counts = dict.fromkeys(Button, 0)
        self._held: frozenset[Button] = frozenset()
        self.new()

    def new(self) -> tuple[Button, ...]:
        """The buttons, each as often as it was pressed."""
        sample = self._device.read()
        if isinstance(self._device, Counting):
            counts = dict(self._device.presses)
            new = tuple(button for button in Button for _ in range(counts[button] - self._counts[button]))
            self._counts = counts
            return new
        held = frozenset() if sample is None else sample.buttons
        edges, self._held = tuple(sorted(held - self._held)), held
        return edges
