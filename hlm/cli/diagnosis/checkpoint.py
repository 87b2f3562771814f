"""Whether a policy belongs to this robot and sees through its cameras."""

from __future__ import annotations

from collections.abc import Sequence

from hlm.cli.diagnosis.finding import Finding, judged
from hlm.core.clock import STEP_HZ
from hlm.core.embodiment import Embodiment
from hlm.core.policy import PolicySpec


def policy_findings(spec: PolicySpec, embodiment: Embodiment, cameras: Sequence[str]) -> list[Finding]:
    """Robot, rate and cameras of a policy against those of the session.

    Args:
        spec: what the policy needs.
        embodiment: the robot's table.
        cameras: names of the cameras that there are.
    """
    missing = [name for name in spec.cameras if name not in cameras and name not in spec.optional_cameras]
    height, width = spec.image_size
    return [
        judged(
            "policy",
            f"{spec.policy_type} for {spec.embodiment} at {spec.rate_hz:g} Hz, chunks of {spec.horizon} actions, "
            f"{spec.execution_horizon} executed",
            f"Take a checkpoint that was trained for {embodiment.name} at {STEP_HZ:g} Hz",
            bad=spec.embodiment != embodiment.name or spec.rate_hz != STEP_HZ,
        ),
        judged(
            "policy's cameras",
            f"{', '.join(spec.cameras)} at {width} x {height} px"
            + (f"; missing: {', '.join(missing)}" if missing else ""),
            f"Connect and name them with --cameras, or take a checkpoint that needs none but {', '.join(cameras)}",
            bad=bool(missing),
        ),
    ]
