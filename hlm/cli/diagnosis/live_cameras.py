"""Whether cameras deliver: how fast, how old, how large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hlm.cli.diagnosis.finding import Finding, judged, refused
from hlm.core.clock import NS_PER_S, STEP_HZ, Clock
from hlm.core.errors import HlmError
from hlm.runtime.deployment import MAX_IMAGE_AGE_S

if TYPE_CHECKING:
    from hlm.core.protocols import Cameras
    from hlm.core.values import CameraFrame

_LOOK_S = 2.0
_NOTE_S = 0.1


def camera_findings(cameras: Cameras, clock: Clock) -> list[Finding]:
    """Each camera, watched for two seconds on the grid of the control loop.

    Args:
        cameras: not entered yet.
        clock: that their frames are stamped with.
    """
    seen: dict[str, list[tuple[CameraFrame, float]]] = {}
    looks = round(_LOOK_S * STEP_HZ)
    try:
        with cameras:
            start_ns = clock.now_ns()
            for look in range(looks):
                clock.wait_until(start_ns + round(look * NS_PER_S / STEP_HZ))
                for name, frame in cameras.capture().items():
                    seen.setdefault(name, []).append((frame, (clock.now_ns() - frame.stamp_ns) / NS_PER_S))
    except HlmError as error:
        return [refused("cameras", error, "Connect it, or name the cameras with --cameras; docs/cameras.md says how")]
    return [_camera(name, frames) for name, frames in sorted(seen.items())]


def _camera(name: str, frames: list[tuple[CameraFrame, float]]) -> Finding:
    rate_hz = len({frame.stamp_ns for frame, _ in frames}) / _LOOK_S
    oldest_s = max(age_s for _, age_s in frames)
    height, width = frames[-1][0].image.shape[:2]
    return judged(
        f"camera {name}",
        f"{width} x {height} px, {rate_hz:.0f} images a second, {1e3 * oldest_s:.0f} ms old at most",
        f"Use a faster port or smaller images; an image older than {MAX_IMAGE_AGE_S:g} s stops the robot",
        bad=oldest_s > MAX_IMAGE_AGE_S,
        note=oldest_s > _NOTE_S or rate_hz < 0.8 * STEP_HZ,
    )
