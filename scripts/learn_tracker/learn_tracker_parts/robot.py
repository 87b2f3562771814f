"""mjlab's G1 with the figures of hlm's: gains, torques, rotors, default pose, hands and soles. Needs mjlab."""

from __future__ import annotations

import mujoco
import numpy as np
from learn_tracker_parts.hand_inertia import Inertia, hand_inertia
from mjlab.actuator import BuiltinPositionActuatorCfg
from mjlab.asset_zoo.robots.unitree_g1.g1_constants import get_g1_robot_cfg, get_spec
from mjlab.entity import EntityArticulationInfoCfg, EntityCfg

from hlm.core.embodiment import Embodiment, Motor
from hlm.sim.robot_model import SOLE_RADIUS_M

# Commands arrive up to this many physics steps of 5 ms late, newly drawn every half second.
_MAX_DELAY_STEPS, _DELAY_PERIOD_STEPS = 4, 100
_FOOT_GEOMS = 7
_SOFT_LIMITS = 0.9  # share of the joints' ranges beyond which mjlab's task takes reward off


def joint_name(joint: str) -> str:
    """Name of a joint in mjlab's model."""
    return f"{joint}_joint"


def body_name(link: str) -> str:
    """Name of a link in mjlab's model."""
    return {"pelvis": "pelvis", "waist_pitch": "torso_link"}.get(link, f"{link}_link")


def robot_cfg(embodiment: Embodiment, *, exact: bool) -> EntityCfg:
    """The robot to train on.

    Args:
        embodiment: whose figures it takes.
        exact: commands arrive at once; else some milliseconds late.
    """
    robot = get_g1_robot_cfg()
    robot.spec_fn = lambda: _spec(embodiment)
    robot.init_state = EntityCfg.InitialStateCfg(
        pos=(0.0, 0.0, embodiment.standing_height_m),
        joint_pos={joint_name(joint.name): joint.default_rad for joint in embodiment.joints},
        joint_vel={".*": 0.0},
    )
    robot.articulation = EntityArticulationInfoCfg(
        actuators=tuple(_actuators(motor, embodiment, exact=exact) for motor in _motors(embodiment)),
        soft_joint_pos_limit_factor=_SOFT_LIMITS,
    )
    return robot


def _motors(embodiment: Embodiment) -> list[Motor]:
    """The kinds of motors that the robot has."""
    return list(dict.fromkeys(joint.motor for joint in embodiment.joints))


def _actuators(motor: Motor, embodiment: Embodiment, *, exact: bool) -> BuiltinPositionActuatorCfg:
    """All joints with one kind of motor: their gains follow from it."""
    joints = [joint for joint in embodiment.joints if joint.motor == motor]
    return BuiltinPositionActuatorCfg(
        target_names_expr=tuple(joint_name(joint.name) for joint in joints),
        stiffness=joints[0].kp_nm_rad,
        damping=joints[0].kd_nm_s_rad,
        effort_limit=motor.effort_nm,
        armature=motor.armature_kg_m2,
        delay_max_lag=0 if exact else _MAX_DELAY_STEPS,
        delay_update_period=_DELAY_PERIOD_STEPS,
    )


def _spec(embodiment: Embodiment) -> mujoco.MjSpec:
    spec = get_spec()
    for gripper in embodiment.grippers:
        _put_inertia(spec.body(body_name(gripper.link)), hand_inertia(embodiment, gripper))
    for side in ("left", "right"):
        _put_sole(spec, side, embodiment)
    return spec


def sole_geoms(side: str) -> list[str]:
    """Names in mjlab's model of the geoms of a foot that touch the floor."""
    return [f"{side}_foot{number}_collision" for number in range(1, _FOOT_GEOMS + 1)]


def _put_sole(spec: mujoco.MjSpec, side: str, embodiment: Embodiment) -> None:
    """Stand on four small spheres at the sole's corners, as hlm's robot does; mjlab's capsules make a longer foot."""
    corners = np.array(embodiment.sole_corners_m)
    names = sole_geoms(side)
    for name, corner in zip(names, corners, strict=False):
        geom = spec.geom(name)
        geom.type = mujoco.mjtGeom.mjGEOM_SPHERE
        geom.fromto = np.full(6, np.nan)
        geom.quat = [1.0, 0.0, 0.0, 0.0]
        geom.size = [SOLE_RADIUS_M, 0.0, 0.0]
        geom.pos = corner + np.array([0.0, 0.0, SOLE_RADIUS_M])
    for name in names[len(corners) :]:
        spec.delete(spec.geom(name))


def _put_inertia(body: mujoco.MjsBody, inertia: Inertia) -> None:
    matrix = inertia.matrix_kg_m2
    body.explicitinertial = True
    body.mass = inertia.mass_kg
    body.ipos = inertia.com_m
    body.iquat = [1.0, 0.0, 0.0, 0.0]
    body.inertia = [0.0, 0.0, 0.0]
    body.fullinertia = [matrix[0, 0], matrix[1, 1], matrix[2, 2], matrix[0, 1], matrix[0, 2], matrix[1, 2]]
