"""The robot in a world that another process runs in real time."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np

from hlm.core.errors import LostError, SimulationError
from hlm.core.layout import JOINTS
from hlm.core.records import from_record, to_record
from hlm.core.values import JointCommand, RobotState
from hlm.sim.realtime.cable import Cable


class PlantRobot:
    """The robot's end of a cable; implements `hlm.core.protocols.Robot`.

    Several processes may hold one; only one at a time may command. Leaving after having commanded lets the motors only
    brake, as the last command does when its process dies on a real robot: nothing else would answer any more.

    Args:
        cable: to the world.
    """

    def __init__(self, cable: Cable) -> None:
        self._cable = cable
        self._last: JointCommand | None = None

    def __enter__(self) -> Self:
        """Nothing to connect; the motors are untouched."""
        self._last = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the motors brake if this robot has commanded them."""
        if self._last is not None:
            none = np.zeros(JOINTS)
            self.command(replace(self._last, kp_nm_rad=none, torque_nm=none, joint_velocity_rad_s=none))

    def read(self) -> RobotState:
        """The newest measurement.

        Raises:
            LostError: there is none yet.
            SimulationError: the world blew up.
        """
        record = self._cable.measurements.newest()
        if record is None:
            raise LostError("the simulated robot has not measured anything yet.")
        if fault := bytes(record["fault"]).decode(errors="ignore"):
            raise SimulationError(fault)
        return from_record(RobotState, record["state"])

    def command(self, command: JointCommand) -> None:
        """Apply this command until the next one."""
        self._last = command
        self._cable.commands.append(to_record(command))
