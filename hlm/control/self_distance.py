"""How far a robot's forearms and grippers are from its trunk, its legs and each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pinocchio as pin

from hlm.control.model import BASE_DOFS, BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Capsule, Gripper
from hlm.core.layout import JOINTS


class Gaps(NamedTuple):
    """Pairs of shapes that are near each other.

    Attributes:
        distance_m: [pair] negative where shapes overlap.
        gradient_m_rad: [pair, joint] of each distance.
    """

    distance_m: FloatArray
    gradient_m_rad: FloatArray


class SelfDistance:
    """Distances between the shapes of an embodiment's table: capsules of links, boxes of grippers.

    Upper arms, which overlap the shoulders, are left out, as in the simulator; grippers are taken as open.

    Args:
        model: the robot.
        legs: whether the distances of one leg from the other count too.
    """

    def __init__(self, model: BodyModel, *, legs: bool = False) -> None:
        self._model = model
        self._data = model.data()
        self._shapes = pin.GeometryModel()
        self._vector = pin.neutral(model.pin_model)
        embodiment = model.embodiment
        of_trunk = [one for one in embodiment.capsules if one.collision_group == "trunk"]
        trunk = [self._capsule(one) for one in of_trunk]
        arms = [
            [
                *(self._capsule(one) for one in embodiment.capsules if self._on_forearm(one, gripper)),
                *self._gripper(gripper),
            ]
            for gripper in embodiment.grippers
        ]
        pairs = [(part, other) for arm in arms for part in arm for other in trunk]
        pairs += [(left, right) for left in arms[0] for right in arms[1]]
        if legs:
            sides = [
                [shape for one, shape in zip(of_trunk, trunk, strict=True) if one.link.startswith(side)]
                for side in ("left", "right")
            ]
            pairs += [(left, right) for left in sides[0] for right in sides[1]]
        for pair in pairs:
            self._shapes.addCollisionPair(pin.CollisionPair(*pair))
        self._shape_data = self._shapes.createData()
        self._moves = self._moved_by_joints()

    def smallest_m(self, joint_position_rad: FloatArray) -> float:
        """The smallest distance at [29] joint angles; negative where shapes overlap."""
        self._compute(joint_position_rad)
        return min([result.min_distance for result in self._shape_data.distanceResults])

    def closest(self, joint_position_rad: FloatArray) -> tuple[str, str]:
        """The links of the two shapes that are closest at [29] joint angles."""
        self._compute(joint_position_rad)
        distances_m = [result.min_distance for result in self._shape_data.distanceResults]
        pair = self._shapes.collisionPairs[int(np.argmin(distances_m))]
        shapes = self._shapes.geometryObjects
        return shapes[pair.first].name.partition(":")[0], shapes[pair.second].name.partition(":")[0]

    def gaps(self, joint_position_rad: FloatArray, within_m: float) -> Gaps:
        """The pairs that are nearer than `within_m` at [29] joint angles, with the gradients of their distances."""
        self._compute(joint_position_rad)
        results = self._shape_data.distanceResults
        distances_m = np.array([result.min_distance for result in results])
        near = np.flatnonzero(distances_m < within_m).tolist()
        if not len(near):
            return Gaps(distances_m[near], np.zeros((0, JOINTS)))
        normals = np.array([results[number].normal for number in near])
        points_m = np.array([results[number].getNearestPoint1() for number in near])
        # The nearest points lie on one line along the normal, so that one wrench pushes both apart.
        x, y, z, along_x, along_y, along_z = *points_m.T, *normals.T
        moments = np.array([y * along_z - z * along_y, z * along_x - x * along_z, x * along_y - y * along_x])
        jacobian = pin.computeJointJacobians(self._model.pin_model, self._data, self._vector)[:, BASE_DOFS:]
        gradient = normals @ jacobian[:3] + moments.T @ jacobian[3:]
        return Gaps(distances_m[near], gradient * self._moves[near])

    def _moved_by_joints(self) -> FloatArray:
        """[pair, joint] 1 where a joint moves the second shape alone, -1 the first alone, 0 both or neither."""
        moves = np.zeros((len(self._shapes.collisionPairs), JOINTS))
        for row, pair in zip(moves, self._shapes.collisionPairs, strict=True):
            for sign, shape in ((-1.0, pair.first), (1.0, pair.second)):
                joint = self._shapes.geometryObjects[shape].parentJoint
                supports = np.array(list(self._model.pin_model.supports[joint])[2:], dtype=int)
                row[supports - 2] += sign
        return moves

    def _compute(self, joint_position_rad: FloatArray) -> None:
        self._vector[7:] = joint_position_rad
        pin.computeDistances(self._model.pin_model, self._data, self._shapes, self._shape_data, self._vector)

    def _on_forearm(self, capsule: Capsule, gripper: Gripper) -> bool:
        return capsule.collision_group == "forearm" and capsule.link.startswith(gripper.side)

    def _capsule(self, capsule: Capsule) -> int:
        """Index of the shape of a capsule, whose axis is z."""
        start_m, end_m = np.array(capsule.start_m), np.array(capsule.end_m)
        along_m = end_m - start_m
        length_m = float(np.linalg.norm(along_m))
        turn = pin.Quaternion.FromTwoVectors(np.array([0.0, 0.0, 1.0]), along_m).toRotationMatrix()
        return self._add(capsule.link, pin.coal.Capsule(capsule.radius_m, length_m), turn, 0.5 * (start_m + end_m))

    def _gripper(self, gripper: Gripper) -> tuple[int, int]:
        """Indices of the palm and of one box around both open fingers."""
        palm = pin.coal.Box(*(2.0 * np.array(gripper.palm_half_size_m)))
        half_m = np.array(gripper.finger_half_size_m)
        half_m[1] = 2.0 * half_m[1] + gripper.finger_stroke_m
        return (
            self._add(gripper.link, palm, np.eye(3), np.array(gripper.palm_center_m)),
            self._add(gripper.link, pin.coal.Box(*(2.0 * half_m)), np.eye(3), np.array(gripper.finger_center_m)),
        )

    def _add(self, link: str, shape: pin.coal.ShapeBase, turn: FloatArray, center_m: FloatArray) -> int:
        frame = self._model.pin_model.frames[self._model.frame(link)]
        name = f"{link}:{self._shapes.ngeoms}"
        placed = pin.GeometryObject(name, frame.parentJoint, pin.SE3(turn, center_m), shape)
        return int(self._shapes.addGeometryObject(placed))
