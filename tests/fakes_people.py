"""A person that moves, and files of its motion in the ways of many programs."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hlm.teleop.keypoints.body_keypoints import KEYPOINTS

RATE_HZ = 60.0
# Joint: parent, and offset in a T-pose (x ahead, y left, z up; m). Limbs of the right side are mirrored.
_CENTRE = {
    "pelvis": (None, (0.0, 0.0, 0.0)),
    "spine": ("pelvis", (0.0, 0.0, 0.12)),
    "chest": ("spine", (0.0, 0.0, 0.22)),
    "neck": ("chest", (0.0, 0.0, 0.16)),
    "head": ("neck", (0.02, 0.0, 0.1)),
}
_SIDE = {
    "hip": ("pelvis", (0.0, 0.09, -0.06)),
    "knee": ("hip", (0.0, 0.0, -0.42)),
    "ankle": ("knee", (0.0, 0.0, -0.41)),
    "toe": ("ankle", (0.14, 0.0, -0.06)),
    "collar": ("chest", (0.0, 0.05, 0.1)),
    "shoulder": ("collar", (0.0, 0.12, 0.0)),
    "elbow": ("shoulder", (0.0, 0.28, 0.0)),
    "wrist": ("elbow", (0.0, 0.25, 0.0)),
    "hand": ("wrist", (0.0, 0.07, 0.0)),
}


def _skeleton():
    joints = dict(_CENTRE)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for part, (parent, offset) in _SIDE.items():
            name = parent if parent in _CENTRE else f"{side}_{parent}"
            joints[f"{side}_{part}"] = (name, (offset[0], sign * offset[1], offset[2]))
    return joints


SKELETON = _skeleton()
ANKLE_TO_SOLE_M = 0.08


@dataclass
class Person:
    """[time, 3] positions and rotations ([time], against the T-pose) of each joint, in our world."""

    position: dict[str, np.ndarray]
    rotation: dict[str, Rotation]

    @property
    def positions(self):
        """[time, keypoint, 3]."""
        return np.stack([self.position[keypoint] for keypoint in KEYPOINTS], axis=1)

    @property
    def quats_wxyz(self):
        """[time, keypoint, 4]."""
        return np.stack([self.rotation[keypoint].as_quat(scalar_first=True) for keypoint in KEYPOINTS], axis=1)


def person(seconds=4.0, heading_rad=0.0, seed=0):
    """Stands still for 2.5 s, arms hanging, and then moves all joints while it turns and wanders off."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    moving = np.clip(time_s - 2.5, 0.0, 1.0)
    local = {name: _local(name, rng, moving, time_s) for name in SKELETON}
    heading = Rotation.from_euler("z", (heading_rad + 0.8 * moving)[:, None])
    position, rotation = {}, {}
    for name, (parent, offset) in SKELETON.items():
        if parent is None:
            rotation[name] = heading * local[name]
            position[name] = np.column_stack([0.7 * moving, 0.3 * moving, np.full(len(time_s), 0.97)])
        else:
            rotation[name] = rotation[parent] * local[name]
            position[name] = position[parent] + rotation[parent].apply(offset)
    return Person(position, rotation)


def _local(name, rng, moving, time_s):
    side, _, part = name.partition("_")
    amplitude = {"toe": 0.0, "hip": 0.3, "knee": 0.4, "ankle": 0.0, "hand": 0.0}.get(part, 0.25)
    axis = rng.normal(size=3) if part not in ("hip", "knee") else np.array([0.0, 1.0, 0.0])
    swing = Rotation.from_rotvec(
        np.outer(amplitude * moving * np.sin(2.0 * time_s + rng.uniform(0, 6)), axis / np.linalg.norm(axis))
    )
    if part == "shoulder":  # the arms hang
        return swing * Rotation.from_euler("x", -np.pi / 2 if side == "left" else np.pi / 2)
    return swing


_Y_UP = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])  # x left, y up, z ahead: what most programs write
_Z_UP = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # x left, y back, z up
FILE_FROM_WORLD = {"y": _Y_UP, "z": _Z_UP}


def _local_axes(rest, name, file_from_world):
    """Constant rotation of a joint's own axes against the world's, in a T-pose."""
    side, _, part = name.partition("_")
    t_pose = Rotation.from_matrix(file_from_world.T)
    if rest == "hanging" and part in ("shoulder", "elbow", "wrist", "hand"):
        return Rotation.from_euler("x", np.pi / 2 if side == "left" else -np.pi / 2) * t_pose
    if rest == "line":  # every bone along its own x axis
        child = next((offset for parent, offset in SKELETON.values() if parent == name), (1.0, 0.0, 0.0))
        return Rotation.align_vectors([child], [[1.0, 0.0, 0.0]])[0]
    return t_pose


