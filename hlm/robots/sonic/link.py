"""The wire to SONIC over ZMQ: frames out, measurements in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import zmq

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.errors import CorruptError, InputError, LostError
from hlm.core.streaming import StreamFrames
from hlm.core.values import RobotState
from hlm.robots.gripper_messages import unpack_state as unpack_opening
from hlm.robots.publisher import bound_publisher
from hlm.robots.sonic import state_message
from hlm.robots.sonic.command_message import pack_stop
from hlm.robots.sonic.pose_message import pack_pose
from hlm.robots.sonic.state_message import SonicState, unpack_state

_LOG = logging.getLogger(__name__)
_POLL_NS = 5_000_000
SONIC_LATENCY_S = 0.24
"""From a frame's arrival to its playback, when the stream runs: twelve frames."""

_NEWEST = b""
# SONIC starts its heading once when a stream begins; by then it must have heard of it.
_SETTLED_NS = 1_000_000_000


_PORT_TAKEN = "Does another program, such as another hlm deploy or OpenHLM's teleoperation, have that port?"


@dataclass(frozen=True, kw_only=True, slots=True)
class SonicAddresses:
    """Where SONIC is.

    Attributes:
        publish: where this machine publishes references; SONIC's `--zmq-host` and port lead here.
            For SONIC on another machine it is `tcp://ADDRESS_OF_THIS_MACHINE:5556`. One process can have it.
        state: where SONIC publishes what it measures.
        gripper_state: where OpenHLM's gripper server publishes its state, such as `tcp://192.168.123.164:5558`; None
            when there are no grippers, which are open then. It hears the stream of references, as SONIC does.
        timeout_s: how long to wait for SONIC.
    """

    publish: str
    state: str
    gripper_state: str | None = None
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        """Check the range."""
        if not self.timeout_s > 0.0:
            raise InputError(f"timeout_s must be positive, got {self.timeout_s}.")


