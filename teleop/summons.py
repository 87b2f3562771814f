"""A person who takes over from a policy, and hands back, with a button of their device or of the operator's page."""

from __future__ import annotations

from hlm.core.values import Observation, Reference
from hlm.teleop.devices.device import Button, Device
from hlm.teleop.devices.presses import Presses
from hlm.teleop.person import Continuing, PersonSource


class Summons:
    """The second source of a `hlm.teleop.takeover.Takeover`, and with `wanted` the one that says when it is in command.

    Pressing `Button.ENGAGE` takes over, pressing it again hands back; `Button.STOP` ends the episode. A button that is
    held down at the start of an episode counts once it has been let go. Nobody takes over with a device that is silent;
    one that falls silent in command lets the body hold, see `hlm.teleop.person.PersonSource`.

    Args:
        person: who takes over.
        device: theirs, entered; None where all its buttons come by `press`.
    """

    def __init__(self, person: PersonSource, device: Device | None) -> None:
        self._person = person
        self._device = device
        self._asked: list[Button]
        self.begin()

    def begin(self) -> None:
        """An episode begins, with the other source in command."""
        self._presses = None if self._device is None else Presses(self._device)
        self._asked = []
        self._summoned = self._stopped = False
        self._refusal = ""

    @property
    def summoned(self) -> bool:
        """Whether the person is in command."""
        return self._summoned

    @property
    def trouble(self) -> str:
        """Why the last wish to take over was not heeded, or why the person is not followed; empty while all is well."""
        return self._refusal or self._person.trouble

    def press(self, button: Button) -> None:
        """A button was pressed that is not heard on the device, such as one of the operator's page."""
        self._asked.append(button)

    def wanted(self, observation: Observation) -> bool:
        """Whether the person is to be in command at this step; asked once a step."""
        if not self._summoned:
            self._person.look(observation.stamp_ns)
        heard = () if self._presses is None else self._presses.new()
        pressed, self._asked = [*heard, *self._asked], []
        self._stopped = self._stopped or Button.STOP in pressed
        for _ in range(pressed.count(Button.ENGAGE)):
            self._engage()
        if not self._summoned:
            self._person.hold()
        return self._summoned or self._stopped

    def continue_from(self, reference: Reference) -> None:
        """Let the person begin with the body as the other source has it, as far as their device can."""
        if isinstance(self._person, Continuing):
            self._person.continue_from(reference)

    def reset(self, observation: Observation) -> None:
        """Begin where the robot is, and follow the person."""
        self._person.reset(observation)
        self._person.follow()

    def reference(self, observation: Observation) -> Reference | None:
        """The person's reference; None once they have stopped the episode."""
        return None if self._stopped else self._person.reference(observation)

    def _engage(self) -> None:
        """Take over, or hand back; a person who could not be followed takes nothing over."""
        if self._summoned or not self._person.trouble:
            self._summoned, self._refusal = not self._summoned, ""
        else:
            self._refusal = f"nobody took over: {self._person.trouble}"
