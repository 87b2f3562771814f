"""A person who takes over from a policy, and hands back, with a button of their device."""

from __future__ import annotations

from hlm.core.values import Observation, Reference
from hlm.teleop.devices.device import Button, Device
from hlm.teleop.person import PersonSource


class Summons:
    """The second source of a `hlm.teleop.takeover.Takeover`, and with `wanted` the one that says when it is in command.

    Pressing `Button.ENGAGE` takes over, pressing it again hands back; `Button.STOP` ends the episode. A button that is
    held down at the start of an episode counts once it has been let go.

    Args:
        person: who takes over.
        device: theirs; entered.
    """

    def __init__(self, person: PersonSource, device: Device) -> None:
        self._person = person
        self._device = device
        self._held = self._buttons()
        self._summoned = self._stopped = False

    def wanted(self, observation: Observation) -> bool:
        """Whether the person is to be in command at this step; asked once a step."""
        del observation  # a button does not depend on what is seen
        held = self._buttons()
        pressed, self._held = held - self._held, held
        self._stopped = self._stopped or Button.STOP in pressed
        if Button.ENGAGE in pressed:
            self._summoned = not self._summoned
        if not self._summoned:
            self._person.hold()
        return self._summoned or self._stopped

    def reset(self, observation: Observation) -> None:
        """Begin from the measured pose, and follow the person."""
        self._person.reset(observation)
        self._person.follow()

    def reference(self, observation: Observation) -> Reference | None:
        """The person's reference; None once they have stopped the episode."""
        return None if self._stopped else self._person.reference(observation)

    def _buttons(self) -> frozenset[Button]:
        sample = self._device.read()
        return frozenset() if sample is None else sample.buttons
