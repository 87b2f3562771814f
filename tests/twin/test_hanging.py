"""A robot on a rope that is let down: the body takes over when its feet carry it, and not otherwise."""

import numpy as np
import pytest
from fakes_unitree import FloorTask

from hlm.control.model import BodyModel
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.body import BodyState
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import pack
from hlm.core.values import Reference
from hlm.runtime.body_controller import BodyController
from hlm.sim.world import TIME_STEP_NS
from hlm.twin.rope import HOOK_M, Rope

STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))
CONTROL_STEPS, REFERENCE_STEPS = 5, 15


class Crane:
    """The robot on a rope, in simulated time."""

    def __init__(self, aside_m=0.0):
        self.task = FloorTask()
        self.task.reset(0)
        self.robot, self.world = self.task.robot, self.task.world
        self.controller = BodyController(WholeBodyTracker(UNITREE_G1), UNITREE_G1)
        self.hook_m = HOOK_M + np.array([aside_m, 0.0, 0.0])
        self.rope = Rope(self.robot.torso_point_m(self.hook_m))
        self.controller.hang(self.robot.read, self.world.now_ns())
        self.states, self.steps = [], 0

    def run(self, seconds, lowered_m):
        with self.robot:
            for _ in range(round(seconds * NS_PER_S / TIME_STEP_NS)):
                if self.steps % CONTROL_STEPS == 0:
                    self.control()
                hook_m = self.robot.torso_point_m(self.hook_m)
                self.pull_n = self.rope.pull(hook_m, TIME_STEP_NS / NS_PER_S, lowered_m)
                self.robot.pull(self.hook_m, self.pull_n)
                self.world.step()
                self.steps += 1

    def control(self):
        now_ns = self.world.now_ns()
        if self.controller.status.tracking and self.steps % REFERENCE_STEPS == 0:
            self.controller.push(Reference(now_ns, STANDING))
        self.robot.command(self.controller.step(self.robot.read, now_ns))
        if self.controller.status.state not in self.states[-1:]:
            self.states.append(self.controller.status.state)


def test_a_robot_that_is_let_down_stands_by_itself():
    crane = Crane(-0.03)
    crane.run(4.0, 0.0)
    assert crane.robot.pelvis_height_m() > 0.8
    assert crane.pull_n[2] == pytest.approx(BodyModel(UNITREE_G1).mass_kg * 9.81, rel=0.1)
    crane.run(7.0, 0.25)
    assert crane.states == [BodyState.HANGING, BodyState.ARMING, BodyState.RUNNING]
    assert not crane.pull_n.any()
    assert crane.robot.pelvis_height_m() == pytest.approx(UNITREE_G1.standing_height_m, abs=0.01)
    assert crane.robot.pelvis_uprightness() > 0.999


def test_a_robot_whose_feet_come_down_beside_its_centre_of_mass_goes_on_hanging():
    crane = Crane(0.08)
    crane.run(9.0, 0.15)
    assert crane.states == [BodyState.HANGING]
    assert crane.pull_n[2] > 50.0


def test_a_stop_in_the_air_brakes():
    crane = Crane()
    crane.run(3.0, 0.0)
    crane.controller.stop("a test")
    crane.run(0.1, 0.0)
    assert crane.controller.status.state is BodyState.DAMPING
