"""The wire to SONIC over ZMQ: frames out, measurements in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import zmq

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.errors import InputError, LostError
from hlm.core.streaming import StreamFrames
from hlm.core.values import RobotState
from hlm.robots.gripper_messages import unpack_state as unpack_opening
from hlm.robots.publisher import bound_publisher
from hlm.robots.sonic import state_message
from hlm.robots.sonic.command_message import pack_stop
from hlm.robots.sonic.heading_watch import HeadingWatch
from hlm.robots.sonic.pose_message import pack_pose
from hlm.robots.sonic.state_message import SonicState, unpack_state
from hlm.robots.subscription import Subscription

_POLL_NS = 5_000_000
# As old as a measurement may be for the loop; one that is damaged is no reason to hold.
_UNREADABLE_NS = 100_000_000
SONIC_LATENCY_S = 0.24
"""From a frame's arrival to its playback, when the stream runs: twelve frames."""
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
        self._states: Subscription[SonicState] | None = None
        self._grippers: Subscription[FloatArray] | None = None
        self._opening: FloatArray | None = None
        self._state: SonicState | None = None
        self._heading = HeadingWatch()

    def __enter__(self) -> Self:
        """Listen, and wait for a measurement.

        Raises:
            LostError: no measurement comes.
            InputError: an address that is none.
        """
        addresses = self._addresses
        self._state, self._opening, self._heading = None, None, HeadingWatch()
        try:
            self._states = Subscription(addresses.state, state_message.TOPIC, self._unpacked)
            if addresses.gripper_state is not None:
                self._grippers = Subscription(addresses.gripper_state, "", unpack_opening)
                self._wait(lambda: self._opening is not None, self._no_grippers)
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
        """Why the stream must not go on, in words; empty when it may.

        Either SONIC has started its heading again, which is told once, or nothing that it says can be read any more.
        """
        refused = "" if self._states is None else self._states.refused
        stamp_ns = 0 if self._state is None else self._state.robot.stamp_ns
        if refused and self._clock.now_ns() - stamp_ns > _UNREADABLE_NS:
            return refused.rstrip(".")
        return self._heading.trouble()

    def publish(self, frames: StreamFrames) -> None:
        """Send frames; never waits."""
        self._heading.published(self._clock.now_ns())
        self._send(pack_pose(frames))

    def stop(self) -> None:
        """Make SONIC brake its motors and end; never waits."""
        self._heading.stopped()
        self._send(pack_stop())

    def _send(self, message: bytes) -> None:
        self.claim()
        if self._publisher is not None:
            self._publisher.send(message, zmq.DONTWAIT)

    def _listen(self) -> None:
        """Take what came since."""
        opening = None if self._grippers is None else self._grippers.take()
        if opening is not None:
            self._opening = opening
        state = None if self._states is None else self._states.take()
        if state is not None and (self._state is None or state.step != self._state.step):
            self._state = state
            self._heading.look(state.quat_heading_start_wxyz, state.robot.stamp_ns)

    def _unpacked(self, message: bytes) -> SonicState:
        return unpack_state(message, self._clock.now_ns(), np.ones(2) if self._opening is None else self._opening)

    def _wait(self, there: Callable[[], bool], what: Callable[[], str]) -> None:
        start_ns = self._clock.now_ns()
        while not there():
            if (self._clock.now_ns() - start_ns) / NS_PER_S > self._addresses.timeout_s:
                raise LostError(what())
            self._clock.wait_until(self._clock.now_ns() + _POLL_NS)
            self._listen()

    def _no_sonic(self) -> str:
        addresses, refused = self._addresses, _refused(self._states)
        return (
            f"no measurement from SONIC at {addresses.state} within {addresses.timeout_s:g} s.{refused} Start "
            "its deploy program with `--input-type zmq`, press ']' in its terminal, then ENTER (docs/sonic.md)."
        )

    def _no_grippers(self) -> str:
        addresses, refused = self._addresses, _refused(self._grippers)
        return (
            f"the gripper server at {addresses.gripper_state} says nothing within "
            f"{addresses.timeout_s:g} s.{refused} Start it on the robot, or leave the grippers out."
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


def _refused(subscription: Subscription[Any] | None) -> str:
    """What is wrong with what was heard, as a sentence to append; empty when nothing is."""
    return f" {subscription.refused}" if subscription is not None and subscription.refused else ""
