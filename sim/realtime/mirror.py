"""A world that shows what another process's world was a moment ago."""

from __future__ import annotations

from typing import NamedTuple

from hlm.core.shared_ring import SharedRing
from hlm.sim.world import World


class Mirrored(NamedTuple):
    """What a mirror shows.

    Attributes:
        stamp_ns: instant of it.
        episode: how many episodes began before this one.
        seed: of the episode.
        late_steps: steps of the plant that came too late so far.
        fault: why the world cannot be believed; empty when it can.
    """

    stamp_ns: int
    episode: int
    seed: int
    late_steps: int
    fault: str


class Mirror:
    """Sets a world to the newest one in a ring, so that tasks, scripted operators and cameras work on it unchanged.

    The world's clock then shows the instant of what is shown. It must not be stepped.

    Args:
        world: of the same model; `hlm.sim.tasks.catalog.make_task` gives the same for the same task.
        ring: written by a plant.
    """

    def __init__(self, world: World, ring: SharedRing) -> None:
        self._world = world
        self._ring = ring
        self._shown: Mirrored | None = None
        self._seen = 0

    def refresh(self) -> Mirrored | None:
        """Show the newest world; None, and nothing changes, before there is one."""
        written = self._ring.written
        record = self._ring.newest() if written > self._seen else None
        if record is None:
            return self._shown
        self._seen = written
        stamp_ns, episode, seed, late_steps = (int(record[name]) for name in Mirrored._fields[:-1])
        self._shown = Mirrored(stamp_ns, episode, seed, late_steps, bytes(record["fault"]).decode(errors="ignore"))
        self._world.show(record["state"], self._shown.stamp_ns, self._shown.fault)
        return self._shown
