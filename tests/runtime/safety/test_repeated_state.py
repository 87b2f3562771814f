"""A robot that repeats its last measurement."""

from dataclasses import replace

import numpy as np

from hlm.core.body import BodyState
from hlm.core.values import RobotState
from hlm.runtime.safety.repeated_state import RepeatWatch

LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
STEP_NS = 10_000_000


def measured(step, gyroscope=0.0):
    return RobotState(step * STEP_NS, np.ones(29), np.zeros(29), LEVEL, np.full(3, gyroscope), np.ones(2))


def test_measurements_that_differ_by_one_bit_are_measurements():
    watch = RepeatWatch(0.1)
    assert not any(watch.fault(measured(step, np.nextafter(0.0, step % 2))) for step in range(50))


def test_one_that_repeats_itself_is_none_although_its_stamps_go_on():
    watch = RepeatWatch(0.1)
    faults = [watch.fault(measured(step)) for step in range(20)]
    assert not any(faults[:11])
    assert all(faults[11:])
    assert faults[11] == "the robot repeats the same measurement for 0.110 s, longer than 0.1 s"
    assert not watch.fault(measured(20, 0.1))


def test_the_same_measurement_read_twice_is_no_repetition_and_a_reset_begins_anew():
    watch = RepeatWatch(0.1)
    assert not any(watch.fault(measured(0)) for _ in range(50))
    watch.fault(measured(10))
    watch.reset()
    assert not watch.fault(measured(20))


def test_the_body_brakes(make_rig):
    rig = make_rig()
    with rig.body:
        rig.body.reset()
        rig.body.advance(STEP_NS * 5)
        assert rig.body.status.tracking
        stuck = rig.robot.read()
        rig.robot.read = lambda: replace(stuck, stamp_ns=rig.clock.now_ns())
        rig.body.advance(STEP_NS * 30)
        assert rig.body.status.state is BodyState.FAULT
        assert "repeats the same measurement" in rig.body.status.fault
