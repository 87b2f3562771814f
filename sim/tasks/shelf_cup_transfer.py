"""Shelf cup transfer: squat to a low shelf, pick the cup that the instruction names out of two, place it high.

The robot stands free before two shelves side by side. The low one is out of reach for a standing G1: it must squat
and bend. Grasping is friction alone. One step is scored after the other; taking the other cup is a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import mujoco
import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.unitree_g1 import UNITREE_G1
from hlm.sim.cameras import rendering_options
from hlm.sim.g1 import add_robot, add_spectator
from hlm.sim.robot import SimulatedRobot
from hlm.sim.tasks.objects import FreeObject, add_board, add_cylinder, add_floor, add_mat
from hlm.sim.tasks.task import Instance, Progress
from hlm.sim.world import World, physics_options

LOW_SHELF_M, HIGH_SHELF_M = 0.48, 0.82
CUP_RADIUS_M, CUP_HALF_HEIGHT_M, CUP_MASS_KG = 0.033, 0.06, 0.25
MAT_HALF_M = 0.07
CUPS = ("red", "blue")
LIFT_M = 0.03
REACH_M = 0.06
HOLD_S = 0.5

# Where things are drawn, relative to the middle between the feet: x ahead, y to the left.
_CUP_AREA_M = ((0.34, -0.36), (0.40, -0.14))
_MAT_AREA_M = ((0.35, -0.01), (0.40, 0.06))
_CUP_SPACING_M = 0.125

# Gripper in front of the chest and behind the shelves' front edge, fingers ahead; the left arm stays out of the way.
_RIGHT_ARM_HOME_RAD = (0.843, -0.335, -0.094, -0.588, 0.396, -0.231, 0.115)
_LEFT_ARM_HOME_RAD = (0.55, 0.25, 0.0, 0.45, 0.0, 0.0, 0.0)


def home_rad() -> FloatArray:
    """[29] joint angles in which an episode starts."""
    joints = np.array(UNITREE_G1.default_rad)
    joints[15:22] = _LEFT_ARM_HOME_RAD
    joints[22:29] = _RIGHT_ARM_HOME_RAD
    return joints


@cache
def _model() -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    physics_options(spec)
    rendering_options(spec, 480, 640)
    add_floor(spec)
    add_robot(spec, UNITREE_G1)
    shelves = spec.worldbody.add_body(name="shelves")
    add_board(shelves, (0.43, -0.255, LOW_SHELF_M - 0.01), (0.15, 0.205, 0.01))
    add_board(shelves, (0.43, 0.07, HIGH_SHELF_M - 0.01), (0.15, 0.15, 0.01))
    for x, y, top in ((0.56, -0.44, LOW_SHELF_M), (0.56, -0.06, HIGH_SHELF_M), (0.56, 0.20, HIGH_SHELF_M)):
        add_board(shelves, (x, y, top / 2 - 0.01), (0.015, 0.015, top / 2 - 0.01))
    add_mat(spec, "mat", MAT_HALF_M)
    for cup in CUPS:
        add_cylinder(spec, cup, cup, (CUP_RADIUS_M, CUP_HALF_HEIGHT_M), CUP_MASS_KG)
    add_spectator(spec, position_m=(1.25, -1.5, 1.25), target_m=(0.15, -0.05, 0.62))
    return spec.compile()


class ShelfCupTransfer:
    """The task in a world of its own; implements `hlm.sim.tasks.task.Task`."""

    name: str = "shelf_cup_transfer"
    stages: tuple[str, ...] = ("reach", "grasp", "lift", "raise", "place")
    time_limit_s: float = 20.0

    def __init__(self) -> None:
        self.world = World(_model())
        self.robot = SimulatedRobot(self.world, UNITREE_G1)
        self.cups = tuple(FreeObject(self.world, cup) for cup in CUPS)
        model = self.world.model
        self._fingers = tuple(int(model.geom(f"right_finger_{side}").id) for side in ("left", "right"))
        self._grip = int(model.site("right_grip").id)
        self._instance = Instance(seed=0, candidates=tuple(_instruction(cup) for cup in CUPS), candidate=0)
        self._progress = Progress()
        self._placed_since_ns: int | None = None

    def reset(self, seed: int) -> Instance:
        """Draw cups, mat, start pose and which cup; seeds 2 k and 2 k + 1 share all but the cup that is asked for."""
        layout = np.random.default_rng([seed // 2, 0])
        self.world.reset()
        self._place_things(layout)
        self._place_robot(layout)
        self.world.forward()
        self._instance = Instance(seed=seed, candidates=self._instance.candidates, candidate=seed % 2, scene=seed // 2)
        self._progress = Progress()
        self._placed_since_ns = None
        return self._instance

    def _place_things(self, rng: np.random.Generator) -> None:
        while True:
            spots = rng.uniform(*_CUP_AREA_M, size=(len(CUPS), 2))
            if abs(spots[0, 1] - spots[1, 1]) > _CUP_SPACING_M:
                break
        for cup, spot in zip(self.cups, spots, strict=True):
            cup.place(np.array([*spot, LOW_SHELF_M + CUP_HALF_HEIGHT_M]), float(rng.uniform(-np.pi, np.pi)))
        self.world.data.mocap_pos[0] = [*rng.uniform(*_MAT_AREA_M), HIGH_SHELF_M + 0.001]

    def _place_robot(self, rng: np.random.Generator) -> None:
        joints = home_rad()
        joints[22:29] += rng.normal(0.0, 0.03, size=7)
        self.robot.place(np.array([0.0, 0.0, UNITREE_G1.standing_height_m]), np.array([1.0, 0.0, 0.0, 0.0]), joints)
        self.world.forward()
        soles = [self.world.data.body(link) for link in UNITREE_G1.sole_links]
        corners = np.array(UNITREE_G1.sole_corners_m)
        lowest = min((sole.xpos + corners @ sole.xmat.reshape(3, 3).T)[:, 2].min() for sole in soles)
        middle = np.mean([sole.xpos for sole in soles], axis=0)
        start = [-middle[0] + 0.04, -middle[1], UNITREE_G1.standing_height_m - lowest]
        self.robot.place(np.array(start), np.array([1.0, 0.0, 0.0, 0.0]), joints)

    @property
    def target(self) -> FreeObject:
        """The cup that the instruction names."""
        return self.cups[self._instance.candidate]

    @property
    def mat_m(self) -> FloatArray:
        """[3] centre of the mat in the world."""
        return np.array(self.world.data.mocap_pos[0])

    @property
    def pose_world_from_grip(self) -> FloatArray:
        """[4, 4] true pose of the right grip point."""
        pose = np.eye(4)
        pose[:3, 3] = self.world.data.site_xpos[self._grip]
        pose[:3, :3] = self.world.data.site_xmat[self._grip].reshape(3, 3)
        return pose

    def update(self) -> Progress:
        """Look at the world now; stages are reached in order and stay reached."""
        before = self._progress
        stage = before.stage
        while stage < len(self.stages) and self._reached(self.stages[stage]):
            stage += 1
        wrong = before.wrong_object or any(self._lifted(cup) for cup in self.cups if cup is not self.target)
        fell = before.fell or self.robot.pelvis_height_m() < 0.35 or self.robot.upright() < 0.6
        placed = stage == len(self.stages) and self._on_mat()
        self._progress = Progress(stage=stage, success=placed and not (wrong or fell), wrong_object=wrong, fell=fell)
        return self._progress

    def _reached(self, stage: str) -> bool:
        height_m = self.target.position_m[2] - CUP_HALF_HEIGHT_M
        match stage:
            case "reach":
                return float(np.linalg.norm(self.target.position_m - self.pose_world_from_grip[:3, 3])) < REACH_M
            case "grasp":
                return self._held(self.target)
            case "lift":
                return self._held(self.target) and height_m > LOW_SHELF_M + LIFT_M
            case "raise":
                return self._held(self.target) and height_m > HIGH_SHELF_M
            case _:
                return self._rests_on_mat()

    def _held(self, cup: FreeObject) -> bool:
        return len(cup.touched_by(self._fingers)) == len(self._fingers)

    def _lifted(self, cup: FreeObject) -> bool:
        return self._held(cup) and bool(cup.position_m[2] - CUP_HALF_HEIGHT_M > LOW_SHELF_M + LIFT_M)

    def _on_mat(self) -> bool:
        offset_m = self.target.position_m - self.mat_m
        level = abs(offset_m[2] - CUP_HALF_HEIGHT_M) < 0.01 and self.target.upright > 0.95
        return bool(level and np.abs(offset_m[:2]).max() < MAT_HALF_M)

    def _rests_on_mat(self) -> bool:
        """Upright on the mat, let go and still for half a second."""
        still = self._on_mat() and not self.target.touched_by(self._fingers) and self.target.speed_m_s < 0.05
        now_ns = self.world.now_ns()
        if not still:
            self._placed_since_ns = None
        elif self._placed_since_ns is None:
            self._placed_since_ns = now_ns
        return self._placed_since_ns is not None and (now_ns - self._placed_since_ns) * 1e-9 >= HOLD_S

    def labels(self) -> Mapping[str, FloatArray]:
        """Where the cups and the mat are, seen from the right hand.

        Returns:
            `candidate_in_hand_m` [candidate, 3] and `goal_in_hand_m` [3], in the frame of the right grip.
        """
        pose = self.pose_world_from_grip
        points = np.array([*(cup.position_m for cup in self.cups), self.mat_m])
        in_hand = (points - pose[:3, 3]) @ pose[:3, :3]
        return {"candidate_in_hand_m": in_hand[:-1], "goal_in_hand_m": in_hand[-1]}


def _instruction(cup: str) -> str:
    return f"put the {cup} cup on the high shelf"
