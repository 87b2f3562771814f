"""Simulated stations: where world, robot, tracker, cameras, task and reference sources are plugged together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from hlm.cli.command_interfaces import WHOLE_BODY_INTERFACE, must_be_command_interface, through
from hlm.cli.sources import CAMERAS, EMBODIMENT, PolicyConfig, Scripted, SourceConfig, open_sources
from hlm.cli.trackers import WHOLE_BODY, must_be_tracker, tracker_maker
from hlm.core.errors import InputError, MismatchError, UnknownNameError

if TYPE_CHECKING:
    from hlm.core.policy import PolicySpec
    from hlm.runtime.station import Station
    from hlm.sim.tasks.simulated_task import SimulatedTask

_SMALLEST_IMAGE_PX, _LARGEST_IMAGE_PX = 16, 480


@dataclass(frozen=True, kw_only=True, slots=True)
class StationConfig:
    """A station in few words, so that every process can make its own.

    Attributes:
        task: name of the task.
        source: who gives the references.
        cameras: which of the robot's cameras are used.
        image_size: height and width of their images, px.
        tracker: who turns references into joint commands, see `hlm.cli.trackers`.
        command_interface: what the references go through, see `hlm.cli.command_interfaces`.
    """

    task: str
    source: SourceConfig = field(default_factory=Scripted)
    cameras: tuple[str, ...] = CAMERAS
    image_size: tuple[int, int] = (128, 128)
    tracker: str = WHOLE_BODY
    command_interface: str = WHOLE_BODY_INTERFACE

    def __post_init__(self) -> None:
        """Check names and sizes."""
        must_be_tracker(self.tracker)
        must_be_command_interface(self.command_interface)
        for camera in self.cameras:
            if camera not in CAMERAS:
                raise UnknownNameError("camera", camera, CAMERAS)
        if len(set(self.cameras)) < len(self.cameras):
            raise InputError(f"a camera is named twice: {', '.join(self.cameras)}.")
        if not all(_SMALLEST_IMAGE_PX <= side <= _LARGEST_IMAGE_PX for side in self.image_size):
            raise InputError(
                f"image size {self.image_size} must lie between {_SMALLEST_IMAGE_PX} and {_LARGEST_IMAGE_PX} pixels."
            )


class SimulatedStation(NamedTuple):
    """A station in MuJoCo.

    Attributes:
        station: entered.
        task: the station's task, with its world.
    """

    station: Station
    task: SimulatedTask


@contextmanager
def open_station(config: StationConfig) -> Iterator[SimulatedStation]:
    """A station in MuJoCo that is ready to run episodes; leaving it makes the body safe.

    Raises:
        HlmError: a part cannot be had.
    """
    from hlm.runtime.bodies.lockstep import LockstepBody
    from hlm.runtime.station import Station
    from hlm.sim.cameras import SimulatedCameras
    from hlm.sim.tasks.catalog import make_task

    task, tracker = make_task(config.task, EMBODIMENT), tracker_maker(config.tracker)()
    with ExitStack() as stack:
        make_source = stack.enter_context(open_sources(config.source, task))
        station = Station(
            clock=task.world,
            body=LockstepBody(task.robot, tracker, task.world, EMBODIMENT),
            cameras=SimulatedCameras(task.world, config.cameras, *config.image_size),
            embodiment=EMBODIMENT,
            make_source=through(config.command_interface, make_source),
            task=task,
            preview_s=tracker.lag_s,  # nominal: it has not begun
            tracker=config.tracker,
        )
        yield SimulatedStation(stack.enter_context(station), task)


def policy_station(task: str, policy: PolicyConfig, spec: PolicySpec, tracker: str = WHOLE_BODY) -> StationConfig:
    """A station with the cameras and the image size that a policy needs.

    Args:
        task: name of the task.
        policy: how to get the policy; the station only takes the one of this spec.
        spec: what it needs.
        tracker: see `StationConfig`.

    Raises:
        MismatchError: the robot has no such camera.
    """
    if unknown := [name for name in spec.cameras if name not in CAMERAS]:
        raise MismatchError(
            f"the policy needs camera '{unknown[0]}', and robot '{EMBODIMENT.name}' has {', '.join(CAMERAS)}."
        )
    source = replace(policy, digest=spec.digest)
    return StationConfig(task=task, source=source, cameras=spec.cameras, image_size=spec.image_size, tracker=tracker)
