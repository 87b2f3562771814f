"""An episode that begins with a robot that hangs, on a body of fakes."""

import numpy as np
import pytest
from fakes import FakeCameras, ListSource, SteppedClock

from hlm.core.body import BodyState, BodyStatus
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import WorkerDiedError
from hlm.core.task import TaskInstance
from hlm.core.values import RobotState
from hlm.runtime.deployment import Deployment, Ended
from hlm.runtime.station import Station

LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
CARRIED_S = 2.0


class HangingBody:
    """Hangs until it is let down, and does as it is told."""

    def __init__(self, clock):
        self.clock, self.state, self.fault, self.events = clock, BodyState.DISARMED, "", []

    @property
    def status(self):
        if self.state is BodyState.HANGING and self.clock.now_ns() >= CARRIED_S * NS_PER_S:
            self.state = BodyState.ARMING
        return BodyStatus(self.state, self.fault)

    def hang(self):
        self.events.append("hang")
        self.state = BodyState.HANGING

    def reset(self):
        self.events.append(("reset", self.clock.now_ns()))
        self.state = BodyState.ARMING

    def read(self):
        return RobotState(self.clock.now_ns(), UNITREE_G1.default_rad, np.zeros(29), LEVEL, np.zeros(3))

    def push(self, reference):
        self.events.append("push")

    def advance(self, until_ns):
        self.clock.wait_until(until_ns)

    def stop(self, why):
        self.events.append("stop")
        self.state, self.fault = BodyState.DAMPING, why

    hold = stop


class Stops:
    count, why = 0, ""


@pytest.fixture
def hung():
    return Hung()


class Hung:
    def __init__(self):
        self.clock, self.stops, self.trouble, self.shown = SteppedClock(), Stops(), "", []
        self.body = HangingBody(self.clock)
        station = Station(
            clock=self.clock,
            body=self.body,
            cameras=FakeCameras(self.clock),
            embodiment=UNITREE_G1,
            make_source=lambda instance: ListSource([]),
        )
        watches = {"policy": lambda: self.trouble}
        self.deployment = Deployment(
            station, TaskInstance(seed=0, candidates=("stand",), candidate=0), self.stops, watches
        )

    def run(self, after_s=None, do=lambda: None):
        def show(moment):
            self.shown.append(moment.status.state)
            if after_s is not None and moment.time_s >= after_s:
                do()

        return self.deployment.run(show, self.body.hang)


def test_the_episode_begins_once_feet_carry_the_robot(hung):
    outcome = hung.run()
    assert (outcome.ended, outcome.fault) == (Ended.DONE, "")
    assert hung.body.events[0] == "hang"
    name, reset_ns = hung.body.events[1]
    assert (name, reset_ns >= CARRIED_S * NS_PER_S) == ("reset", True)
    assert set(hung.shown) == {BodyState.HANGING}


def test_a_stop_in_the_air_is_one(hung):
    def stop():
        hung.stops.count, hung.stops.why = 1, "a key"

    outcome = hung.run(1.0, stop)
    assert (outcome.ended, outcome.fault) == (Ended.STOPPED, "a key")
    assert outcome.status.state is BodyState.DAMPING
    assert hung.body.events == ["hang", "stop"]


def test_what_is_lost_in_the_air_ends_it(hung):
    def lose():
        hung.trouble = "the policy process was killed by SIGKILL"

    outcome = hung.run(1.0, lose)
    assert (outcome.ended, outcome.fault) == (Ended.FAULT, hung.trouble)
    assert hung.body.events == ["hang", "stop"]


def test_a_body_that_fails_in_the_air_says_why(hung):
    def fail():
        hung.body.state, hung.body.fault = BodyState.FAULT, "the cable was pulled"

    outcome = hung.run(1.0, fail)
    assert (outcome.ended, outcome.fault) == (Ended.FAULT, "the cable was pulled")


def test_a_body_that_does_not_answer_is_a_fault_and_no_exception(hung):
    def hang():
        raise WorkerDiedError("the body process was killed by SIGKILL.")

    outcome = hung.deployment.run(lambda moment: None, hang)
    assert (outcome.ended, outcome.fault) == (Ended.FAULT, "the body process was killed by SIGKILL.")