def bvh_text(moved, names, *, up="y", unit_m=0.01, rest="t", order="ZXY", all_positions=False, ends=True):
    """The text of a BVH file.

    Args:
        moved: a person.
        names: of the joints; joints without a name are left out, their rotations with them.
        rest: the rest pose: "t", "hanging" or "line".
        all_positions: every joint has position channels.
        ends: limbs have an End Site.
    """
    file_from_world = FILE_FROM_WORLD[up]
    into_file = Rotation.from_matrix(file_from_world)
    kept = [name for name in SKELETON if name in names]
    parent_of = {name: _kept_parent(name, names) for name in kept}
    turned = {name: into_file * moved.rotation[name] * _local_axes(rest, name, file_from_world) for name in kept}
    columns, lines = [], ["HIERARCHY"]

    def write(name, depth):
        pad, parent = "\t" * depth, parent_of[name]
        offset = np.zeros(3)
        if parent:
            offset = (
                turned[parent].inv().apply(file_from_world.dot((moved.position[name] - moved.position[parent]).T).T)[0]
            )
        has_positions = parent is None or all_positions
        channels = (["Xposition", "Yposition", "Zposition"] if has_positions else []) + [
            f"{axis}rotation" for axis in order
        ]
        lines.extend([f"{pad}{'JOINT' if parent else 'ROOT'} {names[name]}", f"{pad}{{"])
        lines.append(f"{pad}\tOFFSET " + " ".join(f"{value / unit_m:.8f}" for value in offset))
        lines.append(f"{pad}\tCHANNELS {len(channels)} {' '.join(channels)}")
        if has_positions:
            steps = moved.position[name] @ file_from_world.T if not parent else np.tile(offset, (len(turned[name]), 1))
            columns.append(steps / unit_m)
        own = turned[parent].inv() * turned[name] if parent else turned[name]
        columns.append(own.as_euler(order, degrees=True))
        children = [child for child in kept if parent_of[child] == name]
        for child in children:
            write(child, depth + 1)
        if not children and ends:
            lines.extend(
                [
                    f"{pad}\tEnd Site",
                    f"{pad}\t{{",
                    f"{pad}\t\tOFFSET {_end(name, turned, into_file, moved, unit_m)}",
                    f"{pad}\t}}",
                ]
            )
        lines.append(f"{pad}}}")

    write("pelvis", 0)
    rows = np.concatenate(columns, axis=1)
    lines += ["MOTION", f"Frames: {len(rows)}", f"Frame Time: {1.0 / RATE_HZ:.9f}"]
    lines += [" ".join(f"{value:.8f}" for value in row) for row in rows]
    return "\n".join(lines) + "\n"


def _kept_parent(name, names):
    parent = SKELETON[name][0]
    while parent is not None and parent not in names:
        parent = SKELETON[parent][0]
    return parent


def _end(name, turned, into_file, moved, unit_m):
    """Offset of the end of a limb: fingers end at twice the way to the palm, toes at 4/3 of that to the ball."""
    child = {"wrist": ("hand", 2.0), "ankle": ("toe", 4.0 / 3.0)}.get(name.partition("_")[2])
    vector = np.array([0.0, 0.0, 0.1])
    if child:
        tip = name.partition("_")[0] + "_" + child[0]
        vector = child[1] * (moved.position[tip] - moved.position[name])[0]
        vector = turned[name].inv().apply(into_file.apply(vector))[0]
    return " ".join(f"{value / unit_m:.8f}" for value in vector)


_CENTRE_ORDER = ("pelvis", "spine", "chest", "neck", "head")
_SIDE_ORDER = ("hip", "knee", "ankle", "toe", "collar", "shoulder", "elbow", "wrist", "hand")


def _names(centre, sided):
    """Names of the joints in the two orders above; `{S}` is Left or Right, `{L}` L or R, `{l}` l or r; `-` is none."""
    names = dict(zip(_CENTRE_ORDER, centre.split("|"), strict=True))
    for side in ("left", "right"):
        for part, pattern in zip(_SIDE_ORDER, sided.split("|"), strict=False):
            if pattern != "-":
                names[f"{side}_{part}"] = pattern.format(S=side.capitalize(), L=side[0].upper(), l=side[0])
    return names


