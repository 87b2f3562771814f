"""People's sparse commands as an operator, and as a source of references."""

from __future__ import annotations

from collections.abc import Callable

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.commanded_body import CommandedBody
from hlm.control.commanded_body.start import standing_configuration
from hlm.control.inverse_kinematics import IKConfig
from hlm.control.model import BodyModel, Configuration
from hlm.control.operator import OperatorPose
from hlm.core.clock import STEP_HZ
from hlm.core.embodiment import Embodiment
from hlm.core.values import Observation, Reference
from hlm.teleop.devices.device import Device
from hlm.teleop.retargeting import RetargetedSource

type Commands = Callable[[], BodyCommand | None]
"""What is asked now; None ends the episode."""


class CommandedOperator:
    """Implements `hlm.control.operator.Operator` with a body that is commanded.

    Args:
        commands: asked once per step.
        body: turns commands into poses.
        start: the robot's configuration in the operator's world at the start of an episode; asked at each `reset`.
        rate_hz: steps per second.
    """

    def __init__(
        self, commands: Commands, body: CommandedBody, start: Callable[[], Configuration], rate_hz: float = STEP_HZ
    ) -> None:
        self.body = body
        self._commands = commands
        self._start = start
        self._dt_s = 1.0 / rate_hz

    def reset(self) -> Configuration:
        """Start from where the robot stands."""
        configuration = self._start()
        self.body.reset(configuration)
        return configuration

    def pose(self) -> OperatorPose | None:
        """The body after one step under the present command; None when there is none any more."""
        command = self._commands()
        return None if command is None else self.body.pose(command, self._dt_s)


class CommandedSource:
    """Implements `hlm.core.protocols.ReferenceSource`: a commanded body that starts where the robot is measured.

    Args:
        commands: asked once per step.
        embodiment: the robot.
        body: with other limits than the defaults.
        ik: weights and limits of the inverse kinematics.
        rate_hz: steps per second.
    """

    def __init__(
        self,
        commands: Commands,
        embodiment: Embodiment,
        body: CommandedBody | None = None,
        ik: IKConfig | None = None,
        rate_hz: float = STEP_HZ,
    ) -> None:
        self.body = CommandedBody(embodiment) if body is None else body
        self._model = BodyModel(embodiment)
        self._start = Configuration.standing(embodiment)
        operator = CommandedOperator(commands, self.body, lambda: self._start, rate_hz)
        self._source = RetargetedSource(operator, embodiment, ik)

    def reset(self, observation: Observation) -> None:
        """Start from the measured pose."""
        self._start = standing_configuration(self._model, observation.state)
        self._source.reset(observation)

    def reference(self, observation: Observation) -> Reference | None:
        """The commanded body retargeted to the robot; None when there are no more commands."""
        return self._source.reference(observation)


def commands_of(device: Device) -> Commands:
    """The newest command of a device that says `BodyCommand`s; before its first the body stands."""

    def command() -> BodyCommand:
        sample = device.read()
        if sample is None or not isinstance(sample.motion, BodyCommand):
            return BodyCommand()
        return sample.motion

    return command
