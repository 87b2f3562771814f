"""A body's controller of fakes that is driven step by step, and what can befall it."""

from dataclasses import replace

import numpy as np
from fakes import FakeRobot, FakeTracker, SteppedClock

from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import MOTOR_ORDER, pack
from hlm.core.values import Reference
from hlm.runtime.body_controller import BodyController
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.safety.watch import WatchConfig

STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))
STRETCHED = UNITREE_G1.default_rad.copy()
STRETCHED[[3, 9]] = 0.2
SAGGED = UNITREE_G1.default_rad + np.where(np.isin(np.arange(29), [3, 9]), 0.1, 0.0)
LYING = np.array([np.cos(0.6), 0.0, np.sin(0.6), 0.0])
CONFIG = SafetyConfig(
    arming_s=0.1,
    hold_s=0.3,
    stop_hold_s=0.1,
    crouch_s=0.4,
    max_reference_age_s=0.2,
    first_reference_s=0.6,
    watch=WatchConfig(lifted_s=0.05, disagreement_s=0.05),
)


class Driven:
    """A controller of fakes that is stepped at 100 Hz, and what it sends."""

    def __init__(self, config=CONFIG, **settings):
        self.clock, self.tracker, self.sent = SteppedClock(NS_PER_S), FakeTracker(), []
        self.robot = FakeRobot(self.clock)
        self.controller = BodyController(self.tracker, UNITREE_G1, config, **settings)
        self.measured = {}

    @property
    def state(self):
        return self.controller.status.state

    def read(self):
        """The robot's measurement, with what the test has it measure."""
        return replace(self.robot.read(), **self.measured)

    def arm(self):
        self.controller.reset(self.read, self.clock.now_ns())

    def step(self, times=1, *, referenced=False):
        for _ in range(times):
            if referenced:
                self.push()
            self.clock.wait_until(self.clock.now_ns() + 10_000_000)
            command = self.controller.step(self.read, self.clock.now_ns())
            self.sent.append(command)
            if command is not None:
                self.robot.command(command)

    def push(self, vector=STANDING):
        self.controller.push(Reference(self.clock.now_ns(), vector))

    def braking(self):
        last = self.sent[-1]
        return not (last.kp_nm_rad.any() or last.torque_nm.any()) and bool((last.kd_nm_s_rad > 0.0).all())


def running(driven):
    driven.arm()
    driven.step(12, referenced=True)


def push_nonsense(driven):
    driven.push(np.full(34, np.nan))


def stop_twice(driven):
    """The first stop was before the state that is looked at."""
    driven.controller._stopped = True
    driven.controller.stop("why")


def one(joint, value, others=np.nan):
    values = np.full(29, others)
    values[MOTOR_ORDER.index(joint)] = value
    return values
