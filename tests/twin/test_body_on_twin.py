"""A body in real time on a twin over DDS: what the robot says of itself reaches the safety."""

import sys
from functools import partial

import pytest
from fakes_realtime import QUICK
from fakes_unitree import ELSEWHERE, FloorTwin, wait_for

from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.body import BodyState
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.runtime.bodies.body_process import BodyProcessConfig
from hlm.runtime.bodies.process_body import RealtimeBodyConfig
from hlm.runtime.bodies.realtime import RealtimeBody

pytest.importorskip("unitree_interface")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="DDS over the loopback interface of Linux"),
]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("hot left_knee 97", "the motor of left_knee has 97 C, more than 90 C"),
        ("motor right_elbow dead", "the motor of right_elbow reports fault 1"),
        ("remote Select", "Select on the remote"),
        ("mode 6", "machine mode has changed from 5 to 6"),
    ],
)
def test_what_a_robot_says_of_itself_brings_its_body_to_rest(line, why):
    twin = FloorTwin("standing", ELSEWHERE)
    body = RealtimeBody(
        ELSEWHERE.robot,
        partial(WholeBodyTracker, UNITREE_G1),
        UNITREE_G1,
        RealtimeBodyConfig(process=BodyProcessConfig(safety=QUICK)),
    )
    twin.child.start()
    try:
        twin.child.wait_ready(60.0)
        with body:
            body.reset()
            wait_for(lambda: body.status.state is BodyState.RUNNING)
            wait_for(lambda: twin.traffic["stiff"])
            twin.say(line)
            wait_for(lambda: body.status.braking)
            wait_for(twin.limp)
            assert why in body.status.fault
    finally:
        twin.child.stop()
