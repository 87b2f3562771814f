"""Whether the robot stands as the person does: recording begins only then."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.layout import DIMENSIONS, GROUPS

# A robot that follows a person at rest stays within 0.1 rad; a limb that hangs where it should not is farther off.
MAX_DIFFERENCE_RAD = 0.3
_LIMBS = {name: part for name, part in GROUPS.items() if "gripper" not in name}
_COMPARED = np.ones(DIMENSIONS, dtype=bool)
_COMPARED[-1] = False  # the rate of yaw: both may turn


def limbs_apart(measured: FloatArray, wanted: FloatArray) -> dict[str, float]:
    """By how much each limb that disagrees does, rad, the worst one first; grippers and the rate of yaw do not count.

    Args:
        measured: [34] state of the robot.
        wanted: [34] where the person has it.
    """
    apart = np.where(_COMPARED, np.abs(measured - wanted), 0.0)
    worst = {name: float(apart[part].max()) for name, part in _LIMBS.items()}
    return {name: off for name, off in sorted(worst.items(), key=lambda one: -one[1]) if off > MAX_DIFFERENCE_RAD}


def disagreement(measured: FloatArray, wanted: FloatArray) -> str:
    """Which limbs keep robot and person apart, in one line; empty when they agree. See `limbs_apart`."""
    limbs = limbs_apart(measured, wanted)
    return ", ".join(f"{name} {off:.1f} rad off" for name, off in limbs.items())