class SonicLink:
    """SONIC on the network; implements `hlm.core.streaming.StreamLink`.

    Entering waits for a measurement. The address for publishing is taken by `claim`, or else when the first frames or
    the first stop are sent, so that an idle link, such as a guard's, leaves it to another process. Stamps are those of
    reception; a message that says nothing new, because SONIC's control loop stands still, leaves the old one.

    Args:
        addresses: where SONIC is.
        clock: the session's clock; `MonotonicClock` by default.
    """

    def __init__(self, addresses: SonicAddresses, clock: Clock | None = None) -> None:
        self._addresses = addresses
        self._clock = MonotonicClock() if clock is None else clock
        self._publisher: zmq.Socket[bytes] | None = None
        self._states: zmq.Socket[bytes] | None = None
        self._grippers: zmq.Socket[bytes] | None = None
        self._opening: FloatArray = np.ones(2)
        self._opening_ns = -1
        self._state: SonicState | None = None
        self._refused = ""
        self._published_ns: int | None = None
        self._heading_start: FloatArray | None = None
        self._trouble = ""

    def __enter__(self) -> Self:
        """Listen, and wait for a measurement.

        Raises:
            LostError: no measurement comes.
            InputError: an address that is none.
        """
        addresses = self._addresses
        self._state, self._opening_ns, self._refused = None, -1, ""
        try:
            self._states = _subscriber(addresses.state, state_message.TOPIC.encode())
            if addresses.gripper_state is not None:
                self._grippers = _subscriber(addresses.gripper_state, _NEWEST)
                self._wait(lambda: self._opening_ns >= 0, self._no_grippers)
            self._wait(lambda: self._state is not None, self._no_sonic)
        except BaseException:
            self._disconnect()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect; what was sent last is delivered if it can be."""
        self._disconnect()

    def claim(self) -> None:
        """Take the address for publishing, before anything is sent.

        Raises:
            InputError: another process has it.
        """
        if self._publisher is None:
            # The last stop must reach the wire before the process ends; a slow reader must not hear old frames later.
            self._publisher = bound_publisher(
                self._addresses.publish, "references", _PORT_TAKEN, linger_ms=500, queued=10
            )

    def read(self) -> RobotState:
        """The newest measurement.

        Raises:
            LostError: nothing was ever measured.
        """
        self._listen()
        if self._state is None:
            raise LostError(self._no_sonic())
        return self._state.robot

    def trouble(self) -> str:
        """That SONIC has started its heading again, in words, once; empty when it has not."""
        trouble, self._trouble = self._trouble, ""
        return trouble

    def publish(self, frames: StreamFrames) -> None:
        """Send frames; never waits."""
        if self._published_ns is None:
            self._published_ns = self._clock.now_ns()
        self._send(pack_pose(frames))

    def stop(self) -> None:
        """Make SONIC brake its motors and end; never waits."""
        self._published_ns = None
        self._send(pack_stop())

    def _send(self, message: bytes) -> None:
        self.claim()
        if self._publisher is not None:
            self._publisher.send(message, zmq.DONTWAIT)

    def _listen(self) -> None:
        """Take what came since."""
        self._take(self._grippers, self._take_opening)
        self._take(self._states, self._take_state)

    def _take(self, socket: zmq.Socket[bytes] | None, take: Callable[[bytes], None]) -> None:
        try:
            if socket is not None:
                take(socket.recv(zmq.DONTWAIT))
        except zmq.Again:
            pass
        except CorruptError as error:
            self._refused = f" {error}"
            _LOG.warning("%s", error)

    def _take_opening(self, message: bytes) -> None:
        self._opening = np.clip(unpack_opening(message), 0.0, 1.0)
        self._opening_ns = self._clock.now_ns()

    def _take_state(self, message: bytes) -> None:
        state = unpack_state(message, self._clock.now_ns(), self._opening)
        if self._state is None or state.step != self._state.step:
            self._state = state
            self._compare_heading(state)

    def _compare_heading(self, state: SonicState) -> None:
        """Notice that SONIC turns what it is asked for by another angle than before."""
        before, self._heading_start = self._heading_start, None
        if self._published_ns is None or state.robot.stamp_ns - self._published_ns < _SETTLED_NS:
            return
        self._heading_start = state.quat_heading_start_wxyz
        if before is not None and not np.array_equal(before, self._heading_start, equal_nan=True):
            self._trouble = "SONIC has started its heading again: it lost messages, or a person told it to"

    def _wait(self, there: Callable[[], bool], what: Callable[[], str]) -> None:
        start_ns = self._clock.now_ns()
        while not there():
            if (self._clock.now_ns() - start_ns) / NS_PER_S > self._addresses.timeout_s:
                raise LostError(what())
            self._clock.wait_until(self._clock.now_ns() + _POLL_NS)
            self._listen()

    def _no_sonic(self) -> str:
        addresses = self._addresses
        return (
            f"no measurement from SONIC at {addresses.state} within {addresses.timeout_s:g} s.{self._refused} Start "
            "its deploy program with `--input-type zmq`, press ']' in its terminal, then ENTER (docs/sonic.md)."
        )

    def _no_grippers(self) -> str:
        return (
            f"the gripper server at {self._addresses.gripper_state} says nothing within "
            f"{self._addresses.timeout_s:g} s.{self._refused} Start it on the robot, or leave the grippers out."
        )

    def _disconnect(self) -> None:
        for socket in (self._states, self._grippers, self._publisher):
            if socket is not None:
                socket.close()
        self._states = self._grippers = self._publisher = None


@dataclass(frozen=True, slots=True)
class SonicLinkFactory:
    """Makes the same link in any process."""

    addresses: SonicAddresses

    def __call__(self) -> SonicLink:
        """A link that was not entered yet."""
        return SonicLink(self.addresses)


def _subscriber(address: str, topic: bytes) -> zmq.Socket[bytes]:
    """A socket that keeps the newest message alone."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
    socket.setsockopt(zmq.CONFLATE, 1)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, 1 << 16)
    socket.setsockopt(zmq.SUBSCRIBE, topic)
    try:
        socket.connect(address)
    except zmq.ZMQError as error:
        socket.close()
        raise InputError(f"'{address}' is no address to listen to: {error.strerror or error}.") from error
    return socket
