"""Cameras in processes of their own: those of MuJoCo look at a mirror of the plant's world, others are named."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hlm.cli.sources import EMBODIMENT
from hlm.core.errors import MismatchError

if TYPE_CHECKING:
    from hlm.cameras.camera_process import CameraProcess
    from hlm.core.policy import PolicySpec
    from hlm.core.protocols import Cameras
    from hlm.core.shared_ring import SharedRing

_IMAGES_HZ = 30.0


def simulated_cameras(
    task: str, worlds: SharedRing, names: tuple[str, ...], image_size: tuple[int, int]
) -> CameraProcess:
    """Cameras that render a plant's world in a process of their own.

    Args:
        task: name of the plant's task.
        worlds: what its mirrors show, see `PlantProcess.worlds`.
        names: of the robot's cameras.
        image_size: height and width of their images, px.
    """
    from hlm.cameras.camera_process import CameraProcess
    from hlm.cameras.delivery import DeliveryConfig
    from hlm.cameras.image_checks import ImageChecks

    # A simulated robot that stands still looks at a world in which no pixel changes.
    config = DeliveryConfig(rate_hz=_IMAGES_HZ, checks=ImageChecks(frozen_after_s=None))
    return CameraProcess("cameras", partial(_render, task, worlds, names, image_size), names, config, 60.0)


def must_fit(spec: PolicySpec, cameras: Cameras) -> tuple[str, ...]:
    """What a person should know of cameras, entered and delivering, before a policy sees through them.

    Raises:
        MismatchError: the policy must not: it lacks a camera, or two names stand for one device.
    """
    from hlm.cameras.check import check_cameras

    found = check_cameras(spec, cameras.capture())
    if found.errors:
        raise MismatchError(found.errors[0])
    return found.notes


def _render(task: str, worlds: SharedRing, names: tuple[str, ...], image_size: tuple[int, int]) -> Cameras:
    """Cameras at a mirror, in the process that renders."""
    from hlm.sim.graphics import use_headless_rendering

    use_headless_rendering()
    from hlm.sim.cameras import SimulatedCameras
    from hlm.sim.realtime.mirror import Mirror
    from hlm.sim.realtime.mirrored_cameras import MirroredCameras
    from hlm.sim.tasks.catalog import make_task

    world = make_task(task, EMBODIMENT).world
    return MirroredCameras(SimulatedCameras(world, names, *image_size), Mirror(world, worlds))
