"""A Unitree G1 to deploy on that NVIDIA's SONIC moves (docs/sonic.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hlm.cli.deployed_robot import DeployedRobot, RobotConfig
from hlm.cli.robots_unitree import gripper_watches, on_a_network
from hlm.cli.sources import EMBODIMENT
from hlm.core.errors import InputError

# SONIC itself stops without a measurement for so long; the loop holds earlier.
_STATE_AGE_S = 0.5
_ADDRESSES = ("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557")


@contextmanager
def open_sonic(config: RobotConfig) -> Iterator[DeployedRobot]:
    """SONIC on the network; nobody scores it. Nothing is published before a person arms.

    Raises:
        InputError: addresses that are said in another way.
    """
    from hlm.robots.changingtek import GripperAddresses
    from hlm.robots.sonic.link import SONIC_LATENCY_S, SonicAddresses, SonicLinkFactory
    from hlm.runtime.bodies.body_process import BodyProcessConfig
    from hlm.runtime.bodies.process_body import RealtimeBodyConfig
    from hlm.runtime.bodies.streamed import StreamedBody
    from hlm.runtime.safety.config import SafetyConfig

    publish, state = _addresses(config)
    addresses = SonicAddresses(publish=publish, state=state, gripper_state=_gripper_state(config))
    process = BodyProcessConfig(safety=SafetyConfig(max_state_age_s=_STATE_AGE_S), dry_run=config.dry_run)
    body = StreamedBody(SonicLinkFactory(addresses), EMBODIMENT, processes=RealtimeBodyConfig(process=process))
    grippers = None if addresses.gripper_state is None else GripperAddresses(state=addresses.gripper_state)
    with gripper_watches(grippers) as watches:
        robot = on_a_network(body, config, body.latency_s + SONIC_LATENCY_S, here=False)
        robot.watches = watches
        yield robot


def _addresses(config: RobotConfig) -> tuple[str, str]:
    match config.sonic or _ADDRESSES:
        case (publish, state):
            return publish, state
    raise InputError(
        "--sonic needs two addresses, where references are published and where SONIC publishes its state, such as "
        f"{' '.join(_ADDRESSES)}; got {' '.join(config.sonic)}."
    )


def _gripper_state(config: RobotConfig) -> str | None:
    match config.grippers:
        case () | ("none",):
            return None
        case (state,):
            return state
    raise InputError(
        "--grippers needs one address with --robot sonic, of their state, such as tcp://192.168.123.164:5558, or none: "
        f"they hear the references; got {' '.join(config.grippers)}."
    )
