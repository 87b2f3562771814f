"""Every way to stop a body that follows references, and how soon it answers."""

from collections.abc import Callable

import numpy as np
import pytest
from fakes_driven import CONFIG, LYING, STANDING, STRETCHED, Driven, one, push_nonsense, running, stop_twice

from hlm.core.body import BodyState
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1

# Every way to stop a body that follows references, and within how many control steps another command leaves.
STOPS: dict[str, tuple[Callable[[Driven], None], int]] = {
    "the operator's stop": (lambda driven: driven.controller.stop("why"), 1),
    "a second stop": (stop_twice, 1),
    "hold": (lambda driven: driven.controller.hold("why"), 1),
    "damp": (lambda driven: driven.controller.damp("why"), 1),
    "fault": (lambda driven: driven.controller.fail("why"), 1),
    "a reference that is not a number": (push_nonsense, 1),
    "no reference": (lambda driven: None, 21),
    "the cable": (lambda driven: setattr(driven.robot, "broken", ConnectionError("cable pulled")), 1),
    "tilt": (lambda driven: driven.measured.update(quat_world_from_pelvis_wxyz=LYING), 1),
    "flailing": (lambda driven: driven.measured.update(joint_velocity_rad_s=np.full(29, 20.0)), 1),
    "lifted": (lambda driven: driven.measured.update(joint_position_rad=STRETCHED), 6),
    "hot": (lambda driven: driven.measured.update(motor_temperature_c=one("left_knee", 91.0)), 1),
    "a motor's fault": (lambda driven: driven.measured.update(motor_fault=one("left_knee", 4.0)), 1),
    "a clock that goes back": (lambda driven: setattr(driven.clock, "_now_ns", driven.clock.now_ns() - NS_PER_S), 1),
}


@pytest.mark.parametrize("way", STOPS)
def test_each_way_to_stop_is_answered_within_its_number_of_control_steps(way):
    stop, bound = STOPS[way]
    driven = Driven()
    running(driven)
    stop(driven)
    steps = 0
    while driven.state is BodyState.RUNNING or not steps:
        driven.step()
        steps += 1
    assert steps <= bound
    driven.push(STANDING + 0.3)
    driven.step(3)
    assert not driven.controller.status.tracking
    assert driven.controller.status.fault
    np.testing.assert_allclose(driven.sent[-1].joint_position_rad, UNITREE_G1.default_rad, atol=0.03)
    driven.measured.clear()
    driven.robot.broken = None
    driven.arm()
    assert driven.state is BodyState.ARMING


def test_a_stop_ends_in_braking_in_time_and_the_last_state_keeps_the_reason():
    driven, seen = Driven(), []
    running(driven)
    driven.controller.stop("the operator pressed a key")
    start_ns = driven.clock.now_ns()
    while not driven.controller.status.braking:
        driven.step(referenced=True)
        seen.append(driven.state)
    assert list(dict.fromkeys(seen)) == [BodyState.HOLDING, BodyState.CROUCHING, BodyState.DAMPING]
    assert (driven.clock.now_ns() - start_ns) / NS_PER_S <= CONFIG.stop_hold_s + CONFIG.crouch_s + 0.03
    assert driven.controller.status.fault == "the operator pressed a key"
