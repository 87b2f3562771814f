"""Groups e to h: pushes, payloads, a robot that is not its model, sensors that are late and noisy, floors."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.layout import JOINTS
from hlm.core.values import RobotState
from hlm.sim.robot import SimulatedRobot
from hlm.sim.robot_model import ARM_BIT, WORLD_TOUCHES, add_robot
from hlm.sim.world import World, set_physics_options

PUSH_S = 0.2
TORSO = "waist_pitch"
_FLOOR_HALF_M, _BUMP_SPACING_M = 6.0, 0.15
_FLOOR_RGBA = (0.55, 0.57, 0.6, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What the tracker is not told.

    Attributes:
        payload_kg: mass in the left and in the right hand.
        push_n: force at the torso for 0.2 s; 0 pushes nothing.
        push_s: when.
        push_rad: where to, from the world's x axis.
        mass_error: largest error of each body's mass and inertia, as a share, drawn evenly.
        friction: sliding friction of the soles; None leaves the model's.
        motor_strength: share of each commanded torque that the motors give.
        sensor_noise: scale of the noise on what is measured, see `_NOISE`.
        delay_s: age of what is measured, a multiple of the tick.
        slope_rad: slope of the floor.
        slope_direction_rad: where it goes up, from the world's x axis.
        bumps_m: height of the floor's bumps.
        seed: of masses, noise and bumps.
    """

    payload_kg: tuple[float, float] = (0.0, 0.0)
    push_n: float = 0.0
    push_s: float = 0.0
    push_rad: float = 0.0
    mass_error: float = 0.0
    friction: float | None = None
    motor_strength: float = 1.0
    sensor_noise: float = 0.0
    delay_s: float = 0.0
    slope_rad: float = 0.0
    slope_direction_rad: float = 0.0
    bumps_m: float = 0.0
    seed: int = 0

    def floor_m(self, place_m: FloatArray) -> FloatArray:
        """[...] height of the floor's plane at [..., 2] places, m; bumps are not in it."""
        uphill = np.array([np.cos(self.slope_direction_rad), np.sin(self.slope_direction_rad)])
        height: FloatArray = np.tan(self.slope_rad) * (np.asarray(place_m)[..., :2] @ uphill)
        return height


# Half widths of even noise: encoders (rad), their derivative (rad/s), gyroscope (rad/s), tilt (rad).
_NOISE = (0.01, 0.15, 0.03, 0.01)


def make_world(around: Surroundings, embodiment: Embodiment) -> World:
    """The robot on the floor."""
    spec = mujoco.MjSpec()
    set_physics_options(spec)
    touches = {"contype": WORLD_TOUCHES | ARM_BIT, "conaffinity": WORLD_TOUCHES | ARM_BIT, "rgba": _FLOOR_RGBA}
    if around.bumps_m > 0.0:
        _add_bumps(spec, around, touches)
    else:
        axis = [-np.sin(around.slope_direction_rad), np.cos(around.slope_direction_rad), 0.0]
        quat = np.empty(4)
        mujoco.mju_axisAngle2Quat(quat, axis, -around.slope_rad)
        spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_PLANE, size=[_FLOOR_HALF_M, _FLOOR_HALF_M, 1], quat=quat, **touches
        )
    spec.worldbody.add_light(pos=[0, 0, 4], dir=[0.2, 0.1, -1], type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL)
    add_robot(spec, embodiment)
    for side, mass_kg in zip(("left", "right"), around.payload_kg, strict=True):
        if mass_kg > 0.0:
            held = spec.body(f"{side}_palm").add_body(pos=[0.08, 0, 0])
            held.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.03, 0, 0], mass=mass_kg, contype=0, conaffinity=0)
    model = spec.compile()
    _make_wrong(model, around, embodiment)
    return World(model)


def start_of(start: Configuration, around: Surroundings, model: BodyModel) -> Configuration:
    """The start with its soles on this floor rather than on a level one."""
    if around.slope_rad == 0.0 and around.bumps_m == 0.0:
        return start
    corners_m = np.concatenate(
        [
            (model.pose_world_from(f"{side}_sole", start)[:3] @ np.column_stack([model.sole_corners_m, np.ones(4)]).T).T
            for side in ("left", "right")
        ]
    )
    up_m = float((around.floor_m(corners_m[:, :2]) - corners_m[:, 2]).max()) + around.bumps_m
    return replace(start, position_pelvis_in_world_m=start.position_pelvis_in_world_m + np.array([0.0, 0.0, up_m]))


