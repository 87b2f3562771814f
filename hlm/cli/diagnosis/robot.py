"""Whether a robot answers, and whether somebody else commands it; nothing is commanded."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

import numpy as np

from hlm.cli.diagnosis.finding import Finding, Verdict, judged, refused
from hlm.core.clock import NS_PER_S, Clock
from hlm.core.embodiment import Embodiment
from hlm.core.errors import HlmError
from hlm.core.values import RobotState
from hlm.runtime.safety.inertial_units import InertialUnits
from hlm.runtime.safety.watch import WatchConfig

_LISTEN_S, _LOOK_HZ = 1.0, 500.0


class Listened(Protocol):
    """A robot link that sends nothing before its first command."""

    def __enter__(self) -> Self:
        """Connect."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        ...

    def read(self) -> RobotState:
        """The newest measurement."""
        ...

    def in_other_hands(self) -> bool:
        """Whether another process commands the robot."""
        ...

    def own_controller(self) -> str | None:
        """Name of the robot's own controller that has the motors; empty when none has, None if it does not say."""
        ...


def robot_findings(robot: Listened, embodiment: Embodiment, clock: Clock) -> list[Finding]:
    """Rate and age of measurements, temperature, inertial units, and other controllers, listening for a second.

    Args:
        robot: not entered yet.
        embodiment: the robot's table.
        clock: that measurements are stamped with.
    """
    try:
        with robot:
            stamps, start_ns, oldest_s = set[int](), clock.now_ns(), 0.0
            while (now_ns := clock.now_ns()) < start_ns + _LISTEN_S * NS_PER_S:
                state = robot.read()
                stamps.add(state.stamp_ns)
                oldest_s = max(oldest_s, (clock.now_ns() - state.stamp_ns) / NS_PER_S)
                clock.wait_until(now_ns + round(NS_PER_S / _LOOK_HZ))
            return [
                _measurements(len(stamps), oldest_s, state),
                _inertial_units(state, embodiment),
                _hands(robot.own_controller(), others=robot.in_other_hands()),
            ]
    except HlmError as error:
        return [refused("robot", error, "Switch it on, or start the twin: hlm twin --task shelf_cup_transfer")]


def _measurements(count: int, oldest_s: float, state: RobotState) -> Finding:
    hottest_c = np.nanmax(np.append(state.motor_temperature_c, -np.inf))
    heat = f", hottest motor {hottest_c:.0f} °C" if np.isfinite(hottest_c) else ""
    return judged(
        "robot",
        f"{count / _LISTEN_S:.0f} measurements a second, {1e3 * oldest_s:.0f} ms old at most{heat}",
        "Look for other traffic on the interface, and for load on this machine",
        bad=oldest_s > 0.1,
        note=oldest_s > 0.02,
    )


def _inertial_units(state: RobotState, embodiment: Embodiment) -> Finding:
    limit_rad, angle_rad = WatchConfig().disagreement_rad, InertialUnits(embodiment).disagreement_rad(state)
    if np.isnan(angle_rad):
        return judged("inertial units", "one, in the pelvis", "", bad=False)
    return judged(
        "inertial units",
        f"pelvis and torso, {np.degrees(angle_rad):.1f}° apart about the vertical",
        "Calibrate the waist and the inertial units with Unitree's app",
        bad=angle_rad > limit_rad,
        note=angle_rad > 0.5 * limit_rad,
    )


def _hands(own: str | None, *, others: bool) -> Finding:
    if own:
        return Finding(
            "other controllers",
            Verdict.NOTE,
            f"the robot's own '{own}' has the motors",
            "Hang the robot: hlm deploy --start hanging makes it release them. Or debug mode: L2 + R2 on the remote",
        )
    return Finding(
        "other controllers",
        Verdict.BAD if others else Verdict.OK,
        "another process commands the robot" if others else "none",
        "End it, or put the robot into debug mode (L2 + R2 on the remote)" if others else "",
    )
