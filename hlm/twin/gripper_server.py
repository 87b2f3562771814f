"""The grippers of a twin on OpenHLM's wire."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Self

import numpy as np
import zmq

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError
from hlm.robots.gripper_messages import POSE_TOPIC, pack_state, unpack_action
from hlm.robots.publisher import bound_publisher
from hlm.twin.config import TwinPorts

_LOG = logging.getLogger(__name__)
PORT_TAKEN = "Another twin has the port? Choose --first-port."


class GripperServer:
    """Hears the pose stream and tells the openings.

    Args:
        ports: where.
    """

    def __init__(self, ports: TwinPorts) -> None:
        self._ports = ports
        self._states: zmq.Socket[bytes] | None = None
        self._actions: zmq.Socket[bytes] | None = None
        self._wanted: FloatArray | None = None

    def __enter__(self) -> Self:
        """Open the port of the state, and listen to the commands.

        Raises:
            InputError: the port is in use.
        """
        self._states = bound_publisher(self._ports.gripper_state, "the grippers' state", PORT_TAKEN)
        self._actions = zmq.Context.instance().socket(zmq.SUB)
        self._actions.setsockopt(zmq.CONFLATE, 1)
        self._actions.setsockopt(zmq.LINGER, 0)
        self._actions.setsockopt(zmq.RECONNECT_IVL, 20)
        self._actions.setsockopt(zmq.SUBSCRIBE, POSE_TOPIC.encode())
        self._actions.connect(self._ports.gripper_command)
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
        try:
            if self._actions is not None:
                self._wanted = unpack_action(self._actions.recv(zmq.DONTWAIT))
        except zmq.Again:
            pass
        except CorruptError as error:
            _LOG.warning("%s", error)
        return self._wanted
