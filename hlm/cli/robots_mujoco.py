"""The simulated robot to deploy on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from hlm.cli.deployed_robot import CAMERAS_PRIORITY, DeployedRobot, NoCameras, RobotConfig
from hlm.cli.sources import EMBODIMENT
from hlm.cli.trackers import tracker_maker
from hlm.core.realtime import prefer

if TYPE_CHECKING:
    from hlm.core.protocols import Cameras
    from hlm.runtime.safety.config import SafetyConfig


@contextmanager
def open_mujoco(config: RobotConfig) -> Iterator[DeployedRobot]:
    """A simulated robot in a process of its own, in real time, with the task's scene, scored by a mirror of it."""
    from hlm.cameras.camera_process import CameraProcess
    from hlm.cli.cameras import simulated_cameras
    from hlm.cli.rendering import load_simulator

    load_simulator()
    from hlm.control.tracker.reference_stream import StreamConfig
    from hlm.runtime.bodies.body_process import BodyProcessConfig
    from hlm.runtime.bodies.process_body import RealtimeBodyConfig
    from hlm.runtime.bodies.realtime import RealtimeBody
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
            tracker_maker(config.tracker),
            EMBODIMENT,
            RealtimeBodyConfig(process=BodyProcessConfig(safety=_safety(config), dry_run=config.dry_run)),
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
            preview_s=StreamConfig().latency_s,
            tracker=config.tracker,
            task=MirroredTask(scene, mirror, plant.restart),
            scene=scene,
            seeing=partial(MirroredSource, mirror=mirror),
            watches={"simulation": partial(_trouble, plant.check)},
            reports=body.reports,
            # Real cameras would not wait for other programs of this machine either.
            prefer=lambda: prefer(cameras.pid or 0, CAMERAS_PRIORITY) if isinstance(cameras, CameraProcess) else (),
            notes=lambda: tuple(dict.fromkeys((*plant.notes, *body.notes))),
            figures=late_steps,
            pids=lambda: {
                "simulation": plant.pid,
                "body": body.pids[0],
                "guard": body.pids[1],
                "cameras": cameras.pid if isinstance(cameras, CameraProcess) else None,
            },
        )


def _safety(config: RobotConfig) -> SafetyConfig:
    """Without a command that holds the robot its world stands still, and every measurement in it is the same."""
    from hlm.runtime.safety.config import SafetyConfig

    return SafetyConfig(max_repeat_s=math.inf) if config.dry_run else SafetyConfig()


def _trouble(check: Callable[[], None]) -> str:
    """Why a check fails; empty when it does not."""
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever ended it, it is gone
        return " ".join(str(error).split()).rstrip(".")
    return ""
