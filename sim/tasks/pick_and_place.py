"""What tasks share in which the right hand puts one of several objects onto a mat.

The instruction names the object. Stages are scored in their order; lifting another object or falling is a failure,
whatever comes after. A task adds its scene and the stages that are its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.task import Progress, TaskInstance
from hlm.sim.hand import RightHand
from hlm.sim.objects import FreeObject
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import World

LIFT_M = 0.03
REACH_M = 0.06
HOLD_S = 0.5
_LOWEST_PELVIS_M, _LEAST_UPRIGHT = 0.35, 0.6
_SLOW_M_S = 0.05

type Area = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pieces:
    """The objects and the mat of a scene.

    Attributes:
        names: of the objects' bodies, and what distinguishes them in instructions.
        instruction: with `{}` in the place of the name.
        half_height_m: of the objects.
        support_m: height of what they stand on at the start.
        mat_support_m: height of what the mat lies on.
        mat_half_m: half length of the mat's sides.
        object_area_m: x and y of the corners of the area that the objects are drawn in.
        spacing_m: least distance of two objects in y.
        mat_area_m: the same for the mat's centre.
    """

    names: tuple[str, ...]
    instruction: str
    half_height_m: float
    support_m: float
    mat_support_m: float
    mat_half_m: float
    object_area_m: Area
    spacing_m: float
    mat_area_m: Area


class PickAndPlace(ABC):
    """A task in a world of its own; implements `hlm.core.task.Task`.

    Args:
        model: of the scene, with a robot, the objects, and the mat as its only mocap body.
        pieces: the objects and the mat.
    """

    name: str
    stages: tuple[str, ...]
    time_limit_s: float

    def __init__(self, model: mujoco.MjModel, pieces: Pieces) -> None:
        self.world = World(model)
        self.robot = SimulatedRobot(self.world, UNITREE_G1)
        self.hand = RightHand(self.world)
        self.objects = tuple(FreeObject(self.world, name) for name in pieces.names)
        self._pieces = pieces
        instructions = tuple(pieces.instruction.format(name) for name in pieces.names)
        self._instance = TaskInstance(seed=0, candidates=instructions, candidate=0)
        self._progress = Progress()
        self._placed_since_ns: int | None = None

    def reset(self, seed: int) -> TaskInstance:
        """Draw the scene; seeds n k to n k + n - 1 share all but which of the n objects is asked for."""
        scene, candidate = divmod(seed, len(self.objects))
        self.world.reset()
        rng = np.random.default_rng([scene, 0])
        self._draw_pieces(rng)
        self._draw_robot(rng)
        self.world.forward()
        self._instance = TaskInstance(seed=seed, candidates=self._instance.candidates, candidate=candidate, scene=scene)
        self._progress = Progress()
        self._placed_since_ns = None
        return self._instance

    def _draw_pieces(self, rng: np.random.Generator) -> None:
        pieces = self._pieces
        while True:
            spots = rng.uniform(*pieces.object_area_m, size=(len(self.objects), 2))
            if np.diff(np.sort(spots[:, 1])).min() > pieces.spacing_m:
                break
        for thing, spot in zip(self.objects, spots, strict=True):
            center_m = np.array([*spot, pieces.support_m + pieces.half_height_m])
            thing.place(center_m, float(rng.uniform(-np.pi, np.pi)))
        x_m, y_m = rng.uniform(*pieces.mat_area_m)
        self.world.data.mocap_pos[0] = [x_m, y_m, pieces.mat_support_m + 0.001]

    @abstractmethod
    def _draw_robot(self, rng: np.random.Generator) -> None:
        """Place the robot."""

    @property
    def target(self) -> FreeObject:
        """The object that the instruction names."""
        return self.objects[self._instance.candidate]

    @property
    def mat_m(self) -> FloatArray:
        """[3] centre of the mat in the world."""
        return np.array(self.world.data.mocap_pos[0])

    def update(self) -> Progress:
        """Look at the world now; stages are reached in order and stay reached."""
        before = self._progress
        stage = before.stage
        while stage < len(self.stages) and self._reached(self.stages[stage]):
            stage += 1
        wrong = before.wrong_object or any(self._lifted(thing) for thing in self.objects if thing is not self.target)
        fell = before.fell or self._down()
        placed = stage == len(self.stages) and self._on_mat()
        self._progress = Progress(stage=stage, success=placed and not (wrong or fell), wrong_object=wrong, fell=fell)
        return self._progress

    def _reached(self, stage: str) -> bool:
        """Whether the world is now as a stage of this name wants it; a task answers for those of its own."""
        match stage:
            case "reach":
                grip_m = self.hand.pose_world_from_grip[:3, 3]
                return float(np.linalg.norm(self.target.position_m - grip_m)) < REACH_M
            case "grasp":
                return self.hand.holds(self.target)
            case "lift":
                return self._lifted(self.target)
            case "place":
                return self._rests_on_mat()
            case _:
                raise NotImplementedError(f"task '{self.name}' does not say when stage '{stage}' is reached")

    def _bottom_m(self, thing: FreeObject) -> float:
        """Height of an upright object's bottom."""
        return float(thing.position_m[2] - self._pieces.half_height_m)

    def _lifted(self, thing: FreeObject) -> bool:
        return self.hand.holds(thing) and self._bottom_m(thing) > self._pieces.support_m + LIFT_M

    def _down(self) -> bool:
        return self.robot.pelvis_height_m() < _LOWEST_PELVIS_M or self.robot.upright() < _LEAST_UPRIGHT

    def _on_mat(self) -> bool:
        offset_m = self.target.position_m - self.mat_m
        level = abs(offset_m[2] - self._pieces.half_height_m) < 0.01 and self.target.upright > 0.95
        return bool(level and np.abs(offset_m[:2]).max() < self._pieces.mat_half_m)

    def _rests_on_mat(self) -> bool:
        """Upright on the mat, let go and still for half a second."""
        still = self._on_mat() and not self.hand.touches(self.target) and self.target.speed_m_s < _SLOW_M_S
        now_ns = self.world.now_ns()
        if not still:
            self._placed_since_ns = None
        elif self._placed_since_ns is None:
            self._placed_since_ns = now_ns
        return self._placed_since_ns is not None and (now_ns - self._placed_since_ns) * 1e-9 >= HOLD_S

    def privileged(self) -> Mapping[str, FloatArray]:
        """Where the objects and the mat are, seen from the right hand.

        Returns:
            `candidate_in_hand_m` [candidate, 3] and `goal_in_hand_m` [3], in the frame of the right grip.
        """
        in_hand = self.hand.seen_from(np.array([*(thing.position_m for thing in self.objects), self.mat_m]))
        return {"candidate_in_hand_m": in_hand[:-1], "goal_in_hand_m": in_hand[-1]}
