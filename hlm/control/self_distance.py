"""How far a robot's forearms and grippers are from its trunk, its legs and each other."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Capsule, Gripper


class SelfDistance:
    """Distances between the shapes of an embodiment's table: capsules of links, boxes of grippers.

    Upper arms, which overlap the shoulders, are left out, as in the simulator; grippers are taken as open.

    Args:
        model: the robot.
    """

    def __init__(self, model: BodyModel) -> None:
        self._model = model
        self._data = model.data()
        self._shapes = pin.GeometryModel()
        self._vector = pin.neutral(model.pin_model)
        embodiment = model.embodiment
        trunk = [self._capsule(one) for one in embodiment.capsules if one.collision_group == "trunk"]
        arms = [
            [
                *(self._capsule(one) for one in embodiment.capsules if self._on_forearm(one, gripper)),
                *self._gripper(gripper),
            ]
            for gripper in embodiment.grippers
        ]
        pairs = [(part, other) for arm in arms for part in arm for other in trunk]
        pairs += [(left, right) for left in arms[0] for right in arms[1]]
        for pair in pairs:
            self._shapes.addCollisionPair(pin.CollisionPair(*pair))
        self._shape_data = self._shapes.createData()

    def smallest_m(self, joint_position_rad: FloatArray) -> float:
        """The smallest distance at [29] joint angles; negative where shapes overlap."""
        self._compute(joint_position_rad)
        return min(result.min_distance for result in self._shape_data.distanceResults)

    def closest(self, joint_position_rad: FloatArray) -> tuple[str, str]:
        """The links of the two shapes that are closest at [29] joint angles."""
        self._compute(joint_position_rad)
        distances_m = [result.min_distance for result in self._shape_data.distanceResults]
        pair = self._shapes.collisionPairs[int(np.argmin(distances_m))]
        shapes = self._shapes.geometryObjects
        return shapes[pair.first].name.partition(":")[0], shapes[pair.second].name.partition(":")[0]

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
