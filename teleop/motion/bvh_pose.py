"""Where the joints of a BVH file are, by forward kinematics."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError
from hlm.teleop.motion.bvh_file import BvhFile, BvhJoint


def joint_poses(bvh: BvhFile, wanted: set[int]) -> dict[int, tuple[FloatArray, FloatArray]]:
    """[time, 3] position and [time, 3, 3] orientation of joints, in the axes and the unit of the file.

    Orientations are the identity where every angle is zero: in the rest pose.

    Args:
        bvh: skeleton and motion.
        wanted: indices of joints; those between them and the root are added.

    Raises:
        CorruptError: channels that are no numbers.
    """
    if not np.all(np.isfinite(bvh.values)):
        frame = int(np.argmax(~np.isfinite(bvh.values).all(axis=1)))
        raise CorruptError(f"frame {frame + 1} has a number that is none; cut the motion before it, or fill the gap.")
    needed = _with_ancestors(bvh, wanted)
    poses: dict[int, tuple[FloatArray, FloatArray]] = {}
    for index, joint in enumerate(bvh.joints):
        if index in needed:
            values = bvh.values[:, joint.first_column : joint.first_column + len(joint.channels)]
            shift, turn = _translation(joint, values), _rotation(joint, values)
            if joint.parent < 0:
                poses[index] = shift, turn
            else:
                position, rotation = poses[joint.parent]
                poses[index] = position + np.einsum("tij,tj->ti", rotation, shift), rotation @ turn
    return poses


def rest_positions(bvh: BvhFile) -> FloatArray:
    """[joint, 3] where the joints are when every angle is zero, in the axes and the unit of the file."""
    positions = np.zeros((len(bvh.joints), 3))
    for index, joint in enumerate(bvh.joints):
        if joint.parent >= 0:
            positions[index] = positions[joint.parent] + joint.offset
    return positions


def _with_ancestors(bvh: BvhFile, wanted: set[int]) -> set[int]:
    needed = set()
    for start in wanted:
        index = start
        while index >= 0 and index not in needed:
            needed.add(index)
            index = bvh.joints[index].parent
    return needed


def _translation(joint: BvhJoint, values: FloatArray) -> FloatArray:
    """[time, 3] from the parent, in the parent's axes.

    Position channels of a joint replace its offset in most files, and are added to it in some; which, their size says.
    """
    shift = np.tile(joint.offset, (len(values), 1))
    columns = {"XYZ".index(name[0]): column for column, name in enumerate(joint.channels) if name.endswith("position")}
    if not columns:
        return shift
    axes, given = list(columns), values[:, list(columns.values())]
    middle, offset = np.median(given, axis=0), joint.offset[axes]
    is_added = joint.parent >= 0 and np.linalg.norm(middle) < np.linalg.norm(middle - offset)
    shift[:, axes] = given + offset if is_added else given
    return shift


def _rotation(joint: BvhJoint, values: FloatArray) -> FloatArray:
    """[time, 3, 3] against the parent; the first channel turns about the parent's axis, the next about a turned one."""
    columns = [column for column, name in enumerate(joint.channels) if name.endswith("rotation")]
    if not columns:
        return np.tile(np.eye(3), (len(values), 1, 1))
    order = "".join(joint.channels[column][0] for column in columns)
    return Rotation.from_euler(order, values[:, columns], degrees=True).as_matrix().reshape(-1, 3, 3)
