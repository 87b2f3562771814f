"""The Unitree G1 to deploy on, or its twin on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hlm.cli.deployed_robot import CAMERAS_PRIORITY, DeployedRobot, RobotConfig
from hlm.cli.sources import CAMERAS, EMBODIMENT
from hlm.cli.trackers import tracker_maker
from hlm.core.errors import InputError
from hlm.core.realtime import prefer

if TYPE_CHECKING:
    from hlm.robots.changingtek import GripperAddresses
    from hlm.runtime.bodies.process_body import ProcessBody

# Of OpenHLM's robot: its own computer, and the one that commands it.
_ROBOT, _COMMANDER, _HERE = "192.168.123.164", "192.168.123.222", "127.0.0.1"


@contextmanager
def open_unitree(config: RobotConfig) -> Iterator[DeployedRobot]:
    """A G1 on the network; nobody scores it. Its remote's stops are the operator's."""
    from hlm.control.tracker.reference_stream import StreamConfig
    from hlm.robots.unitree_g1 import UnitreeG1Config, UnitreeG1Factory
    from hlm.robots.unitree_link import DdsAddress, binding
    from hlm.runtime.bodies.body_process import BodyProcessConfig
    from hlm.runtime.bodies.process_body import RealtimeBodyConfig
    from hlm.runtime.bodies.realtime import RealtimeBody

    if config.interface is None:
        raise InputError("--robot unitree needs --interface: the network interface to the robot, or lo for `hlm twin`.")
    here = DdsAddress.parse(config.interface).interface == "lo"
    binding()
    link = UnitreeG1Config(
        interface=config.interface, start=config.start, grippers=gripper_addresses(config, here=here)
    )
    body = RealtimeBody(
        UnitreeG1Factory(link),
        tracker_maker(config.tracker),
        EMBODIMENT,
        RealtimeBodyConfig(process=BodyProcessConfig(dry_run=config.dry_run)),
    )
    with gripper_watches(link.grippers) as watches:
        robot = on_a_network(body, config, StreamConfig().latency_s, here=here)
        robot.watches, robot.tracker = watches, config.tracker
        if config.start == "hanging" and not config.dry_run:
            robot.hang = body.hang
        yield robot


def on_a_network(body: ProcessBody, config: RobotConfig, preview_s: float, *, here: bool) -> DeployedRobot:
    """A body and its cameras, which nobody scores.

    Args:
        body: not entered.
        config: says where the cameras are, or leaves them where OpenHLM's robot has them.
        preview_s: see `DeployedRobot`.
        here: whether they are on this machine then.

    Raises:
        InputError: cameras that are said wrongly.
    """
    from hlm.cameras.config import open_cameras, parse_cameras

    said = config.said_cameras or usual_cameras(here=here)
    groups = [group for group in parse_cameras(said, CAMERAS) if set(group.names) & set(config.cameras)]
    cameras = open_cameras(groups)
    return DeployedRobot(
        body=body,
        cameras=cameras,
        preview_s=preview_s,
        reports=body.reports,
        prefer=lambda: [prefer(pid, CAMERAS_PRIORITY) for pid in cameras.pids],
        notes=lambda: body.notes,
        pids=lambda: {
            "body": body.pids[0],
            "guard": body.pids[1],
            **{f"cameras {number}": pid for number, pid in enumerate(cameras.pids)},
        },
    )


@contextmanager
def gripper_watches(addresses: GripperAddresses | None) -> Iterator[dict[str, Callable[[], str]]]:
    """What a deployment watches of the grippers, which the body reads in a process of its own."""
    from hlm.core.clock import MonotonicClock
    from hlm.robots.changingtek import ChangingTekGrippers
    from hlm.robots.gripper_watch import GripperWatch

    if addresses is None:
        yield {}
        return
    clock = MonotonicClock()
    with GripperWatch(ChangingTekGrippers(addresses, clock), clock) as watch:
        yield {"grippers": watch.trouble}


def usual_cameras(*, here: bool) -> tuple[str, ...]:
    """Where the cameras of OpenHLM's robot are, or those of a twin on this machine, in words."""
    host = f":{_HERE}" if here else ""
    return f"head=openhlm{host}", f"wrists=openhlm{host}"


def gripper_addresses(config: RobotConfig, *, here: bool) -> GripperAddresses | None:
    """Where the grippers are; None for a robot without.

    Raises:
        InputError: they are said in another way.
    """
    from hlm.robots.changingtek import GripperAddresses

    match config.grippers:
        case ():
            state, command = (_HERE, _HERE) if here else (_ROBOT, _COMMANDER)
            return GripperAddresses(state=f"tcp://{state}:5558", command=f"tcp://{command}:5556")
        case ("none",):
            return None
        case (state, command):
            return GripperAddresses(state=state, command=command)
    raise InputError(
        "--grippers needs two addresses, of their state and of the commands to them, such as tcp://127.0.0.1:5558 "
        f"tcp://127.0.0.1:5556, or none; got {' '.join(config.grippers)}."
    )
