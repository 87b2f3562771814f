"""A picture of the robot beside the person whom it follows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import mujoco
import numpy as np
from PIL import Image
from retargeting_parts.motions import Motion

from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import ByteArray, FloatArray
from hlm.core.layout import MOTOR_ORDER
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.sim.robot_model import add_robot
from hlm.teleop.keypoints.named_points import CHEST, HEAD, PELVIS, SIDED
from hlm.teleop.keypoints.retargeter import Retargeter

SHOWN = (
    ("sub3_largebox_003/body", 5),
    ("sub3_largebox_003/body", 150),
    ("sub10_largebox_049/body", 180),
    ("walk/pybullet", 10),
)
_WIDTH_PX, _HEIGHT_PX, _BONE_M = 400, 400, 0.022
_BESIDE_M, _AWAY_M, _LOOK_HEIGHT_M, _FROM_SIDE_RAD = 0.85, 2.9, 0.75, 0.6
_CHAIN = ("hip", "knee", "ankle", "toe"), ("shoulder", "elbow", "wrist")
_BONES = [(PELVIS, CHEST), (CHEST, HEAD)]
for _side in SIDED:
    _BONES += [(PELVIS, _side["hip"]), (CHEST, _side["shoulder"])]
    _BONES += [(_side[a], _side[b]) for limb in _CHAIN for a, b in pairwise(limb)]
_COLOUR = np.array([0.1, 0.45, 0.9, 1.0], dtype=np.float32)


def write_picture(path: Path, model: BodyModel, motions: Sequence[Motion]) -> None:
    """Write a strip of the frames `SHOWN`, of those motions that there are."""
    named = {motion.name: motion for motion in motions}
    stage = _Stage(model)
    shots = [stage.shot(named[name], frame) for name, frame in SHOWN if name in named]
    if shots:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.hstack(shots)).save(path)


class _Stage:
    """A floor with the robot on it."""

    def __init__(self, model: BodyModel) -> None:
        self._body = model
        spec = mujoco.MjSpec()
        add_robot(spec, model.embodiment)
        spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[30.0, 30.0, 0.1], rgba=[0.8, 0.83, 0.87, 1.0])
        spec.visual.headlight.ambient = [0.55, 0.55, 0.55]
        spec.visual.headlight.diffuse = [0.5, 0.5, 0.5]
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        self._addresses = [self._model.joint(name).qposadr[0] for name in MOTOR_ORDER]
        self._renderer = mujoco.Renderer(self._model, _HEIGHT_PX, _WIDTH_PX)

    def shot(self, motion: Motion, frame: int) -> ByteArray:
        """The person on the left, the robot on the right."""
        retargeter = Retargeter(self._body, motion.calibration)
        for keypoints in motion.frames[: frame + 1]:
            pose = retargeter.retarget(keypoints, 1.0 / motion.rate_hz)
        points_m = motion.frames[frame].position_in_world_m
        yaw_rad = float(roll_pitch_yaw_from_quat(pose.quat_world_from_pelvis_wxyz)[2]) + _FROM_SIDE_RAD
        # Seen from ahead, the picture's left is the robot's right.
        beside_m = _BESIDE_M * np.array([np.sin(yaw_rad), -np.cos(yaw_rad)])
        offset_m = pose.position_pelvis_in_world_m[:2] - points_m[PELVIS, :2] + beside_m
        self._place(pose)
        camera = mujoco.MjvCamera()
        camera.lookat[:] = [*(pose.position_pelvis_in_world_m[:2] + 0.5 * beside_m), _LOOK_HEIGHT_M]
        camera.distance, camera.elevation, camera.azimuth = _AWAY_M, -8.0, np.degrees(yaw_rad) + 180.0
        self._renderer.update_scene(self._data, camera)
        self._draw(points_m + np.array([*offset_m, 0.0]))
        return self._renderer.render()

    def _place(self, pose: Configuration) -> None:
        self._data.qpos[:3] = pose.position_pelvis_in_world_m
        self._data.qpos[3:7] = pose.quat_world_from_pelvis_wxyz
        self._data.qpos[self._addresses] = pose.joint_position_rad
        mujoco.mj_forward(self._model, self._data)

    def _draw(self, points_m: FloatArray) -> None:
        scene, kind = self._renderer.scene, mujoco.mjtGeom.mjGEOM_CAPSULE
        for start, end in _BONES:
            if np.isfinite(points_m[[start, end]]).all():
                geom = scene.geoms[scene.ngeom]
                mujoco.mjv_initGeom(geom, kind, np.zeros(3), np.zeros(3), np.zeros(9), _COLOUR)
                mujoco.mjv_connector(geom, kind, _BONE_M, points_m[start], points_m[end])
                scene.ngeom += 1
