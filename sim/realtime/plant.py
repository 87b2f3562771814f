"""A task's world in real time, as a robot behind a cable is: it does not wait for anybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, Self

from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.errors import InputError, SimulationError
from hlm.core.processes import Leash
from hlm.core.realtime import RealtimeConfig, be_on_time
from hlm.core.shared_ring import SharedRing
from hlm.core.values import JointCommand
from hlm.sim.realtime.world_record import WorldRecorder
from hlm.sim.robot import SimulatedRobot
from hlm.sim.tasks.catalog import make_task
from hlm.sim.tasks.simulated_task import SimulatedTask
from hlm.sim.world import TIME_STEP_NS


class PlantPort(Protocol):
    """How a plant is connected: rings in shared memory, or what a real robot speaks.

    Made in one process and entered in the plant's, so it is picklable until then.
    """

    def __enter__(self) -> Self:
        """Connect."""
        ...

    def __exit__(self, *exception: object) -> None:
        """Disconnect."""
        ...

    def exchange(self, robot: SimulatedRobot, stamp_ns: int) -> JointCommand | None:
        """Publish what the robot measures at `stamp_ns`, and take what came since the last call; never waits.

        Returns:
            The newest command, None if no command came since the last call: motors keep the one before.

        Raises:
            SimulationError: the world blew up; from now on there is nothing to measure.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantConfig:
    """A world in real time.

    Attributes:
        task: name of the task whose world it is.
        seed: of the first episode.
        embodiment: name of the robot.
        silence_s: a plant whose starter is gone goes on until no command has come for so long.
        realtime: how its process is to be preferred.
    """

    task: str
    seed: int
    embodiment: str = "unitree_g1"
    silence_s: float = 1.0
    # Above the body's: a robot does not wait for the computer that commands it.
    realtime: RealtimeConfig = field(default_factory=lambda: RealtimeConfig(priority=60))

    def __post_init__(self) -> None:
        """Check the range."""
        if not self.silence_s > 0.0:
            raise InputError(f"silence_s must be positive, got {self.silence_s}.")


class Plant:
    """A world that is stepped on a grid of 2 ms.

    Its time stands still until the first command of an episode arrives that does more than brake: nothing else holds
    the robot up, and a simulation needs no crane. Measurements are stamped all the same.

    Args:
        task: whose world it is; its robot is entered.
        port: how it is connected; entered.
        recorder: shows the world to mirrors; None if there are none.
    """

    def __init__(self, task: SimulatedTask, port: PlantPort, recorder: WorldRecorder | None = None) -> None:
        self._task = task
        self._port = port
        self._recorder = recorder
        self._running = False
        self.commanded_ns: int | None = None
        """Instant of the newest command; None before the first of the episode."""
        self.late_steps = 0
        """Steps that were made after the next was due."""

    def reset(self, seed: int, now_ns: int) -> None:
        """Begin an episode; what was commanded before it is forgotten."""
        self._task.reset(seed)
        self._running, self.commanded_ns = False, None
        self._task.world.set_clock(now_ns)
        self._port.exchange(self._task.robot, now_ns)
        if self._recorder is not None:
            self._recorder.begin(seed)

    def step(self, stamp_ns: int) -> None:
        """Measure, take the newest command, and move on by 2 ms from `stamp_ns`."""
        world, robot = self._task.world, self._task.robot
        if not self._running:
            world.set_clock(stamp_ns)
        fault = ""
        try:
            command = self._port.exchange(robot, stamp_ns)
        except SimulationError as error:
            command, fault = None, str(error)
        if command is not None:
            robot.command(command)
            self._running = self._running or _holds(command)
            self.commanded_ns = stamp_ns
        if self._recorder is not None:
            self._recorder.record(world, fault, self.late_steps)
        if self._running:
            world.step()


def run_plant(
    leash: Leash,
    config: PlantConfig,
    port: PlantPort,
    worlds: SharedRing | None = None,
    seeds: SharedRing | None = None,
) -> None:
    """Job of a process: run a task's world in real time until released; ready with the notes of `be_on_time`.

    Args:
        leash: of the process.
        config: what to run.
        port: how it is connected.
        worlds: takes the world for mirrors, see `hlm.sim.realtime.world_record`; None without.
        seeds: gives the seeds of further episodes, of type `SEED`.
    """
    # SIGTERM to all processes of a deployment is for those who can make a robot safe: until then there must be one.
    clock = MonotonicClock()
    task = make_task(config.task, find_embodiment(config.embodiment))
    recorder = None if worlds is None else WorldRecorder(worlds)
    with port, task.robot:
        plant = Plant(task, port, recorder)
        plant.reset(config.seed, clock.now_ns())
        plant.step(clock.now_ns())
        leash.ready(be_on_time(config.realtime))
        _run(leash, plant, _Seeds(seeds), clock, round(config.silence_s * NS_PER_S))


def _run(leash: Leash, plant: Plant, seeds: _Seeds, clock: Clock, silence_ns: int) -> None:
    """Steps on the grid; a plant that is late catches up, because a robot would have moved meanwhile."""
    stamp_ns = clock.now_ns()
    while not (leash.released() and _may_end(leash, plant, clock, silence_ns)):
        seed = seeds.newest()
        if seed is not None:
            plant.reset(seed, clock.now_ns())
            stamp_ns = clock.now_ns()  # drawing a scene took its time
        clock.wait_until(stamp_ns)
        plant.late_steps += clock.now_ns() >= stamp_ns + TIME_STEP_NS
        plant.step(stamp_ns)
        stamp_ns += TIME_STEP_NS


def _may_end(leash: Leash, plant: Plant, clock: Clock, silence_ns: int) -> bool:
    """A plant that lost its starter waits for a body that is making itself safe."""
    if not leash.orphaned or plant.commanded_ns is None:
        return True
    return clock.now_ns() - plant.commanded_ns > silence_ns


def _holds(command: JointCommand) -> bool:
    """Whether motors do more than brake."""
    return bool(command.kp_nm_rad.any() or command.torque_nm.any())


class _Seeds:
    """Seeds that were asked for."""

    def __init__(self, ring: SharedRing | None) -> None:
        self._ring = ring
        self._taken = 0

    def newest(self) -> int | None:
        """The newest seed since the last call; None if there is none."""
        if self._ring is None or self._ring.written == self._taken:
            return None
        self._taken = self._ring.written
        record = self._ring.newest()
        return None if record is None else int(record["seed"])
