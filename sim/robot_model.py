"""The MuJoCo model of an embodiment, built from its table."""

from __future__ import annotations

import mujoco
import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import CameraMount, Capsule, Embodiment, Gripper, Link, Vector3
from hlm.core.rotations import quat_from_roll_pitch_yaw

# Contact bits. Forearms and hands collide with the trunk and legs of the robot, and the whole robot with the world.
ROBOT_BIT, OBJECT_BIT, ARM_BIT = 1, 2, 4
WORLD_TOUCHES = ROBOT_BIT | OBJECT_BIT

GRIP_FRICTION = (1.0, 0.02, 0.0001)
# Twice the time step: with these stiff fingers a held object slips by 0.15 mm in 3 s, at five times by 0.3 mm.
FINGER_SOLREF = (0.004, 1.0)
FINGER_SOLIMP = (0.95, 0.99, 0.001, 0.5, 2.0)
SOLE_FRICTION = (0.8, 0.02, 0.0001)
SOLE_RADIUS_M = 0.005
GRIPPER_KP, GRIPPER_KD = 2000.0, 80.0


def add_robot(spec: mujoco.MjSpec, embodiment: Embodiment) -> None:
    """Add the robot with a free base, torque motors, grippers, cameras and soles to `spec`.

    Bodies, joints and motors are named after the links and joints of the embodiment; the free joint of the base is
    named "base". Each gripper has the slide joints "<side>_finger_left" and "<side>_finger_right", one position
    actuator "<side>_gripper" in metres of finger travel, and the site "<side>_grip".
    """
    spec.compiler.degree = False
    bodies: dict[str, mujoco.MjsBody] = {}
    for link in embodiment.links:
        parent = spec.worldbody if link.parent is None else bodies[link.parent]
        bodies[link.name] = _add_link(parent, link)
        if link.joint is not None:
            _add_motor(spec, link.joint.name, link.joint.motor.effort_nm)
    for capsule in embodiment.capsules:
        _add_capsule(bodies[capsule.link], capsule)
    for sole in embodiment.sole_links:
        _add_sole(bodies[sole], embodiment)
    for gripper in embodiment.grippers:
        _add_gripper(spec, bodies[gripper.link], gripper)
    for camera in embodiment.cameras:
        _add_camera(bodies[camera.link], camera)


def _add_link(parent: mujoco.MjsBody, link: Link) -> mujoco.MjsBody:
    roll, pitch = link.roll_pitch_rad
    body = parent.add_body(
        name=link.name, pos=link.position_m, quat=quat_from_roll_pitch_yaw(np.array([roll, pitch, 0.0]))
    )
    body.explicitinertial = True
    body.mass = link.mass_kg
    body.ipos = link.com_position_m
    body.fullinertia = link.inertia_kg_m2
    if link.joint is None:
        body.add_joint(name="base", type=mujoco.mjtJoint.mjJNT_FREE)
        return body
    joint = link.joint
    body.add_joint(
        name=joint.name,
        type=mujoco.mjtJoint.mjJNT_HINGE,
        axis=[float(joint.axis == axis) for axis in "xyz"],
        range=[joint.lower_rad, joint.upper_rad],
        limited=mujoco.mjtLimited.mjLIMITED_TRUE,
        armature=joint.motor.armature_kg_m2,
    )
    return body


def _add_motor(spec: mujoco.MjSpec, joint: str, effort_nm: float) -> None:
    motor = spec.add_actuator(name=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT, target=joint)
    motor.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
    motor.forcerange = [-effort_nm, effort_nm]


def _add_capsule(body: mujoco.MjsBody, capsule: Capsule) -> None:
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        fromto=[*capsule.start_m, *capsule.end_m],
        size=[capsule.radius_m, 0, 0],
        rgba=capsule.rgba,
        mass=0.0,
        contype=ROBOT_BIT | (ARM_BIT if capsule.collision_group == "forearm" else 0),
        conaffinity=ARM_BIT if capsule.collision_group == "trunk" else 0,
    )


def _add_sole(body: mujoco.MjsBody, embodiment: Embodiment) -> None:
    """Add four small spheres at the corners, which make contact, and a box without collisions, which cameras see."""
    corners = np.array(embodiment.sole_corners_m)
    for corner in corners:
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_SPHERE,
            pos=corner + np.array([0.0, 0.0, SOLE_RADIUS_M]),
            size=[SOLE_RADIUS_M, 0, 0],
            rgba=embodiment.sole_rgba,
            mass=0.0,
            friction=SOLE_FRICTION,
            priority=1,
            contype=ROBOT_BIT,
            conaffinity=0,
        )
    low, high = corners.min(axis=0), corners.max(axis=0)
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[*(low + high)[:2] / 2, low[2] + 0.02],
        size=[*(high - low)[:2] / 2, 0.018],
        rgba=embodiment.sole_rgba,
        mass=0.0,
        contype=0,
        conaffinity=0,
    )