_LIMBS = "{S}UpLeg|{S}Leg|{S}Foot|{S}ToeBase|{S}Shoulder|{S}Arm|{S}ForeArm|{S}Hand"
_JOINTS = "{S}Hip|{S}Knee|{S}Ankle|{S}Toe|{S}Collar|{S}Shoulder|{S}Elbow|{S}Wrist"
_SMPL = "{L}_Hip|{L}_Knee|{L}_Ankle|{L}_Foot|{L}_Collar|{L}_Shoulder|{L}_Elbow|{L}_Wrist|{L}_Hand"

CONVENTIONS = {
    "CMU": _names("Hips|LowerBack|Spine1|Neck|Head", _LIMBS),
    "Mixamo": _names(
        "mixamorig:Hips|mixamorig:Spine|mixamorig:Spine2|mixamorig:Neck|mixamorig:Head",
        "|".join(f"mixamorig:{name}" for name in _LIMBS.split("|")),
    ),
    "LAFAN1": _names("Hips|Spine|Spine2|Neck|Head", _LIMBS.replace("ToeBase", "Toe")),
    "Perception Neuron": _names("Hips|Spine|Spine3|Neck|Head", _LIMBS),
    "Xsens": _names("Hips|Chest|Chest4|Neck|Head", _JOINTS),
    "Xsens MVN": _names(
        "Pelvis|L5|T8|Neck|Head",
        "{S} Upper Leg|{S} Lower Leg|{S} Foot|{S} Toe|{S} Shoulder|{S} Upper Arm|{S} Forearm|{S} Hand",
    ),
    "Rokoko": _names(
        "Hips|Spine|Spine3|Neck|Head", "{S}Thigh|{S}Shin|{S}Foot|{S}Toe|{S}Shoulder|{S}Arm|{S}ForeArm|{S}Hand"
    ),
    "SMPL": _names("Pelvis|Spine1|Spine3|Neck|Head", _SMPL),
    "SMPL export": _names(
        "m_avg_Pelvis|m_avg_Spine1|m_avg_Spine3|m_avg_Neck|m_avg_Head",
        "|".join(f"m_avg_{name}" for name in _SMPL.split("|")),
    ),
    "HDM05 (ASF)": _names(
        "root|lowerback|thorax|lowerneck|head",
        "{l}femur|{l}tibia|{l}foot|{l}toes|{l}clavicle|{l}humerus|{l}radius|{l}wrist|{l}hand",
    ),
    "Vicon": _names("Hips|Chest|Chest2|Neck|Head", _JOINTS.replace("{S}Toe", "-")),
    "Biovision": _names(
        "Hips|Spine|Chest|Neck|Head", "{S}UpLeg|{S}LowLeg|{S}Foot|{S}Toe|{S}Collar|{S}UpArm|{S}LowArm|{S}Hand"
    ),
    "Daz": _names(
        "hip|abdomen|chest|neck|head", "{l}Thigh|{l}Shin|{l}Foot|{l}Toe|{l}Collar|{l}Shldr|{l}ForeArm|{l}Hand"
    ),
    "3ds Max": _names(
        "Bip01 Pelvis|Bip01 Spine|Bip01 Spine2|Bip01 Neck|Bip01 Head",
        "Bip01 {L} Thigh|Bip01 {L} Calf|Bip01 {L} Foot|Bip01 {L} Toe0"
        "|Bip01 {L} Clavicle|Bip01 {L} UpperArm|Bip01 {L} Forearm|Bip01 {L} Hand",
    ),
    "Unreal": _names(
        "pelvis|spine_01|spine_03|neck_01|head",
        "thigh_{l}|calf_{l}|foot_{l}|ball_{l}|clavicle_{l}|upperarm_{l}|lowerarm_{l}|hand_{l}",
    ),
    "Blender": _names(
        "hips|spine|chest|neck|head",
        "thigh.{L}|shin.{L}|foot.{L}|toe.{L}|shoulder.{L}|upper_arm.{L}|forearm.{L}|hand.{L}",
    ),
    "VRM": _names(
        "J_Bip_C_Hips|J_Bip_C_Spine|J_Bip_C_UpperChest|J_Bip_C_Neck|J_Bip_C_Head",
        "J_Bip_{L}_UpperLeg|J_Bip_{L}_LowerLeg|J_Bip_{L}_Foot|J_Bip_{L}_ToeBase"
        "|J_Bip_{L}_Shoulder|J_Bip_{L}_UpperArm|J_Bip_{L}_LowerArm|J_Bip_{L}_Hand",
    ),
    "SOMA": _names(
        "Hips|Spine1|Chest|Neck1|Head",
        "{S}Leg|{S}Shin|{S}Foot|{S}ToeBase|{S}Shoulder|{S}Arm|{S}ForeArm|{S}Hand",
    ),
}
