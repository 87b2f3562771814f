"""The grippers of a twin on OpenHLM's wire."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np
import zmq

from hlm.core.arrays import FloatArray
from hlm.robots.gripper_messages import POSE_TOPIC, pack_state, unpack_action
from hlm.robots.publisher import bound_publisher
from hlm.robots.subscription import Subscription
from hlm.twin.config import TwinPorts

PORT_TAKEN = "Another twin has the port? Choose --first-port."


class GripperServer:
    """Hears the pose stream and tells the openings.

    Args:
        ports: where.
    """

    def __init__(self, ports: TwinPorts) -> None:
        self._ports = ports
        self._states: zmq.Socket[bytes] | None = None
        self._actions: Subscription[FloatArray] | None = None
        self._wanted: FloatArray | None = None

    def __enter__(self) -> Self:
        """Open the port of the state, and listen to the commands.

        Raises:
            InputError: the port is in use.
        """
        self._states = bound_publisher(self._ports.gripper_state, "the grippers' state", PORT_TAKEN)
        # Whoever commands comes later, and its first message should not be missed for long.
        self._actions = Subscription(self._ports.gripper_command, POSE_TOPIC, unpack_action, reconnect_ms=20)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the ports."""
        for socket in (self._states, self._actions):
            if socket is not None:
                socket.close()
        self._states = self._actions = self._wanted = None

    def tell(self, opening: FloatArray) -> None:
        """Publish the measured openings [2]."""
        if self._states is not None:
            self._states.send(pack_state(np.round(opening, 4)), zmq.DONTWAIT)

    def wanted(self) -> FloatArray | None:
        """[2] openings that were asked for last; None before the first."""
        wanted = None if self._actions is None else self._actions.take()
        if wanted is not None:
            self._wanted = wanted
        return self._wanted
