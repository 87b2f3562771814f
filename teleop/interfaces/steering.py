"""Walking commands of an operator who watches where the body is and steers it to where it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hlm.control.checks import require_positive
from hlm.core.arrays import FloatArray
from hlm.core.rotations import planar_from_pose, pose_from_planar


@dataclass(frozen=True, kw_only=True, slots=True)
class SteeringConfig:
    """How an operator steers.

    Attributes:
        gain_per_s: speed for each metre (rad) that is missing.
        start_m: distance from which on it walks.
        start_rad: turn from which on it walks.
        stop_m: distance at which it stands again.
        stop_rad: turn at which it stands again.
    """

    gain_per_s: float = 1.0
    start_m: float = 0.04
    start_rad: float = 0.12
    stop_m: float = 0.02
    stop_rad: float = 0.06

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


class Steered(NamedTuple):
    """What an operator commands.

    Attributes:
        walks: whether it walks.
        walk: [3] velocity ahead (m/s), to the left (m/s) and turning left (rad/s); zeros while it stands.
    """

    walks: bool
    walk: FloatArray


STANDING = Steered(walks=False, walk=np.zeros(3))


def steered(before: Steered, wanted: FloatArray, stance: FloatArray, config: SteeringConfig) -> Steered:
    """The command towards a stance.

    Args:
        before: the last command.
        wanted: [3] x (m), y (m) and yaw (rad) where the feet should be.
        stance: [3] where they are.
        config: how to steer.
    """
    missing = planar_from_pose(np.linalg.inv(pose_from_planar(stance)) @ pose_from_planar(wanted))
    most_m, most_rad = (config.stop_m, config.stop_rad) if before.walks else (config.start_m, config.start_rad)
    if np.hypot(missing[0], missing[1]) < most_m and abs(missing[2]) < most_rad:
        return STANDING
    return Steered(walks=True, walk=config.gain_per_s * missing)
