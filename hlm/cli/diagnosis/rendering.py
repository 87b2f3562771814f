"""Whether simulated cameras keep up with time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hlm.cli.diagnosis.finding import Finding, judged
from hlm.core.clock import STEP_HZ, Clock
from hlm.runtime.deployment import MAX_IMAGE_AGE_S

if TYPE_CHECKING:
    from hlm.core.protocols import Cameras


def rendering_finding(cameras: Cameras, clock: Clock, sets: int = 15) -> Finding:
    """How long a set of images takes to render; the first one, which loads everything, is left out.

    Args:
        cameras: entered.
        clock: to measure with.
        sets: how many to render.
    """
    names = list(cameras.capture())
    durations_s = []
    for _ in range(sets):
        start_ns = clock.now_ns()
        cameras.capture()
        durations_s.append((clock.now_ns() - start_ns) * 1e-9)
    median_s, p95_s = (float(np.percentile(durations_s, percent)) for percent in (50.0, 95.0))
    return judged(
        "rendering",
        f"{len(names)} images in median {1e3 * median_s:.1f}, p95 {1e3 * p95_s:.1f} ms",
        "Use smaller images or fewer cameras, a GPU, or another MUJOCO_GL: egl is the fastest in software",
        bad=2.0 * median_s > MAX_IMAGE_AGE_S,  # an image is the newest until the next one is rendered
        note=p95_s > 1.0 / STEP_HZ,
    )
