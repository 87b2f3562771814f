"""Group c, and what the body does in groups e to h: the standard motions, exact or with noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from tracker_parts.streams import Stream, from_trajectory, trajectory_of

from hlm.control.model import BodyModel
from hlm.sim.motions import KEYS, Key, Motion, find_motion, stream, through_keys

STANDING = tuple(KEYS)
_DOWN = Key(duration_s=2.0, pelvis_height_m=0.55)
# Held until the end, so that a push meets them.
HELD: dict[str, tuple[Key, ...]] = {
    "hold_stand": (Key(duration_s=10.0),),
    "hold_squat": (Key(duration_s=0.5), _DOWN, replace(_DOWN, duration_s=7.5)),
    "hold_reach": (*KEYS["reach"][:2], replace(KEYS["reach"][1], duration_s=7.0)),
}


@dataclass(frozen=True, kw_only=True)
class StandardMotion:
    """One of `hlm.sim.motions.NAMES` or of `HELD`.

    Attributes:
        name: of the motion.
        noise_rad: standard deviation of the noise on each joint of the reference; half of it on roll and pitch.
    """

    name: str
    noise_rad: float = 0.0

    def make(self, model: BodyModel, random: np.random.Generator) -> Stream:
        """The motion as a stream, with noise that is drawn."""
        motion = standard_motion(model, self.name)
        exact = from_trajectory(trajectory_of(motion))
        exact = replace(exact, meant=stream(motion, 0.0, random))
        return exact.asking(stream(motion, self.noise_rad, random))


@lru_cache(maxsize=64)
def standard_motion(model: BodyModel, name: str) -> Motion:
    """The motion with a name."""
    return through_keys(model, HELD[name]) if name in HELD else find_motion(model, name)
