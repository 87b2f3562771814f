"""Two ChangingTek CTAG2F90-D grippers behind OpenHLM's gripper server."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import zmq

from hlm.core.arrays import FloatArray
from hlm.core.clock import Clock
from hlm.core.layout import JOINTS
from hlm.robots.gripper_messages import pack_action, unpack_state
from hlm.robots.publisher import bound_publisher
from hlm.robots.subscription import Subscription

_STILL = np.zeros(JOINTS)
_PORT_TAKEN = "Does another program, such as another hlm deploy, have that port?"


@dataclass(frozen=True, kw_only=True, slots=True)
class GripperAddresses:
    """Where the grippers are.

    Attributes:
        state: where the gripper server publishes its state; on the robot `tcp://192.168.123.164:5558`.
        command: address of this machine at which the gripper server listens to commands; with the robot
            `tcp://192.168.123.222:5556`. One process can have it.
    """

    state: str = "tcp://127.0.0.1:5558"
    command: str = "tcp://127.0.0.1:5556"


class ChangingTekGrippers:
    """The grippers over ZMQ; implements `hlm.robots.grippers.Grippers`.

    The address of the commands is taken at the first one, so that an idle link leaves it to others.

    Args:
        addresses: where they are.
        clock: the session's clock.
    """

    def __init__(self, addresses: GripperAddresses, clock: Clock) -> None:
        self._addresses = addresses
        self._clock = clock
        self._states: Subscription[FloatArray] | None = None
        self._commands: zmq.Socket[bytes] | None = None
        self._opening: FloatArray = np.ones(2)
        self._stamp_ns = -1

    def __enter__(self) -> Self:
        """Listen to the state; what was heard before is forgotten.

        Raises:
            InputError: the address of the state is none.
        """
        self._opening, self._stamp_ns = np.ones(2), -1
        self._states = Subscription(self._addresses.state, "", unpack_state)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect; the grippers keep what they hold."""
        for socket in (self._states, self._commands):
            if socket is not None:
                socket.close()
        self._states = self._commands = None

    def read(self) -> tuple[FloatArray, int]:
        """[2] newest measured opening, left and right, and when it was seen here, ns; -1 before the first."""
        opening = None if self._states is None else self._states.take()
        if opening is not None:
            self._opening, self._stamp_ns = opening, self._clock.now_ns()
        return self._opening, self._stamp_ns

    def command(self, opening: FloatArray) -> None:
        """Send the wanted opening [2]; never waits.

        Raises:
            InputError: another process has the address of the commands.
        """
        if self._commands is None:
            self._commands = bound_publisher(self._addresses.command, "commands to the grippers", _PORT_TAKEN)
        self._commands.send(pack_action(opening, _STILL, _STILL), zmq.DONTWAIT)
