"""A plant in a process of its own, with the cable to its robot and mirrors of its world."""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import Self

import numpy as np

from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.errors import SimulationError, WorkerDiedError
from hlm.core.processes import ChildProcess
from hlm.core.realtime import single_threaded
from hlm.core.shared_ring import SharedRing
from hlm.sim.realtime.cable import Cable, RingPort, make_cable
from hlm.sim.realtime.mirror import Mirror
from hlm.sim.realtime.plant import PlantConfig, PlantPort, run_plant
from hlm.sim.realtime.plant_robot import PlantRobot
from hlm.sim.realtime.world_record import SEED, world_dtype
from hlm.sim.world import World

_READY_S = 60.0
_LOOK_NS = 5_000_000


class PlantProcess:
    """Starts a plant when entered, and ends it when left.

    Args:
        config: what it runs.
        world: a world of the same task, for the shape of what is shown to mirrors.
        port: how it is connected; by default through `cable`.
        cable: to the robot; a new one if None.
    """

    def __init__(
        self, config: PlantConfig, world: World, port: PlantPort | None = None, cable: Cable | None = None
    ) -> None:
        self.cable = make_cable() if cable is None else cable
        """To the robot, for a plant without a port of its own."""
        self.worlds = SharedRing(world_dtype(world.model), slots=8)
        """What mirrors show; handed to the processes that hold one."""
        self.notes: tuple[str, ...] = ()
        """What the system refused, see `hlm.core.realtime.be_on_time`."""
        self._seeds = SharedRing(SEED)
        self._clock: Clock = MonotonicClock()
        self._child = ChildProcess(
            "simulation", run_plant, config, RingPort(self.cable) if port is None else port, self.worlds, self._seeds
        )

    def __enter__(self) -> Self:
        """Start it; its time stands still until the first command."""
        with single_threaded():
            self._child.start()
        try:
            self.notes = self._child.wait_ready(_READY_S)
        except BaseException:
            self._child.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._child.stop()

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._child.pid

    def make_robot(self) -> partial[PlantRobot]:
        """What makes the robot at this cable, in any process."""
        return partial(PlantRobot, self.cable)

    def mirror(self, world: World) -> Mirror:
        """Lets a world of the same task show the plant's."""
        return Mirror(world, self.worlds)

    def check(self) -> None:
        """Nothing, as long as it runs and its world can be believed.

        Raises:
            WorkerDiedError: it does not run.
            SimulationError: the world blew up.
            Exception: what ended it.
        """
        if not self._child.alive:
            raise self._child.error() or WorkerDiedError(f"{self._child.death()}.")
        record = self.worlds.newest()
        if record is not None and (fault := bytes(record["fault"]).decode(errors="ignore")):
            raise SimulationError(fault)

    def restart(self, seed: int, timeout_s: float = 10.0) -> None:
        """Begin the episode of another seed, and wait until it has begun; meanwhile the body brakes at most.

        Raises:
            WorkerDiedError: it does not run, or does not answer.
            Exception: what ended it.
        """
        before = self._episode()
        record = np.zeros(1, SEED)
        record["seed"] = seed
        self._seeds.append(record[0])
        until_ns = self._clock.now_ns() + round(timeout_s * NS_PER_S)
        while self._episode() == before:
            if not self._child.alive or self._clock.now_ns() > until_ns:
                raise self._child.error() or WorkerDiedError(f"{self._child.death()}.")
            self._clock.wait_until(self._clock.now_ns() + _LOOK_NS)

    def _episode(self) -> int:
        record = self.worlds.newest()
        return -1 if record is None else int(record["episode"])
