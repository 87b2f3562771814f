"""The cable between a world in real time and whoever moves the robot in it: two rings in shared memory."""

from __future__ import annotations

from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from hlm.core.errors import SimulationError
from hlm.core.records import dtype_of, from_record, to_record
from hlm.core.shared_ring import SharedRing
from hlm.core.values import JointCommand, RobotState
from hlm.sim.robot import SimulatedRobot

MEASUREMENT = np.dtype([("state", dtype_of(RobotState)), ("fault", "S240")])
"""What the world says at each step: a measurement, or why there is none."""


class Cable(NamedTuple):
    """Both ends of a cable hold the same rings.

    Attributes:
        measurements: of type `MEASUREMENT`, written by the world.
        commands: records of `JointCommand`, written by one process at a time.
    """

    measurements: SharedRing
    commands: SharedRing


def make_cable(kept_commands: int = 64) -> Cable:
    """A new cable; `kept_commands` can be looked at afterwards."""
    return Cable(SharedRing(MEASUREMENT, slots=64), SharedRing(dtype_of(JointCommand), slots=kept_commands))


class RingPort:
    """The world's end of a cable; implements `hlm.sim.realtime.plant.PlantPort`.

    Args:
        cable: the cable.
    """

    def __init__(self, cable: Cable) -> None:
        self._cable = cable
        self._taken = 0
        self._records = np.zeros(1, MEASUREMENT)

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def exchange(self, robot: SimulatedRobot, stamp_ns: int) -> JointCommand | None:
        """Publish the measurement of now; the newest command, None if there was none since the last call.

        Raises:
            SimulationError: the world blew up; the other end was told.
        """
        del stamp_ns  # the measurement carries it
        try:
            self._records["state"][0] = to_record(robot.read())
            self._records["fault"] = b""
        except SimulationError as error:
            self._records["fault"] = str(error).encode()
            raise
        finally:
            self._cable.measurements.append(self._records[0])
        written = self._cable.commands.written
        if written == self._taken:
            return None
        self._taken = written
        record = self._cable.commands.newest()
        return None if record is None else from_record(JointCommand, record)
