"""The process that brakes a robot whose body is gone: the motors of a robot keep their last command for ever."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from hlm.core.body import BodyState
from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.lifeline import WatchedLife
from hlm.core.processes import Leash
from hlm.core.protocols import Robot
from hlm.core.realtime import RealtimeConfig, be_on_time
from hlm.runtime.bodies.body_process import LAST_COMMANDS, BodyLines
from hlm.runtime.bodies.body_records import Order, body_state_of
from hlm.runtime.safety.braking import damping_command

_LOOK_S = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardConfig:
    """A guard.

    Attributes:
        hang_s: a body that has not reported for so long is killed, because its last command is too old.
        period_s: time between two braking commands.
        alone_s: how long it goes on braking when the process that started it is gone too.
        realtime: how its process is to be preferred.
    """

    hang_s: float = 0.75
    period_s: float = 0.01
    alone_s: float = 5.0
    realtime: RealtimeConfig = field(default_factory=lambda: RealtimeConfig(priority=70))

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("hang_s", "period_s", "alone_s"):
            if not getattr(self, name) > 0.0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}.")


class Guarded(NamedTuple):
    """The body that is watched.

    Attributes:
        pid: of its process.
        life: ends with its process.
        lines: of the body; only read.
    """

    pid: int
    life: WatchedLife
    lines: BodyLines


def run_guard(
    leash: Leash, make_robot: Callable[[], Robot], embodiment: Embodiment, config: GuardConfig, body: Guarded
) -> None:
    """Job of a process: brake the robot when its body dies, again and again until released.

    Its own link to the robot is idle until then. A body that says goodbye has braked by itself.

    Args:
        leash: of the process; ready with the notes of `be_on_time`.
        make_robot: makes the robot link.
        embodiment: the robot's table.
        config: timing.
        body: who is watched.
    """
    with make_robot() as robot:
        guard = _Guard(robot, embodiment, config, body.lines)
        leash.ready(be_on_time(config.realtime))
        if died_in_charge(config, body):
            guard.brake(leash)


def died_in_charge(config: GuardConfig, body: Guarded) -> bool:
    """Wait until a body's process is gone; whether it had the motors in its hands.

    One that does nothing any more is killed, so that nothing else commands the motors from now on.
    """
    reports, clock = body.lines.reports, MonotonicClock()
    while not body.life.ended(_LOOK_S):
        report = reports.newest()
        if report is None or report["ended"]:
            continue
        if clock.now_ns() - int(report["done_ns"]) > config.hang_s * NS_PER_S:
            with suppress(ProcessLookupError):
                os.kill(body.pid, signal.SIGKILL)
    return _in_charge(body.lines)


def _in_charge(lines: BodyLines) -> bool:
    """Whether a body that is gone has left the motors with a command of its own that does not brake for good."""
    report, carried_out = lines.reports.newest(), 0
    if report is not None:
        if report["ended"]:
            return False
        if body_state_of(report) is not BodyState.DISARMED:
            return True
        carried_out = int(report["orders"])
    # It may have been armed in the step that it died in; a robot that nobody armed is left to who commands it.
    later = lines.orders.since(carried_out)
    return later.lost > 0 or any(record["order"] == Order.ARM for record in later.records)


class _Guard:
    """Brakes a robot whose body is gone."""

    def __init__(self, robot: Robot, embodiment: Embodiment, config: GuardConfig, lines: BodyLines) -> None:
        self._robot = robot
        self._embodiment = embodiment
        self._config = config
        self._lines = lines
        self._clock: Clock = MonotonicClock()

    def brake(self, leash: Leash) -> None:
        """Send the braking command until released, or for a while when nobody is there to release."""
        report = self._lines.reports.newest()
        opening = np.ones(2) if report is None else report["gripper_opening"]
        died_ns, left = self._clock.now_ns(), LAST_COMMANDS
        while True:
            now_ns = self._clock.now_ns()
            # A link that fails now may work in a moment, and there is nobody else.
            with suppress(Exception):
                self._robot.command(damping_command(self._embodiment, now_ns, opening))
            left -= 1  # whoever kills a body releases the guard at once
            if leash.wait(0.0 if leash.orphaned else self._config.period_s):
                if (not leash.orphaned and left <= 0) or now_ns - died_ns > self._config.alone_s * NS_PER_S:
                    return
                self._clock.wait_until(now_ns + round(self._config.period_s * NS_PER_S))
