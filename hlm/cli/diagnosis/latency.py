"""How long a policy thinks on this machine, against the time that its chunks give it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hlm.cli.diagnosis.finding import Finding, judged
from hlm.core.clock import Clock
from hlm.core.embodiment import Embodiment
from hlm.core.layout import pack
from hlm.core.policy import Policy, PolicySpec
from hlm.core.values import CameraFrame, Observation

# Up to here the success of the shipped policy is that of an instant one.
_NOTE_S = 0.2


def measured_latencies_s(policy: Policy, embodiment: Embodiment, clock: Clock, chunks: int) -> list[float]:
    """Seconds that each of some chunks took, after one that is not counted.

    Args:
        policy: asked about a robot that stands, with images of noise.
        embodiment: its robot.
        clock: to measure with.
        chunks: how many.
    """
    spec, durations_s = policy.spec, []
    noise = np.random.default_rng(0).integers(0, 256, (*spec.image_size, 3), np.uint8)
    standing = pack(embodiment.default_rad, np.ones(2), np.zeros(3))
    instruction = " ".join(spec.vocabulary[:1]) or "stand still"
    observation = Observation(0, standing, {name: CameraFrame(0, noise) for name in spec.cameras}, instruction)
    policy.reset(0)
    for _ in range(1 + chunks):
        start_ns = clock.now_ns()
        policy.chunk(observation)
        durations_s.append((clock.now_ns() - start_ns) * 1e-9)
    return durations_s[1:]


def latency_finding(durations_s: Sequence[float], spec: PolicySpec) -> Finding:
    """Whether a new chunk arrives before the old one has been used up.

    A chunk is asked for while the old one is played. What is left of it then has to last until the answer, or the robot
    stands still between chunks.

    Args:
        durations_s: seconds that chunks took, at least one.
        spec: of the policy.
    """
    median_s, p95_s = (float(np.percentile(durations_s, percent)) for percent in (50.0, 95.0))
    bearable_s = (spec.horizon - spec.execution_horizon) / spec.rate_hz
    return judged(
        "policy latency",
        f"median {1e3 * median_s:.0f}, p95 {1e3 * p95_s:.0f} ms for {spec.horizon / spec.rate_hz:.2f} s of actions; "
        f"bearable {1e3 * bearable_s:.0f} ms",
        "Compute on a GPU, here or behind `hlm serve` (--server URL), or take fewer flow steps "
        "(`hlm policy sampling CHECKPOINT --euler-steps N`)",
        bad=p95_s > bearable_s,
        note=p95_s > min(_NOTE_S, bearable_s),
    )
