"""A whole world as a record, so that other processes can see it and score it."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from hlm.core.shared_ring import SharedRing
from hlm.sim.world import World, state_size

SEED = np.dtype([("seed", np.int64)])
"""A record that asks a plant for the next episode."""


def world_dtype(model: mujoco.MjModel) -> np.dtype[Any]:
    """Type of the record of a world.

    `stamp_ns` instant; `episode` how many episodes began before this one; `seed` of the episode; `late_steps` steps
    that came too late so far; `fault` why the world cannot be believed, empty when it can; `state` as in `World.state`.
    """
    return np.dtype(
        [
            ("stamp_ns", np.int64),
            ("episode", np.int64),
            ("seed", np.int64),
            ("late_steps", np.int64),
            ("fault", "S240"),
            ("state", np.float64, state_size(model)),
        ]
    )


class WorldRecorder:
    """Writes a world into a ring.

    Args:
        ring: of the world's `world_dtype`.
    """

    def __init__(self, ring: SharedRing) -> None:
        self._ring = ring
        self._records = np.zeros(1, ring.dtype)
        self._records["episode"] = -1

    def begin(self, seed: int) -> None:
        """The next episode begins, from this seed."""
        self._records["episode"] += 1
        self._records["seed"] = seed

    def record(self, world: World, fault: str, late_steps: int) -> None:
        """Write the world as it is now."""
        records = self._records
        records["stamp_ns"], records["late_steps"], records["fault"] = world.now_ns(), late_steps, fault.encode()
        records["state"][0] = world.state()
        self._ring.append(records[0])
