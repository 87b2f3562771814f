"""Where a person records: a simulation that keeps step with them, or a robot in real time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hlm.cli.deployed_robot import RobotConfig
from hlm.cli.sources import EMBODIMENT
from hlm.cli.stations import StationConfig, open_station
from hlm.core.clock import MonotonicClock
from hlm.core.errors import InputError, LostError

if TYPE_CHECKING:
    from hlm.cli.live.scenes import Scenes
    from hlm.core.protocols import ReferenceSource
    from hlm.core.task import TaskInstance
    from hlm.runtime.loop import LoopConfig
    from hlm.runtime.station import Station
    from hlm.sim.tasks.simulated_task import SimulatedTask


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveStationConfig:
    """Where a person records, in few words.

    Attributes:
        simulation: the station in MuJoCo; None on a robot.
        robot: the robot; None in a simulation that waits for the machine.
        first_seed: of the first scene that is drawn.
        instructions: proposed one after the other; empty for a task's own.
    """

    simulation: StationConfig | None = None
    robot: RobotConfig | None = None
    first_seed: int = 0
    instructions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that it is one or the other, and that a robot without a task knows what to do."""
        if (self.simulation is None) == (self.robot is None):
            raise InputError("a person records in a simulation or on a robot, one of them.")
        if self.robot is not None and self.robot.task is None and not self.instructions:
            raise InputError("nobody draws the scene of a real robot: say what is to be done with --instructions FILE.")


@dataclass(kw_only=True, eq=False)
class LiveStation:
    """Where a person records.

    Attributes:
        station: entered.
        scenes: what the episodes are about.
        timing: of the control loop.
        world: the task whose world shows the robot's; None where nobody sees the world.
        watches: what the robot needs besides, see `hlm.runtime.deployment.Watch`.
        real_time: whether the robot moves by itself, and must come to rest before the program ends.
        hang: arms a robot that hangs from a crane; None for one that stands.
        image_sizes: height and width of the images by camera, px.
        notes: what a person should know before the robot is armed.
    """

    station: Station
    scenes: Scenes
    timing: LoopConfig
    world: SimulatedTask | None
    watches: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    real_time: bool = False
    hang: Callable[[], None] | None = None
    image_sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@contextmanager
def open_live_station(config: LiveStationConfig) -> Iterator[LiveStation]:
    """The station, ready; leaving makes the body safe.

    Raises:
        HlmError: a part cannot be had; nothing has moved then.
    """
    from hlm.cli.live.scenes import DrawnScenes
    from hlm.runtime.loop import LoopConfig

    if config.robot is not None:
        with _on_robot(config, config.robot) as found:
            yield found
    elif config.simulation is not None:
        from hlm.sim.paced_clock import PacedClock

        with open_station(config.simulation) as (station, task):
            yield LiveStation(
                station=replace(station, clock=PacedClock(station.clock, MonotonicClock())),
                scenes=DrawnScenes(task, config.first_seed, config.instructions),
                timing=LoopConfig(),
                world=task,
                image_sizes=dict.fromkeys(config.simulation.cameras, config.simulation.image_size),
            )


@contextmanager
def _on_robot(config: LiveStationConfig, wanted: RobotConfig) -> Iterator[LiveStation]:
    from hlm.cli.live.scenes import DrawnScenes, RealScene
    from hlm.cli.open_cameras import OpenCameras
    from hlm.cli.robots import open_robot
    from hlm.runtime.deployment import DeploymentConfig
    from hlm.runtime.station import Station

    with ExitStack() as stack:
        robot = stack.enter_context(open_robot(wanted))
        scenes: Scenes = RealScene(config.instructions or ("",))
        if robot.task is not None:
            scenes = DrawnScenes(robot.task, config.first_seed, config.instructions)
        cameras = stack.enter_context(OpenCameras(robot.cameras, wanted.cameras))
        sizes = cameras.sizes()
        if missing := [name for name in wanted.cameras if name not in sizes]:
            raise LostError(
                f"camera '{missing[0]}' delivers no image. `hlm doctor --robot {wanted.name}` checks cameras."
            )
        station = Station(
            clock=MonotonicClock(),
            body=robot.body,
            cameras=cameras,
            embodiment=EMBODIMENT,
            make_source=_nobody,
            task=robot.task,
            preview_s=robot.preview_s,
            tracker=robot.tracker,
        )
        stack.enter_context(station)
        robot.prefer()
        yield LiveStation(
            station=station,
            scenes=scenes,
            timing=DeploymentConfig().loop,
            world=robot.scene,
            watches=robot.watches,
            real_time=True,
            hang=robot.hang,
            image_sizes=sizes,
            notes=robot.notes(),
        )


def _nobody(instance: TaskInstance) -> ReferenceSource:
    raise InputError(f"a person does '{instance.instruction}', and no source that a station makes.")
