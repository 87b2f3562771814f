"""Films of runs: the robot, and beside it the motion that was meant."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np
from tracker_parts.cases import Case
from tracker_parts.results import Result
from tracker_parts.streams import Stream
from tracker_parts.surroundings import Surroundings, make_world
from tracker_parts.work import EMBODIMENT, body_model, perform

from hlm.control.model import Configuration
from hlm.core.arrays import ByteArray, FloatArray
from hlm.core.clock import STEP_HZ
from hlm.core.layout import ROOT_PITCH, ROOT_ROLL, unpack
from hlm.core.rotations import quat_from_roll_pitch_yaw, roll_pitch_yaw_from_quat
from hlm.evaluation.video import VideoWriter
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import World

SIZE_PX = 320
EVERY, LAST_S = 2, 6.0
FILM_HZ = STEP_HZ / EVERY
_PUSH_M_PER_N, _PUSH_WIDTH = 0.01, 0.25  # of the arrow, in MuJoCo's measures
_FREE_M = 0.25  # how far the robot may go before the camera goes with it
_LOOK_AT_M = 0.6
_DISTANCE_M, _AZIMUTH_DEG, _ELEVATION_DEG = 2.3, 140.0, -14.0


class Filmed(NamedTuple):
    """A run and its film.

    Attributes:
        images: [height, width, 3] each, `FILM_HZ` of them a second from the start on.
        result: of the run.
    """

    images: list[ByteArray]
    result: Result


class Film:
    """Looks at a run, and keeps its images.

    Args:
        case: what is run.
        meant: whether what was meant is seen right of the robot.
    """

    def __init__(self, case: Case, *, meant: bool) -> None:
        self._stream: Stream = case.recipe.make(body_model(), case.random)
        self._meant_too, self._ghost = meant, make_world(Surroundings(), EMBODIMENT)
        self._ghost_robot = SimulatedRobot(self._ghost, EMBODIMENT)
        self._renderers: dict[str, mujoco.Renderer] = {}
        self._middles_m: dict[str, FloatArray] = {}
        self.images: list[ByteArray] = []

    def look(self, world: World, step: int) -> None:
        """Take an image of the robot and of what was meant 0.2 s ago."""
        if step % EVERY:
            return
        position_m = np.array(world.data.qpos[:3])
        image = self._image("robot", world, position_m)
        if self._meant_too:
            meant = self._meant(step - round(0.2 * STEP_HZ), position_m)
            self._ghost_robot.place(
                meant.position_pelvis_in_world_m, meant.quat_world_from_pelvis_wxyz, meant.joint_position_rad
            )
            self._ghost.forward()
            image = np.concatenate([image, self._image("meant", self._ghost, meant.position_pelvis_in_world_m)], axis=1)
        self.images.append(image)

    def close(self) -> None:
        """Free the renderers."""
        for renderer in self._renderers.values():
            renderer.close()

    def _meant(self, step: int, position_m: np.ndarray) -> Configuration:
        """The pose that was meant, beside the robot where no place was meant."""
        stream, index = self._stream, min(max(step, 0), len(self._stream.vectors) - 1)
        body = unpack(stream.meant[index])
        place_m = np.where(np.isnan(stream.place_m[index]), position_m[:2], stream.place_m[index])
        yaw = stream.heading_rad[index]
        start_yaw = float(roll_pitch_yaw_from_quat(stream.start.quat_world_from_pelvis_wxyz)[2])
        height_m = stream.height_m[index]
        roll, pitch = stream.meant[index][[ROOT_ROLL, ROOT_PITCH]]
        return Configuration(
            position_pelvis_in_world_m=np.array([*place_m, position_m[2] if np.isnan(height_m) else height_m]),
            quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(
                np.array([roll, pitch, start_yaw if np.isnan(yaw) else yaw])
            ),
            joint_position_rad=body.joint_position_rad,
        )

    def _image(self, name: str, world: World, at_m: FloatArray) -> ByteArray:
        """[SIZE_PX, SIZE_PX, 3] the world around a place, seen from the side; pushes are arrows."""
        if name not in self._renderers:
            world.model.vis.map.force, world.model.vis.scale.forcewidth = _PUSH_M_PER_N, _PUSH_WIDTH
            self._renderers[name] = mujoco.Renderer(world.model, SIZE_PX, SIZE_PX)
        camera, shown, renderer = mujoco.MjvCamera(), mujoco.MjvOption(), self._renderers[name]
        camera.lookat[:] = [*self._middle_m(name, at_m[:2]), _LOOK_AT_M]
        camera.distance, camera.azimuth, camera.elevation = _DISTANCE_M, _AZIMUTH_DEG, _ELEVATION_DEG
        shown.flags[mujoco.mjtVisFlag.mjVIS_PERTFORCE] = True
        renderer.update_scene(world.data, camera, shown)
        image: ByteArray = renderer.render()
        return image.copy()

    def _middle_m(self, name: str, at_m: FloatArray) -> FloatArray:
        """[2] the middle of the picture; it follows what leaves it, so that one sees who moves."""
        before_m = self._middles_m.get(name, at_m)
        away_m = at_m - before_m
        beyond = max(0.0, 1.0 - _FREE_M / max(float(np.linalg.norm(away_m)), 1e-9))
        self._middles_m[name] = before_m + beyond * away_m
        return self._middles_m[name]


def file_name(title: str) -> str:
    """The name of a case's file, without its ending."""
    return re.sub("[^a-z0-9]+", "_", title.lower())


def filmed(case: Case, *, meant: bool) -> Filmed:
    """Run a case and film it.

    Args:
        case: what is run.
        meant: whether what was meant is seen right of the robot.
    """
    film = Film(case, meant=meant)
    try:
        result = perform(case, film.look)
    finally:
        film.close()
    return Filmed(film.images, result)


def write_film(path: Path, case: Case) -> Path:
    """Run a case again and write the film of its last seconds, robot left, what was meant right."""
    images = filmed(case, meant=True).images[-round(LAST_S * FILM_HZ) :]
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, FILM_HZ) as writer:
        for image in images:
            writer.write(image)
    return path
