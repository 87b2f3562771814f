"""Instruction, stages and privileged quantities of pick-and-place tasks.

The instruction names one of the objects. Stages are scored in order; lifting another object or falling fails the
episode for good. A concrete task adds its scene and the stages of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.task import Progress, TaskInstance
from hlm.sim.free_body import FreeBody
from hlm.sim.pick_and_place.scene import PickAndPlaceScene

REACH_M = 0.06
LIFT_M = 0.03
SETTLE_S = 0.5
# Lower or more tilted than this, the robot has fallen.
_MIN_PELVIS_HEIGHT_M, _MIN_PELVIS_UPRIGHTNESS = 0.35, 0.6
_MAX_PLACED_SPEED_M_S = 0.05
_MAX_PLACED_HEIGHT_ERROR_M, _MIN_PLACED_UPRIGHTNESS = 0.01, 0.95


class PickAndPlaceTask:
    """Picking the named object and placing it on the mat; implements `hlm.sim.tasks.simulated_task.SimulatedTask`.

    Args:
        scene: the scene, which the task draws anew on each reset.
    """

    name: str
    stages: tuple[str, ...]
    time_limit_s: float

    def __init__(self, scene: PickAndPlaceScene) -> None:
        self.scene = scene
        self.world = scene.world
        self.robot = scene.robot
        self._layout = scene.layout
        self._instance = TaskInstance(seed=0, candidates=scene.layout.instructions, candidate=0)
        self._progress = Progress()
        self._placed_since_ns: int | None = None

    def reset(self, seed: int) -> TaskInstance:
        """Draw the scene; for n objects, seeds n k to n k + n - 1 share scene k and differ in the named object."""
        scene, candidate = divmod(seed, len(self.scene.objects))
        self.scene.sample(np.random.default_rng([scene, 0]))
        self._instance = TaskInstance(seed=seed, candidates=self._layout.instructions, candidate=candidate, scene=scene)
        self._progress = Progress()
        self._placed_since_ns = None
        return self._instance

    @property
    def target(self) -> FreeBody:
        """The object that the instruction names."""
        return self.scene.objects[self._instance.candidate]

    def update(self) -> Progress:
        """Evaluate the world now; stages are reached in order and stay reached."""
        before = self._progress
        stage = before.stage
        while stage < len(self.stages) and self._is_reached(self.stages[stage]):
            stage += 1
        others = (body for body in self.scene.objects if body is not self.target)
        wrong = before.wrong_object or any(self._is_lifted(body) for body in others)
        fell = before.fell or self._has_fallen()
        placed = stage == len(self.stages) and self._is_on_mat()
        self._progress = Progress(stage=stage, success=placed and not (wrong or fell), wrong_object=wrong, fell=fell)
        return self._progress

    def privileged(self) -> Mapping[str, FloatArray]:
        """Positions of the objects and the mat in the frame of the right grip.

        Returns:
            `candidate_in_hand_m` [candidate, 3] and `goal_in_hand_m` [3].
        """
        scene = self.scene
        positions_m = np.array([*(body.position_m for body in scene.objects), scene.mat_position_m])
        in_hand_m = scene.hand.points_in_grip_m(positions_m)
        return {"candidate_in_hand_m": in_hand_m[:-1], "goal_in_hand_m": in_hand_m[-1]}

    def operator_can_begin(self) -> bool:
        """Whether the scripted operator could do it from here: the right hand is free, and the named object stands."""
        free = not any(self.scene.hand.grasps(body) for body in self.scene.objects)
        return free and self.target.uprightness > _MIN_PLACED_UPRIGHTNESS

    def _is_reached(self, stage: str) -> bool:
        """Whether the condition of a stage holds now; a concrete task answers for the stages of its own."""
        match stage:
            case "reach":
                grip_m = self.scene.hand.pose_world_from_grip[:3, 3]
                return float(np.linalg.norm(self.target.position_m - grip_m)) < REACH_M
            case "grasp":
                return self.scene.hand.grasps(self.target)
            case "lift":
                return self._is_lifted(self.target)
            case "place":
                return self._is_placed()
            case _:
                raise NotImplementedError(f"task '{self.name}' does not define when stage '{stage}' is reached")

    def _bottom_m(self, body: FreeBody) -> float:
        """Height of the bottom of an upright object."""
        return float(body.position_m[2] - self._layout.object_half_height_m)

    def _is_lifted(self, body: FreeBody) -> bool:
        return self.scene.hand.grasps(body) and self._bottom_m(body) > self._layout.object_support_m + LIFT_M

    def _has_fallen(self) -> bool:
        robot = self.robot
        return robot.pelvis_height_m() < _MIN_PELVIS_HEIGHT_M or robot.pelvis_uprightness() < _MIN_PELVIS_UPRIGHTNESS

    def _is_on_mat(self) -> bool:
        offset_m = self.target.position_m - self.scene.mat_position_m
        height_error_m = abs(offset_m[2] - self._layout.object_half_height_m)
        stands = height_error_m < _MAX_PLACED_HEIGHT_ERROR_M and self.target.uprightness > _MIN_PLACED_UPRIGHTNESS
        return bool(stands and np.abs(offset_m[:2]).max() < self._layout.mat_half_size_m)

    def _is_placed(self) -> bool:
        """Whether the object has stood on the mat, released and still, for `SETTLE_S`."""
        target = self.target
        released = self._is_on_mat() and not self.scene.hand.touches(target)
        now_ns = self.world.now_ns()
        if not (released and target.speed_m_s < _MAX_PLACED_SPEED_M_S):
            self._placed_since_ns = None
        elif self._placed_since_ns is None:
            self._placed_since_ns = now_ns
        return self._placed_since_ns is not None and (now_ns - self._placed_since_ns) * 1e-9 >= SETTLE_S