class FlawedSensors:
    """Reads a robot with noise and late.

    Args:
        robot: what is read.
        around: noise and delay.
        tick_hz: how often it is read.
    """

    def __init__(self, robot: SimulatedRobot, around: Surroundings, tick_hz: float) -> None:
        self._robot, self._noise = robot, around.sensor_noise
        self._random = np.random.default_rng([around.seed, 1])
        self._kept: deque[RobotState] = deque(maxlen=1 + round(around.delay_s * tick_hz))

    def read(self) -> RobotState:
        """What the robot says now."""
        true = self._robot.read()
        self._kept.append(self._disturbed(true) if self._noise > 0.0 else true)
        return self._kept[0]

    def _disturbed(self, true: RobotState) -> RobotState:
        position, velocity, gyroscope, tilt = (self._noise * width for width in _NOISE)
        random, turned = self._random, np.empty(4)
        off = np.array([1.0, *(0.5 * random.uniform(-tilt, tilt, 2)), 0.0])
        mujoco.mju_mulQuat(turned, true.quat_world_from_pelvis_wxyz, off / np.linalg.norm(off))
        return replace(
            true,
            joint_position_rad=true.joint_position_rad + random.uniform(-position, position, JOINTS),
            joint_velocity_rad_s=true.joint_velocity_rad_s + random.uniform(-velocity, velocity, JOINTS),
            quat_world_from_pelvis_wxyz=turned / np.linalg.norm(turned),
            angular_velocity_pelvis_in_pelvis_rad_s=true.angular_velocity_pelvis_in_pelvis_rad_s
            + random.uniform(-gyroscope, gyroscope, 3),
        )


class Pusher:
    """Pushes the torso when it is time.

    Args:
        world: where it stands.
        around: force, direction and time.
    """

    def __init__(self, world: World, around: Surroundings) -> None:
        self._world, self._around = world, around
        self._torso = int(world.model.body(TORSO).id)
        self._force_n = around.push_n * np.array([np.cos(around.push_rad), np.sin(around.push_rad), 0.0])

    def act(self) -> None:
        """Push or not, until the next call."""
        since_ns = self._world.now_ns() - round(self._around.push_s * NS_PER_S)
        pushes = self._around.push_n > 0.0 and 0 <= since_ns < PUSH_S * NS_PER_S
        self._world.data.xfrc_applied[self._torso, :3] = self._force_n if pushes else 0.0


def _make_wrong(model: mujoco.MjModel, around: Surroundings, embodiment: Embodiment) -> None:
    """Masses, friction and motors that are not those of the table."""
    if around.mass_error > 0.0:
        random = np.random.default_rng([around.seed, 2])
        scale = 1.0 + around.mass_error * random.uniform(-1.0, 1.0, model.nbody)
        model.body_mass[:] *= scale
        model.body_inertia[:] *= scale[:, None]
        mujoco.mj_setConst(model, mujoco.MjData(model))
    if around.friction is not None:
        soles = np.isin(model.geom_bodyid, [model.body(name).id for name in embodiment.sole_links])
        model.geom_friction[soles & (model.geom_priority == 1), 0] = around.friction
    if around.motor_strength != 1.0:
        for joint in embodiment.joints:
            model.actuator_gainprm[model.actuator(joint.name).id, 0] *= around.motor_strength


def _add_bumps(spec: mujoco.MjSpec, around: Surroundings, touches: dict[str, object]) -> None:
    """Add a floor that goes up and down smoothly between points that are drawn."""
    count = 2 * round(_FLOOR_HALF_M / _BUMP_SPACING_M) + 1
    heights = np.random.default_rng([around.seed, 3]).uniform(0.0, 1.0, (count, count))
    heights[0, :2] = 0.0, 1.0  # MuJoCo stretches what it is given over the whole height
    spec.add_hfield(
        name="floor",
        nrow=count,
        ncol=count,
        size=[_FLOOR_HALF_M, _FLOOR_HALF_M, around.bumps_m, 0.1],
        userdata=heights.ravel().tolist(),
    )
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_HFIELD, hfieldname="floor", **touches)
