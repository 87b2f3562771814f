"""Whether the robot that is trained on is hlm's: gains, motors, ranges, masses, soles, links. Needs mjlab."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
from learn_tracker_parts.hand_inertia import hand_inertia
from learn_tracker_parts.robot import body_name, joint_name, sole_geoms

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment

PREFIX = "robot/"
_FIGURES_WITHIN = 1e-3  # Unitree's files round to four digits and more
_LINKS_WITHIN_M = 5e-4
_COMPARED_ROWS = 20


def robot_fault(model: mujoco.MjModel, embodiment: Embodiment, motions: Path) -> str:
    """What differs between the compiled model and the table, in words; empty when nothing does.

    Args:
        model: of mjlab's scene, in which nothing is randomised.
        embodiment: the table.
        motions: file of stage 1, whose links hlm has placed.
    """
    joints = [model.joint(PREFIX + joint_name(joint.name)) for joint in embodiment.joints]
    motors = [_motor_of(model, joint.id) for joint in joints]
    dofs = [int(joint.dofadr[0]) for joint in joints]
    pairs = {
        "stiffness": (model.actuator_gainprm[motors, 0], embodiment.kp_nm_rad),
        "damping": (-model.actuator_biasprm[motors, 2], embodiment.kd_nm_s_rad),
        "torque": (model.actuator_forcerange[motors, 1], embodiment.effort_nm),
        "rotors": (model.dof_armature[dofs], embodiment.armature_kg_m2),
        "lower limits": (np.array([joint.range[0] for joint in joints]), embodiment.lower_rad),
        "upper limits": (np.array([joint.range[1] for joint in joints]), embodiment.upper_rad),
        "soles": (_soles_m(model, embodiment), np.tile(embodiment.sole_corners_m, (2, 1))),
        "masses": (_masses(model, embodiment), _table_masses(embodiment)),
    }
    for name, (found, wanted) in pairs.items():
        off = float(np.abs(found - wanted).max())
        if off > _FIGURES_WITHIN:
            return f"its {name} differ by up to {off:.3g}"
    off_m = _links_off_m(model, embodiment, motions)
    return f"its links are up to {off_m:.3g} m elsewhere" if off_m > _LINKS_WITHIN_M else ""


def _motor_of(model: mujoco.MjModel, joint: int) -> int:
    return int(np.flatnonzero(model.actuator_trnid[:, 0] == joint)[0])


def _soles_m(model: mujoco.MjModel, embodiment: Embodiment) -> FloatArray:
    """[corner, 3] lowest points of the spheres under both feet, in the frames of the feet."""
    names = [PREFIX + name for side in ("left", "right") for name in sole_geoms(side)[: len(embodiment.sole_corners_m)]]
    geoms = [model.geom(name).id for name in names]
    lowest: FloatArray = model.geom_pos[geoms] - [[0.0, 0.0, model.geom_size[geom, 0]] for geom in geoms]
    return lowest


def _masses(model: mujoco.MjModel, embodiment: Embodiment) -> FloatArray:
    return np.array([model.body(PREFIX + body_name(link.name)).mass[0] for link in embodiment.links])


def _table_masses(embodiment: Embodiment) -> FloatArray:
    hands = {gripper.link: hand_inertia(embodiment, gripper).mass_kg for gripper in embodiment.grippers}
    return np.array([hands.get(link.name, link.mass_kg) for link in embodiment.links])


def _links_off_m(model: mujoco.MjModel, embodiment: Embodiment, motions: Path) -> float:
    """The largest distance between where hlm and mjlab's model put a link, in some poses of the motions."""
    data = mujoco.MjData(model)
    bodies = [model.body(PREFIX + body_name(link.name)).id for link in embodiment.links]
    base = int(model.jnt_qposadr[model.body_jntadr[bodies[0]]])
    angles = [int(model.joint(PREFIX + joint_name(joint.name)).qposadr[0]) for joint in embodiment.joints]
    off_m = 0.0
    with np.load(motions) as arrays:
        position_m, quat, joints = arrays["body_pos_w"], arrays["body_quat_w"], arrays["joint_pos"]
    for row in np.linspace(0, len(joints) - 1, _COMPARED_ROWS, dtype=int):
        data.qpos[base : base + 3], data.qpos[base + 3 : base + 7] = position_m[row, 0], quat[row, 0]
        data.qpos[angles] = joints[row]
        mujoco.mj_kinematics(model, data)
        off_m = max(off_m, float(np.linalg.norm(data.xpos[bodies] - position_m[row], axis=1).max()))
    return off_m
