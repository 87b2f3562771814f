"""What is checked in a moment, before every arming."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from hlm.cli.diagnosis.disk import disk_findings
from hlm.cli.diagnosis.finding import Finding
from hlm.cli.diagnosis.memory import memory_finding
from hlm.cli.diagnosis.network import interface_findings
from hlm.cli.diagnosis.packages import package_findings
from hlm.cli.diagnosis.rates import measured_lateness, rate_finding
from hlm.cli.diagnosis.scheduling import granted_limits, in_real_time, scheduling_findings
from hlm.core.clock import Clock

_CONTROL_HZ, _DURATION_S = 100.0, 0.5


def quick_findings(
    robot: str, clock: Clock, *, interface: str | None, record: Path | None, free_memory_bytes: int | None
) -> list[Finding]:
    """What forbids arming, or should be known, as far as it can be found within a second.

    Args:
        robot: mujoco, unitree or sonic.
        clock: the session's.
        interface: network interface to a unitree robot.
        record: dataset to record to, if any.
        free_memory_bytes: what new processes can have; None where the system does not tell.
    """
    findings = [*package_findings(robot), memory_finding(free_memory_bytes), *scheduling_findings(granted_limits())]
    if robot == "unitree":
        findings += interface_findings(interface)
    if record is not None:
        findings += disk_findings(record, clock, sample_bytes=0)
    _, lateness = in_real_time(partial(measured_lateness, clock, _CONTROL_HZ, _DURATION_S))
    return [*findings, rate_finding(lateness, moves=moves(robot, interface))]


def moves(robot: str, interface: str | None) -> bool:
    """Whether somebody may be hurt by it: by no simulation, and nothing but a simulation is behind loopback."""
    return robot != "mujoco" and interface != "lo"
