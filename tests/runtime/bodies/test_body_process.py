"""Control steps of a body's process, without the process."""

import os
import signal
from functools import partial

import pytest
from fakes import FakeRobot, SteppedClock
from fakes_realtime import QUICK, StiffTracker, Strings, fake_robot

from hlm.core.body import BodyState
from hlm.core.clock import MonotonicClock, Tick
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.records import dtype_of
from hlm.core.shared_ring import SharedRing
from hlm.core.values import Reference
from hlm.runtime.bodies.body_process import BodyLines, BodyProcessConfig, BodyStepper
from hlm.runtime.bodies.body_records import ORDER, REPORT, Order, order_record
from hlm.runtime.bodies.process_body import RealtimeBodyConfig
from hlm.runtime.bodies.realtime import RealtimeBody
from hlm.runtime.body_controller import BodyController

CONFIG = RealtimeBodyConfig(process=BodyProcessConfig(safety=QUICK))


class Stepped:
    """A body that is stepped by hand."""

    def __init__(self):
        self.clock = SteppedClock()
        self.lines = BodyLines(SharedRing(ORDER, 4), SharedRing(dtype_of(Reference), 4), SharedRing(REPORT, 4))
        self.controller = BodyController(StiffTracker(), UNITREE_G1, QUICK)
        self.robot = FakeRobot(self.clock).__enter__()
        self.stepper = BodyStepper(self.robot, self.controller, self.lines)
        self.slot = 0

    def order(self, order, why=""):
        self.lines.orders.append(order_record(order, 0, why))

    def step(self):
        self.clock.wait_until(self.clock.now_ns() + 10_000_000)
        now_ns = self.clock.now_ns()
        self.slot += 1
        self.stepper.step(Tick(self.slot, now_ns, 0), now_ns, self.clock)


@pytest.fixture
def stepped():
    return Stepped()


def test_a_body_that_is_to_end_cannot_be_armed_any_more(stepped):
    stepped.step()
    stepped.stepper.come_to_rest("the program that started the body is gone")
    stepped.order(Order.ARM)  # the last that it said
    stepped.step()
    assert stepped.controller.status.state is BodyState.DISARMED
    assert stepped.stepper.at_rest
    assert not stepped.robot.commands


def test_a_robot_that_hangs_is_armed_like_one_that_stands(stepped):
    stepped.order(Order.HANG)
    stepped.step()
    assert stepped.controller.status.state is BodyState.HANGING
    assert stepped.robot.commands
    stepped.order(Order.ARM)  # its feet do that
    stepped.step()
    assert stepped.controller.status.state is BodyState.HANGING
    stepped.stepper.come_to_rest("the body was told to end")
    stepped.order(Order.HANG)
    stepped.step()
    assert stepped.controller.status.state is BodyState.DAMPING


def test_a_signal_to_all_processes_is_one_stop(stepped):
    stepped.order(Order.ARM)
    stepped.step()
    stepped.stepper.come_to_rest("the body was told to end")
    stepped.step()
    stepped.order(Order.STOP, "it was told to end (SIGTERM)")  # the main process got the signal, too
    stepped.step()
    assert stepped.controller.status.state is BodyState.HOLDING
    stepped.order(Order.STOP, "the operator stopped it (key)")
    stepped.step()
    assert stepped.controller.status.state is BodyState.DAMPING


def test_a_body_that_nobody_armed_is_at_rest_whatever_it_was_told(stepped):
    for order in (Order.HOLD, Order.STOP, Order.DAMP):
        stepped.order(order, "why")
        stepped.step()
    assert stepped.stepper.at_rest
    assert not stepped.robot.commands


def test_orders_that_are_lost_stop_the_body(stepped):
    stepped.order(Order.ARM)
    stepped.step()
    assert stepped.controller.status.tracking
    for _ in range(6):
        stepped.order(Order.HOLD, "again")
    stepped.step()
    assert stepped.controller.status.fault == "2 orders to the body came to nothing"


def test_nobody_brakes_a_robot_that_nobody_armed():
    strings = Strings.make()
    with RealtimeBody(partial(fake_robot, strings), StiffTracker, UNITREE_G1, CONFIG) as body:
        body.hold("a camera is gone")
        clock = MonotonicClock()
        until_ns = clock.now_ns() + 20_000_000_000
        while body.report is None or body.report.orders == 0:
            assert clock.now_ns() < until_ns
            clock.wait_until(clock.now_ns() + 1_000_000)
        os.kill(body.pids[0], signal.SIGKILL)
    assert strings.commands.written == 0
