"""A robot that can be deployed on: what is asked for, and what is got."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from hlm.cli.sources import CAMERAS
from hlm.cli.trackers import WHOLE_BODY, must_be_tracker
from hlm.core.errors import UnknownNameError

if TYPE_CHECKING:
    from hlm.core.body import Body
    from hlm.core.protocols import Cameras, ReferenceSource
    from hlm.core.task import Task
    from hlm.runtime.bodies.body_records import BodyReport
    from hlm.sim.tasks.simulated_task import SimulatedTask

type RobotName = Literal["mujoco", "unitree", "sonic"]
CAMERAS_PRIORITY = 30  # below that of bodies
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
        said_cameras: where the cameras are, in the words of `hlm.cameras.config`; empty for the robot's usual ones.
        grippers: addresses of the grippers' state and commands; "none" for a robot without; empty for the usual ones.
        sonic: addresses where references are published and where SONIC publishes its state; empty for the usual ones.
        start: how a robot on a network is taken over: standing, or hanging from a crane.
        tracker: who turns references into joint commands, see `hlm.cli.trackers`.
    """

    name: RobotName
    task: str | None = None
    seed: int = 0
    cameras: tuple[str, ...] = CAMERAS
    image_size: tuple[int, int] = (128, 128)
    dry_run: bool = False
    interface: str | None = None
    said_cameras: tuple[str, ...] = ()
    grippers: tuple[str, ...] = ()
    sonic: tuple[str, ...] = ()
    start: Literal["standing", "hanging"] = "standing"
    tracker: str = WHOLE_BODY

    def __post_init__(self) -> None:
        """Check names."""
        must_be_tracker(self.tracker)
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
        preview_s: how long after its stamp a reference is tracked nominally.
        tracker: name of what tracks it; empty for a robot that does so itself.
        task: scores the episode; None where nobody can.
        scene: the task whose world shows the robot's, for a scripted operator; None where nobody sees the world.
        seeing: lets a source of references look at that world.
        watches: what the robot needs besides body and cameras, see `hlm.runtime.deployment.Watch`.
        hang: arms a robot that hangs from a crane, and waits until it has begun; None for one that stands.
        reports: control steps of the body since the last call.
        prefer: lets what must be on time go before other programs; called once body and cameras were entered.
        notes: what the system refused, known after that.
        figures: of the robot, for the result.
        pids: processes by name, for people and tests.
    """

    body: Body
    cameras: Cameras
    preview_s: float
    tracker: str = ""
    task: Task | None = None
    scene: SimulatedTask | None = None
    seeing: Callable[[ReferenceSource], ReferenceSource] = lambda source: source
    watches: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    hang: Callable[[], None] | None = None
    reports: Callable[[], Sequence[BodyReport]] = list
    prefer: Callable[[], object] = tuple
    notes: Callable[[], tuple[str, ...]] = tuple
    figures: Callable[[], Mapping[str, float]] = dict
    pids: Callable[[], Mapping[str, int | None]] = dict


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
