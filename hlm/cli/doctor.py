"""`hlm doctor`: whether this machine may arm a robot, and what to do where it may not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hlm.cli.arguments import Positional, parse
from hlm.cli.diagnosis.finding import Finding, refusals, refused
from hlm.cli.memory import free_memory_bytes
from hlm.cli.progress import waiting
from hlm.cli.sources import CAMERAS, EMBODIMENT, LocalPolicy, PolicyConfig, ServedPolicy, open_policy
from hlm.cli.tables import console
from hlm.core.clock import MonotonicClock
from hlm.core.errors import HlmError, InputError, UnknownNameError

if TYPE_CHECKING:
    from hlm.cameras.config import CameraGroup
    from hlm.core.policy import PolicySpec

_RATES_HZ = (100.0, 500.0)
_IMAGE_SIZE = (128, 128)


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorArguments:
    """Check this machine, and what is connected to it, before a robot is armed.

    Measures for about ten seconds and moves nothing. The exit code is 1 where arming should be refused, as `hlm deploy`
    does.

    Attributes:
        checkpoint: checkpoint folder of the policy that is to be deployed.
        server: policy server to ask instead, e.g. ws://127.0.0.1:8000; the API key is read from HLM_API_KEY.
        robot: what is to be driven.
        interface: network interface to the robot, such as eth0; lo for the twin.
        cameras: names of a simulated robot's cameras; for a real one, where they are, as for hlm deploy, such as
            head=opencv:/dev/video0; by default those of OpenHLM's robot, or of `hlm twin`, that the policy needs.
        task: the scene that a simulated robot stands in.
        record: where the episode is to be recorded.
        json: also write the findings to this new JSON file.
        seconds: how long each rate is measured.
        chunks: how many times the policy is asked.
    """

    checkpoint: Positional[Path | None] = None
    server: str | None = None
    robot: Literal["mujoco", "unitree", "sonic"] = "mujoco"
    interface: str | None = None
    cameras: tuple[str, ...] | None = None
    task: str = "shelf_cup_transfer"
    record: Path | None = None
    json: Path | None = None
    seconds: float = 2.0
    chunks: int = 20

    def __post_init__(self) -> None:
        """Check what needs no measurement."""
        if self.checkpoint is not None and self.server is not None:
            raise InputError("give a CHECKPOINT or --server URL, not both.")
        if not 0.1 <= self.seconds <= 600.0:
            raise InputError(f"--seconds must be between 0.1 and 600, got {self.seconds:g}.")
        if not 1 <= self.chunks <= 10_000:
            raise InputError(f"--chunks must be between 1 and 10000, got {self.chunks}.")
        for name in self.camera_names:
            if name not in CAMERAS:
                raise UnknownNameError("camera", name, CAMERAS)

    @property
    def camera_names(self) -> tuple[str, ...]:
        """Names of the cameras that there will be."""
        if self.cameras is None:
            return CAMERAS
        if self.robot == "mujoco":
            return self.cameras
        from hlm.cameras.config import parse_cameras

        return tuple(name for group in parse_cameras(self.cameras, CAMERAS) for name in group.names)

    @property
    def interface_name(self) -> str | None:
        """Name of the network interface, without the port that may stand behind it."""
        return None if self.interface is None else self.interface.partition(":")[0]

    @property
    def policy(self) -> PolicyConfig | None:
        """Where the policy is; None without one."""
        if self.checkpoint is not None:
            return LocalPolicy(checkpoint=self.checkpoint)
        return None if self.server is None else ServedPolicy(url=self.server)


def run(arguments: Sequence[str]) -> int:
    """Check, print a table, and return 1 where arming should be refused."""
    from hlm.datasets.output import new_file
    from hlm.sim.tasks.catalog import find_task

    config = parse(DoctorArguments, "hlm doctor", arguments)
    find_task(config.task)
    with new_file(config.json) if config.json is not None else nullcontext() as file:
        findings = _all_findings(config)
        if file is not None:
            file.write_text(json.dumps([asdict(finding) for finding in findings], indent=1), encoding="utf-8")
    _show(findings)
    return 1 if refusals(findings) else 0


def _all_findings(config: DoctorArguments) -> list[Finding]:
    findings: list[Finding] = []
    parts: dict[str, Callable[[DoctorArguments], Iterator[Finding]]] = {
        "rates and clocks": _timing,
        "machine": _machine,
        "robot": _robot,
        "cameras": _cameras,
        "policy": _policy,
    }
    for name, part in parts.items():
        with waiting(f"checking {name}"):
            findings += part(config)
    return findings


def _timing(config: DoctorArguments) -> Iterator[Finding]:
    from hlm.cli.diagnosis.clocks import clock_findings
    from hlm.cli.diagnosis.quick import moves
    from hlm.cli.diagnosis.rates import lateness_alone, rate_finding
    from hlm.cli.diagnosis.scheduling import granted_limits, scheduling_findings

    for rate_hz in _RATES_HZ:
        yield rate_finding(lateness_alone(rate_hz, config.seconds), moves=moves(config.robot, config.interface_name))
    yield from scheduling_findings(granted_limits())
    yield from clock_findings(MonotonicClock())


def _machine(config: DoctorArguments) -> Iterator[Finding]:
    from hlm.cli.diagnosis.disk import disk_findings
    from hlm.cli.diagnosis.gpu import gpu_finding
    from hlm.cli.diagnosis.memory import memory_finding
    from hlm.cli.diagnosis.packages import package_findings
    from hlm.cli.diagnosis.processors import processor_findings

    yield from processor_findings()
    yield memory_finding(free_memory_bytes())
    yield from disk_findings(Path("runs/doctor.zarr") if config.record is None else config.record, MonotonicClock())
    yield from package_findings(config.robot)
    yield gpu_finding()


def _robot(config: DoctorArguments) -> Iterator[Finding]:
    from hlm.cli.diagnosis.network import interface_findings

    if config.robot != "unitree":
        return
    yield from (interface := interface_findings(config.interface_name))
    if config.interface is not None and not refusals(interface):
        from hlm.cli.diagnosis.robot import robot_findings
        from hlm.robots.unitree_g1 import UnitreeG1, UnitreeG1Config

        try:
            robot = UnitreeG1(UnitreeG1Config(interface=config.interface, timeout_s=3.0, grippers=None, shared=True))
        except HlmError as error:
            yield refused("robot", error, "Install the extra, or name another interface")
            return
        yield from robot_findings(robot, EMBODIMENT, MonotonicClock())


def _cameras(config: DoctorArguments) -> Iterator[Finding]:
    if config.robot == "mujoco":
        if config.camera_names:
            yield _rendering(config)
        return
    from hlm.cameras.config import open_cameras
    from hlm.cli.diagnosis.live_cameras import camera_findings

    if groups := camera_groups(config):
        yield from camera_findings(open_cameras(groups), MonotonicClock())


def camera_groups(config: DoctorArguments) -> tuple[CameraGroup, ...]:
    """Cameras of a real robot that were named, or those that `hlm deploy` would open for the policy."""
    from hlm.cameras.config import parse_cameras
    from hlm.cli.robots_unitree import usual_cameras

    if config.cameras is not None:
        return parse_cameras(config.cameras, CAMERAS)
    spec = _spec(config)
    needed = () if spec is None else spec.cameras
    usual = parse_cameras(usual_cameras(here=config.interface_name == "lo"), CAMERAS)
    return tuple(group for group in usual if set(group.names) & set(needed))


def _rendering(config: DoctorArguments) -> Finding:
    from hlm.cli.diagnosis.rendering import rendering_finding
    from hlm.cli.rendering import load_simulator

    spec = _spec(config)
    size = _IMAGE_SIZE if spec is None else spec.image_size
    try:
        load_simulator()
        from hlm.sim.cameras import SimulatedCameras
        from hlm.sim.tasks.catalog import make_task

        world = make_task(config.task, EMBODIMENT).world
        world.forward()
        with SimulatedCameras(world, config.camera_names, *size) as cameras:
            return rendering_finding(cameras, MonotonicClock())
    except HlmError as error:
        return refused("rendering", error, "Mend that first: simulated cameras cannot do without")


def _spec(config: DoctorArguments) -> PolicySpec | None:
    """What the policy needs; None without one, and where its own finding will say what is wrong with it."""
    from hlm.cli.policy_specs import policy_spec

    with suppress(HlmError):
        return None if config.policy is None else policy_spec(config.policy)
    return None


def _policy(config: DoctorArguments) -> Iterator[Finding]:
    from hlm.cli.diagnosis.checkpoint import policy_findings
    from hlm.cli.diagnosis.latency import latency_finding, measured_latencies_s

    if config.policy is None:
        return
    try:
        with open_policy(config.policy) as policy:
            yield from policy_findings(policy.spec, EMBODIMENT, config.camera_names)
            durations_s = measured_latencies_s(policy, EMBODIMENT, MonotonicClock(), config.chunks)
            yield latency_finding(durations_s, policy.spec)
    except HlmError as error:
        yield refused("policy", error, "Name a checkpoint of this robot (`hlm policy info CHECKPOINT`), or a server")


def _show(findings: Sequence[Finding]) -> None:
    """A table of what was found, and below it what is to be done."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("", "checked", "found"):
        table.add_column(column, overflow="fold")
    colours = {"ok": "green", "note": "yellow", "bad": "bold red"}
    for finding in findings:
        table.add_row(
            finding.verdict,
            finding.name,
            finding.found,
            style=None if finding.verdict == "ok" else colours[finding.verdict],
        )
    out = console()
    out.print(table)
    for finding in findings:
        if finding.remedy:
            out.print(f"{finding.name}: {finding.remedy.rstrip('.')}.", soft_wrap=True)
    bad = len(refusals(findings))
    out.print(
        "nothing forbids arming." if not bad else f"\narming is refused: {bad} of {len(findings)} findings are bad."
    )
