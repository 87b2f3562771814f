"""One run: a stream of commands, the commanded body, the control loop, the tracker, and MuJoCo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import mujoco
import numpy as np
from commanded_body_parts.commands import ROWS

from hlm.cli.trackers import tracker_maker
from hlm.control.body_command import BodyCommand
from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import unpack
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.core.values import CameraFrame
from hlm.runtime.bodies.lockstep import LockstepBody
from hlm.runtime.loop import ControlLoop
from hlm.sim.operators.stance import true_configuration
from hlm.sim.robot import SimulatedRobot
from hlm.sim.robot_model import add_robot
from hlm.sim.start_pose import sampled_start_pose_rad, stand_on_floor
from hlm.sim.world import World, set_physics_options
from hlm.teleop.commanded_operator import CommandedSource

FALLEN_UPRIGHTNESS, FALLEN_HEIGHT_M = 0.3, 0.3
_LAG_STEPS = 6  # the tracker plays references 0.2 s late
_SIDES = ("left", "right")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What happened; errors are from the pose that the body was told `_LAG_STEPS` earlier.

    Attributes:
        ending: "stood", "fell", or why the body stopped following.
        duration_s: until the end.
        tilt_rad: largest tilt of the pelvis against what was told.
        height_m: largest error of the pelvis' height.
        heading_rad: largest error of the heading since the start.
        drift_m_min: how far the robot's place moved away from the operator's, per minute.
        hand_m: median distance of the right grip from where it was told to be, seen from the pelvis.
        joint_rad_s: largest speed of a joint in the references.
    """

    ending: str
    duration_s: float
    tilt_rad: float
    height_m: float
    heading_rad: float
    drift_m_min: float
    hand_m: float
    joint_rad_s: float


class _NoCameras:
    """Implements `hlm.core.protocols.Cameras` for a robot without any."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def capture(self) -> Mapping[str, CameraFrame]:
        return {}


def run(row: str, seed: int, tracker: str) -> Outcome:
    """A row's run with a seed."""
    random = np.random.default_rng([list(ROWS).index(row), seed])
    script = ROWS[row](random)
    world = bare_floor()
    robot = SimulatedRobot(world, UNITREE_G1)
    stand_on_floor(world, robot, sampled_start_pose_rad(UNITREE_G1, random), np.zeros(3))
    world.forward()
    asked = iter(range(round(script.duration_s * STEP_HZ)))

    def commands() -> BodyCommand | None:
        step = next(asked, None)
        return None if step is None else script.at(step / STEP_HZ)

    source = CommandedSource(commands, UNITREE_G1)
    notes = _Notes(robot)
    ending = "stood"
    with LockstepBody(robot, tracker_maker(tracker)(), world, UNITREE_G1) as body:
        loop = ControlLoop(world, body, _NoCameras(), UNITREE_G1)
        for step in loop.steps(source, "follow"):
            notes.add(source, step.reference.vector)
            if robot.pelvis_uprightness() < FALLEN_UPRIGHTNESS or robot.pelvis_height_m() < FALLEN_HEIGHT_M:
                ending = "fell"
                break
        if ending == "stood" and not body.status.tracking:
            ending = body.status.fault
    return notes.outcome(ending)


def bare_floor() -> World:
    """A world with a robot on a floor, and nothing else."""
    spec = mujoco.MjSpec()
    set_physics_options(spec)
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[50, 50, 1], contype=7, conaffinity=7)
    add_robot(spec, UNITREE_G1)
    return World(spec.compile())


class _Notes:
    """What was told and what was seen at each step."""

    def __init__(self, robot: SimulatedRobot) -> None:
        self._robot = robot
        self._model = BodyModel(UNITREE_G1)
        self._told: list[FloatArray] = []
        self._seen: list[FloatArray] = []
        self._references: list[FloatArray] = []

    def add(self, source: CommandedSource, reference: FloatArray) -> None:
        """Note a step: place, roll, pitch, yaw and right grip from the pelvis."""
        for rows, configuration in (
            (self._told, source.body.likely_configuration),
            (self._seen, true_configuration(self._robot)),
        ):
            angles = roll_pitch_yaw_from_quat(configuration.quat_world_from_pelvis_wxyz)
            pelvis, grip = (self._model.pose_world_from(name, configuration) for name in ("pelvis", "right_grip"))
            grip_m = (np.linalg.inv(pelvis) @ grip)[:3, 3]
            rows.append(np.concatenate([configuration.position_pelvis_in_world_m, angles, grip_m]))
        self._references.append(unpack(reference).joint_position_rad)

    def outcome(self, ending: str) -> Outcome:
        """Sum up."""
        told, seen = np.array(self._told)[:-_LAG_STEPS], np.array(self._seen)[_LAG_STEPS:]
        duration_s = len(self._told) / STEP_HZ
        off = seen - told
        turned = np.unwrap(seen[:, 5]) - np.unwrap(told[:, 5])
        drift_m = float(np.linalg.norm((off - off[0])[-1, :2]))
        return Outcome(
            ending=ending,
            duration_s=duration_s,
            tilt_rad=float(np.abs(off[:, 3:5]).max()),
            height_m=float(np.abs(off[:, 2] - off[0, 2]).max()),
            heading_rad=float(np.abs(turned - turned[0]).max()),
            drift_m_min=60.0 * drift_m / duration_s,
            hand_m=float(np.median(np.linalg.norm(off[:, 6:9], axis=1))),
            joint_rad_s=float(np.abs(np.diff(self._references, axis=0)).max() * STEP_HZ),
        )
