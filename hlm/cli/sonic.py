"""SONIC as a body: where its wire, the stream of frames and the safety are plugged together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hlm.cli.sources import EMBODIMENT

if TYPE_CHECKING:
    from hlm.runtime.bodies.streamed import StreamedBody


@dataclass(frozen=True, kw_only=True, slots=True)
class SonicConfig:
    """A G1 that NVIDIA's SONIC moves, with its deploy program started by hand (docs/sonic.md).

    Attributes:
        publish: where this machine publishes references. Others than this machine hear them only if it is asked for,
            such as with `tcp://192.168.123.222:5556`.
        state: where SONIC publishes what it measures.
        gripper_state: where OpenHLM's gripper server publishes its state; None without grippers.
        timeout_s: how long to wait for SONIC.
        rate_hz: frames per second; SONIC plays them at 50 whatever comes.
        max_state_age_s: an older measurement stops the robot, as SONIC does with its own; the loop holds at 0.1 s.
        dry_run: whether nothing is published.
    """

    publish: str = "tcp://127.0.0.1:5556"
    state: str = "tcp://127.0.0.1:5557"
    gripper_state: str | None = None
    timeout_s: float = 5.0
    rate_hz: float = 50.0
    max_state_age_s: float = 0.5
    dry_run: bool = False


def make_sonic_body(config: SonicConfig) -> StreamedBody:
    """A body that was not entered yet. Entering it waits for SONIC, and publishes nothing before its first reset.

    Raises:
        InputError: a value out of range.
    """
    from hlm.robots.sonic.link import SonicAddresses, SonicLinkFactory
    from hlm.runtime.bodies.body_process import BodyProcessConfig
    from hlm.runtime.bodies.realtime import RealtimeBodyConfig
    from hlm.runtime.bodies.streamed import StreamedBody
    from hlm.runtime.safety.config import SafetyConfig
    from hlm.runtime.streaming.config import StreamingConfig

    addresses = SonicAddresses(
        publish=config.publish,
        state=config.state,
        gripper_state=config.gripper_state,
        timeout_s=config.timeout_s,
    )
    process = BodyProcessConfig(safety=SafetyConfig(max_state_age_s=config.max_state_age_s), dry_run=config.dry_run)
    return StreamedBody(
        SonicLinkFactory(addresses),
        EMBODIMENT,
        StreamingConfig(rate_hz=config.rate_hz),
        RealtimeBodyConfig(process=process),
    )
