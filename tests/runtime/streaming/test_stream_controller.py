"""States of a body that streams frames: what begins, ends and takes over a stream."""

from dataclasses import replace

import numpy as np
import pytest
from fakes_streaming import LEFT_ELBOW, Session, sine, still

from hlm.core.body import BodyState
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.streaming.config import StreamingConfig
from hlm.runtime.streaming.controller import StreamController


def test_a_stream_of_references_that_ends_is_held_then_sinks_then_stops():
    session = Session(sine(0.5))
    session.reset()
    session.run(2.0)
    assert session.controller.status.state is BodyState.RUNNING
    states, knees = [], []
    for _ in range(100):
        session.run(0.1, references=False)
        states.append(session.controller.status.state)
        knees.append(session.messages[-1].joint_position_rad[-1, 3])
        if session.controller.status.braking:
            break
    assert list(dict.fromkeys(states)) == [
        BodyState.RUNNING,
        BodyState.HOLDING,
        BodyState.CROUCHING,
        BodyState.DAMPING,
    ]
    assert session.controller.status.fault.startswith("no reference has come for 0.5")
    assert session.commands[-1].stop
    assert session.commands[-1].frames is None
    assert not any(command.stop for command in session.commands[:-7])
    assert knees[-1] == pytest.approx(1.45, abs=1e-3)
    assert np.abs(np.diff(session.newest()[0], axis=0)).max() < 0.03
    assert session.window.resets == 1


def test_numbers_go_on_after_a_stop():
    session = Session(still)
    session.reset()
    session.run(1.0)
    session.controller.stop("a test")
    session.controller.stop("again")
    session.run(1.0)
    last = session.messages[-1].index + 1
    session.reset()
    session.run(1.0)
    assert session.messages[-50].index == last + 1
    assert session.controller.status.state is BodyState.RUNNING


def test_a_stream_that_runs_goes_on_over_a_reset():
    session = Session(sine(0.5))
    session.reset()
    session.run(2.0)
    session.controller.hold("a test")
    session.run(0.5)
    session.reset()
    session.run(2.0)
    assert list(session.window.indices) == list(range(session.window.indices[-1] + 1))
    assert session.window.resets == 1


def test_another_process_goes_on_where_a_stream_ended():
    session = Session(sine(0.5))
    session.reset()
    session.run(2.0)
    end, before = session.controller.end, session.newest()[0][-1]
    session.controller = StreamController(UNITREE_G1, SafetyConfig(), StreamingConfig())
    session.controller.take_over(end, session.now_ns + 20_000_000, "the body's process is gone")
    session.run(0.1, references=False)
    assert session.window.resets == 1
    assert np.abs(session.newest()[0][-1] - before).max() < 0.05
    session.run(6.0, references=False)
    assert session.commands[-1].stop
    assert session.controller.status.fault == "the body's process is gone"


@pytest.mark.parametrize("how", ["old", "broken"])
def test_a_robot_that_says_nothing_new_is_stopped(how):
    session = Session(still)
    session.reset()
    session.run(1.0)
    if how == "old":
        session.age_ns = 150_000_000
    else:
        session.broken = ConnectionError("cable pulled")
    session.run(0.04)
    assert session.controller.status.state is BodyState.FAULT
    assert session.commands[-1].stop


def test_what_is_wrong_in_a_measurement_is_the_same_for_every_body():
    for found in ("the pelvis is tilted by 1.200 rad", "the motor of left_elbow has 95 C"):
        session = Session(still)
        session.reset()
        session.run(1.0)
        if "tilted" in found:
            session.quat = np.array([np.cos(0.6), 0.0, np.sin(0.6), 0.0])
        else:
            session.temperature_c = np.where(np.arange(29) == LEFT_ELBOW, 95.0, 40.0)
        session.run(0.02)
        assert session.controller.status.fault.startswith(found)
        assert session.commands[-1].stop == ("tilted" in found)  # a hot robot crouches first


def test_a_dry_run_sends_nothing_and_shows_the_same_states():
    session = Session(still)
    session.controller = StreamController(UNITREE_G1, SafetyConfig(), StreamingConfig(), dry_run=True)
    session.reset()
    session.run(1.0)
    assert session.controller.status.state is BodyState.RUNNING
    session.controller.damp("a test")
    session.run(0.1)
    assert all(command.frames is None and not command.stop for command in session.commands)


@pytest.mark.parametrize(
    "wrong", [{"rate_hz": 0.0}, {"delay_s": -1.0}, {"repeated": 25}, {"crouch_leg_rad": (0.0,)}, {"crouch_share": 0.0}]
)
def test_wrong_configs_are_refused(wrong):
    with pytest.raises(InputError):
        replace(StreamingConfig(), **wrong)