def _add_gripper(spec: mujoco.MjSpec, wrist: mujoco.MjsBody, gripper: Gripper) -> None:
    side = gripper.side
    # MuJoCo ignores the mass of geoms on a body with explicit inertia, so the palm is a body of its own.
    palm = wrist.add_body(name=f"{side}_palm", pos=gripper.palm_center_m)
    touches = {"contype": ROBOT_BIT | ARM_BIT, "conaffinity": 0}
    palm.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=gripper.palm_half_size_m,
        rgba=gripper.palm_rgba,
        mass=gripper.palm_mass_kg,
        **touches,
    )
    thickness = gripper.finger_half_size_m[1]
    for name, sign in (("left", 1.0), ("right", -1.0)):
        finger = wrist.add_body(name=f"{side}_finger_{name}", pos=gripper.finger_center_m)
        finger.add_joint(
            name=f"{side}_finger_{name}",
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=[0.0, sign, 0.0],
            range=[0.0, gripper.finger_stroke_m],
            limited=mujoco.mjtLimited.mjLIMITED_TRUE,
            armature=0.05,
            damping=[2.0, 0.0, 0.0],
        )
        finger.add_geom(
            name=f"{side}_finger_{name}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[0.0, sign * thickness, 0.0],
            size=gripper.finger_half_size_m,
            rgba=gripper.finger_rgba,
            mass=gripper.finger_mass_kg,
            condim=4,
            friction=GRIP_FRICTION,
            solref=FINGER_SOLREF,
            solimp=FINGER_SOLIMP,
            priority=1,
            **touches,
        )
    _couple_fingers(spec, gripper)
    wrist.add_site(name=f"{side}_grip", pos=gripper.grip_m, group=4)


def _couple_fingers(spec: mujoco.MjSpec, gripper: Gripper) -> None:
    """Drive both fingers by one motor through a gear, as in a real parallel gripper."""
    side = gripper.side
    fingers = (f"{side}_finger_left", f"{side}_finger_right")
    gear = spec.add_equality(
        name=f"{side}_gear",
        type=mujoco.mjtEq.mjEQ_JOINT,
        objtype=mujoco.mjtObj.mjOBJ_JOINT,
        name1=fingers[0],
        name2=fingers[1],
        solref=[0.005, 1.0],
    )
    gear.data[:5] = [0.0, 1.0, 0.0, 0.0, 0.0]
    tendon = spec.add_tendon(name=f"{side}_gripper")
    for finger in fingers:
        tendon.wrap_joint(finger, 0.5)
    motor = spec.add_actuator(name=f"{side}_gripper", trntype=mujoco.mjtTrn.mjTRN_TENDON, target=f"{side}_gripper")
    motor.gaintype = mujoco.mjtGain.mjGAIN_FIXED
    motor.gainprm[0] = GRIPPER_KP
    motor.biastype = mujoco.mjtBias.mjBIAS_AFFINE
    motor.biasprm[:3] = [0.0, -GRIPPER_KP, -GRIPPER_KD]
    motor.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
    motor.forcerange = [-2.0 * gripper.finger_force_n, 2.0 * gripper.finger_force_n]
    motor.ctrllimited = mujoco.mjtLimited.mjLIMITED_TRUE
    motor.ctrlrange = [0.0, gripper.finger_stroke_m]


def _add_camera(body: mujoco.MjsBody, camera: CameraMount) -> None:
    sine, cosine = np.sin(camera.pitch_down_rad), np.cos(camera.pitch_down_rad)
    body.add_camera(
        name=camera.name,
        pos=camera.position_m,
        quat=_quat_from_axes(np.array([0.0, -1.0, 0.0]), np.array([sine, 0.0, cosine])),
        fovy=np.degrees(camera.field_of_view_rad),
    )


def add_spectator(spec: mujoco.MjSpec, position_m: Vector3, target_m: Vector3) -> None:
    """Add the fixed camera "spectator", which renders the scene for people, not for policies."""
    forward = np.array(target_m) - np.array(position_m)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    up = np.cross(right, forward / np.linalg.norm(forward))
    spec.worldbody.add_camera(name="spectator", pos=position_m, quat=_quat_from_axes(right, up), fovy=42.0)


def _quat_from_axes(x: FloatArray, y: FloatArray) -> FloatArray:
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, np.column_stack([x, y, np.cross(x, y)]).ravel())
    return quat
