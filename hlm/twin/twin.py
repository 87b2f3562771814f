"""A whole twin: its world and cameras in processes of their own, scored here like an episode of a policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from hlm.core.clock import NS_PER_S, STEP_HZ, Clock, ticks
from hlm.core.embodiment import Embodiment
from hlm.core.errors import WorkerDiedError
from hlm.core.processes import ChildProcess
from hlm.core.realtime import prefer
from hlm.core.shared_ring import SharedRing
from hlm.core.task import Progress, TaskInstance
from hlm.sim.realtime.plant import PlantConfig
from hlm.sim.realtime.plant_process import PlantProcess
from hlm.sim.tasks.catalog import make_task
from hlm.twin.camera_server import serve_cameras
from hlm.twin.config import TwinConfig
from hlm.twin.control import FaultControl, Planned
from hlm.twin.dds_port import TRAFFIC, DdsPort, make_faults_ring

_READY_S = 60.0
_CAMERAS_PRIORITY = 30  # of SCHED_FIFO: below the world and whatever moves it


class TwinMoment(NamedTuple):
    """A twin at one step of the 30 Hz grid.

    Attributes:
        time_s: since the first command with stiffness moved its world; 0 before.
        progress: of the task.
        commanded: whether there was a command, and the newest has stiffness.
        commands: how many different ones have come.
        silent_s: since the newest of them came; 0 before the first.
        steps_hz: steps of the world per second, lately.
        late_steps: steps that came too late so far.
    """

    time_s: float
    progress: Progress
    commanded: bool
    commands: int
    silent_s: float
    steps_hz: float
    late_steps: int


class Twin:
    """Starts when entered, ends when left.

    Args:
        config: how it measures and starts.
        task: name of the task whose world it is.
        seed: of the scene.
        embodiment: the robot's table.
        planned: faults that switch themselves on.
    """

    def __init__(
        self, config: TwinConfig, task: str, seed: int, embodiment: Embodiment, planned: Sequence[Planned] = ()
    ) -> None:
        self.config = config
        self._faults, self._traffic = make_faults_ring(), SharedRing(TRAFFIC)
        self.control = FaultControl(self._faults, config.ports.control)
        self.task = make_task(task, embodiment)
        self._planned = sorted(planned, key=lambda one: one.at_s)
        plant = PlantConfig(task=task, seed=seed, embodiment=embodiment.name)
        self._plant = PlantProcess(plant, self.task.world, DdsPort(config, self._faults, self._traffic))
        self._mirror = self._plant.mirror(self.task.world)
        self._cameras = ChildProcess("cameras", serve_cameras, config, task, self._plant.worlds, self._faults)
        self._seed = seed
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start it; its time begins with the first stiff command.

        Raises:
            HlmError: a port is in use, the binding or GL is missing.
        """
        with ExitStack() as stack:
            stack.enter_context(self.control)
            self.instance: TaskInstance = self.task.reset(self._seed)
            stack.enter_context(self._plant)
            self._cameras.start()
            stack.callback(self._cameras.stop)
            self._cameras.wait_ready(_READY_S)
            # A robot's cameras would not wait for other programs of this machine either.
            prefer(self._cameras.pid or 0, _CAMERAS_PRIORITY)
            self._say_planned(0.0)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._stack.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the system refused, see `hlm.core.realtime.be_on_time`."""
        return self._plant.notes

    def moments(self, clock: Clock) -> Iterator[TwinMoment]:
        """The twin 30 times a second, for ever.

        Raises:
            HlmError: a process of it died, or its world came apart.
        """
        counted, counted_ns, rate_hz = 0, clock.now_ns(), 0.0
        for _ in ticks(clock, STEP_HZ):
            self.control.poll()
            self._plant.check()
            if not self._cameras.alive:
                raise self._cameras.error() or WorkerDiedError(f"{self._cameras.death()}.")
            shown, traffic = self._mirror.refresh(), self._traffic.newest()
            if shown is None or traffic is None:
                continue
            time_s = float(self.task.world.data.time)
            if time_s > 0.0:
                self._say_planned(time_s)
            elapsed_s = (clock.now_ns() - counted_ns) / NS_PER_S
            if elapsed_s >= 1.0:
                exchanges = int(traffic["exchanges"])
                rate_hz, counted, counted_ns = (exchanges - counted) / elapsed_s, exchanges, clock.now_ns()
            yield TwinMoment(
                time_s=time_s,
                progress=self.task.update(),
                commanded=bool(traffic["stiff"]),
                commands=int(traffic["commands"]),
                silent_s=_since_s(traffic),
                steps_hz=rate_hz,
                late_steps=shown.late_steps,
            )

    def _say_planned(self, time_s: float) -> None:
        while self._planned and self._planned[0].at_s <= time_s:
            self.control.say(self._planned.pop(0).line)


def _since_s(traffic: np.void) -> float:
    """Time between the newest command and the newest exchange."""
    return float(traffic["stamp_ns"] - traffic["changed_ns"]) / NS_PER_S if traffic["commands"] else 0.0
