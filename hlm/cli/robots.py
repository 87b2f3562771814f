"""What can be deployed on: one function a robot, which plugs body, cameras and task together in real time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

from hlm.cli.sources import CAMERAS, EMBODIMENT
from hlm.core.errors import UnknownNameError
from hlm.core.realtime import prefer

if TYPE_CHECKING:
    from hlm.core.body import Body
    from hlm.core.protocols import Cameras, ReferenceSource
    from hlm.core.task import Task
    from hlm.runtime.bodies.body_records import BodyReport
    from hlm.sim.tasks.simulated_task import SimulatedTask

type RobotName = Literal["mujoco", "unitree", "sonic"]
_CAMERAS_PRIORITY = 30  # below that of bodies
ROBOTS: tuple[RobotName, ...] = ("mujoco", "unitree", "sonic")


@dataclass(frozen=True, kw_only=True, slots=True)
class RobotConfig:
    """A robot to deploy on.

    Attributes:
        name: which.
        task: name of the task; None without one.
        seed: of the task's scene.
        cameras: that are needed, of the robot's.
        image_size: height and width of their images, px.
        dry_run: whether the motors get no command but to brake.
        interface: network interface of a robot on a network.
        addresses: where cameras are found, for robots whose cameras are not known.
    """

    name: RobotName
    task: str | None = None
    seed: int = 0
    cameras: tuple[str, ...] = CAMERAS
    image_size: tuple[int, int] = (128, 128)
    dry_run: bool = False
    interface: str | None = None
    addresses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check names."""
        if self.name not in ROBOTS:
            raise UnknownNameError("robot", self.name, ROBOTS)
        for camera in self.cameras:
            if camera not in CAMERAS:
                raise UnknownNameError("camera", camera, CAMERAS)


@dataclass(kw_only=True, eq=False)
class DeployedRobot:
    """A robot whose body and cameras are ready to be entered.

    Attributes:
        body: what moves.
        cameras: what sees.
        task: scores the episode; None where nobody can.
        scene: the task whose world shows the robot's, for a scripted operator; None where nobody sees the world.
        seeing: lets a source of references look at that world.
        watches: what the robot needs besides body and cameras, see `hlm.runtime.deployment.Watch`.
        reports: control steps of the body since the last call.
        prefer: lets what must be on time go before other programs; called once body and cameras were entered.
        notes: what the system refused, known after that.
        figures: of the robot, for the result.
        pids: processes by name, for people and tests.
    """

    body: Body
    cameras: Cameras
    task: Task | None = None
    scene: SimulatedTask | None = None
    seeing: Callable[[ReferenceSource], ReferenceSource] = lambda source: source
    watches: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    reports: Callable[[], Sequence[BodyReport]] = list
    prefer: Callable[[], object] = tuple
    notes: Callable[[], tuple[str, ...]] = tuple
    figures: Callable[[], Mapping[str, float]] = dict
    pids: Callable[[], Mapping[str, int | None]] = dict


def open_robot(config: RobotConfig) -> AbstractContextManager[DeployedRobot]:
    """The robot, connected as far as that moves nothing; leaving disconnects it."""
    return _OPEN[config.name](config)


@contextmanager
def _open_mujoco(config: RobotConfig) -> Iterator[DeployedRobot]:
    """A simulated robot in a process of its own, in real time, with the task's scene, scored by a mirror of it."""
    from hlm.cameras.camera_process import CameraProcess
    from hlm.cli.cameras import simulated_cameras
    from hlm.cli.rendering import load_simulator

    load_simulator()
    from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
    from hlm.runtime.bodies.body_process import BodyProcessConfig
    from hlm.runtime.bodies.realtime import RealtimeBody, RealtimeBodyConfig
    from hlm.sim.realtime.mirrored_task import MirroredSource, MirroredTask
    from hlm.sim.realtime.plant import PlantConfig
    from hlm.sim.realtime.plant_process import PlantProcess
    from hlm.sim.tasks.catalog import make_task

    name = config.task or ""
    scene = make_task(name, EMBODIMENT)
    with PlantProcess(PlantConfig(task=name, seed=config.seed), scene.world) as plant:
        mirror = plant.mirror(scene.world)
        body = RealtimeBody(
            plant.make_robot(),
            partial(WholeBodyTracker, EMBODIMENT),
            EMBODIMENT,
            RealtimeBodyConfig(process=BodyProcessConfig(dry_run=config.dry_run)),
        )
        cameras: Cameras = NoCameras()
        if config.cameras:
            cameras = simulated_cameras(name, plant.worlds, config.cameras, config.image_size)

        def late_steps() -> dict[str, float]:
            shown = mirror.refresh()
            return {"late_steps": 0 if shown is None else shown.late_steps}

        yield DeployedRobot(
            body=body,
            cameras=cameras,
            task=MirroredTask(scene, mirror, plant.restart),
            scene=scene,
            seeing=partial(MirroredSource, mirror=mirror),
            watches={"simulation": partial(_trouble, plant.check)},
            reports=body.reports,
            # Real cameras would not wait for other programs of this machine either.
            prefer=lambda: prefer(cameras.pid or 0, _CAMERAS_PRIORITY) if isinstance(cameras, CameraProcess) else (),
            notes=lambda: tuple(dict.fromkeys((*plant.notes, *body.notes))),
            figures=late_steps,
            pids=lambda: {
                "simulation": plant.pid,
                "body": body.pids[0],
                "guard": body.pids[1],
                "cameras": cameras.pid if isinstance(cameras, CameraProcess) else None,
            },
        )


class NoCameras:
    """Sees nothing; implements `hlm.core.protocols.Cameras`."""

    def __enter__(self) -> Self:
        """Nothing to start."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing to stop."""

    def capture(self) -> Mapping[str, Any]:
        """No image."""
        return {}


def _trouble(check: Callable[[], None]) -> str:
    """Why a check fails; empty when it does not."""
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever ended it, it is gone
        return " ".join(str(error).split()).rstrip(".")
    return ""


_OPEN: dict[RobotName, Callable[[RobotConfig], AbstractContextManager[DeployedRobot]]] = {"mujoco": _open_mujoco}
