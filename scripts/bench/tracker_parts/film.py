"""Films of runs: the robot, and beside it the motion that was meant."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import mujoco
import numpy as np
from tracker_parts.cases import Case
from tracker_parts.streams import Stream
from tracker_parts.surroundings import Surroundings, make_world
from tracker_parts.work import EMBODIMENT, body_model, perform

from hlm.control.model import Configuration
from hlm.core.arrays import ByteArray
from hlm.core.clock import STEP_HZ
from hlm.core.layout import ROOT_PITCH, ROOT_ROLL, unpack
from hlm.core.rotations import quat_from_roll_pitch_yaw, roll_pitch_yaw_from_quat
from hlm.evaluation.video import VideoWriter
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import World

SIZE_PX = 320
EVERY, LAST_S = 2, 6.0
_DISTANCE_M, _AZIMUTH_DEG, _ELEVATION_DEG = 2.3, 140.0, -14.0


class Film:
    """Looks at a run; keeps the last seconds.

    Args:
        case: what is run.
    """

    def __init__(self, case: Case) -> None:
        self._stream: Stream = case.recipe.make(body_model(), case.random)
        self._ghost = make_world(Surroundings(), EMBODIMENT)
        self._ghost_robot = SimulatedRobot(self._ghost, EMBODIMENT)
        self._renderers: dict[str, mujoco.Renderer] = {}
        self.images: deque[ByteArray] = deque(maxlen=round(LAST_S * STEP_HZ / EVERY))

    def look(self, world: World, step: int) -> None:
        """Take an image of the robot and of what was meant 0.2 s ago."""
        if step % EVERY:
            return
        position_m = np.array(world.data.qpos[:3])
        meant = self._meant(step - round(0.2 * STEP_HZ), position_m)
        self._ghost_robot.place(
            meant.position_pelvis_in_world_m, meant.quat_world_from_pelvis_wxyz, meant.joint_position_rad
        )
        self._ghost.forward()
        here = self._image("robot", world, position_m)
        there = self._image("meant", self._ghost, meant.position_pelvis_in_world_m)
        self.images.append(np.concatenate([here, there], axis=1))

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

    def _image(self, name: str, world: World, at_m: np.ndarray) -> ByteArray:
        """[SIZE_PX, SIZE_PX, 3] the world around a place, seen from the side."""
        if name not in self._renderers:
            self._renderers[name] = mujoco.Renderer(world.model, SIZE_PX, SIZE_PX)
        camera = mujoco.MjvCamera()
        camera.lookat[:] = [at_m[0], at_m[1], 0.6]
        camera.distance, camera.azimuth, camera.elevation = _DISTANCE_M, _AZIMUTH_DEG, _ELEVATION_DEG
        renderer = self._renderers[name]
        renderer.update_scene(world.data, camera)
        image: ByteArray = renderer.render()
        return image.copy()


def write_film(path: Path, case: Case) -> Path:
    """Run a case again and write the film of its last seconds, robot left, what was meant right."""
    film = Film(case)
    try:
        perform(case, film.look)
    finally:
        film.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, STEP_HZ / EVERY) as writer:
        for image in film.images:
            writer.write(image)
    return path
