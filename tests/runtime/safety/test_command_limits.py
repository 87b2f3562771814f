import numpy as np
import pytest
from command_laws import TICK_S, torques_nm, violations
from fakes import LEVEL

from hlm.control.model import BodyModel
from hlm.control.self_distance import SelfDistance
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import MOTOR_ORDER
from hlm.core.values import JointCommand, RobotState
from hlm.runtime.safety.command_limits import CommandLimitConfig, CommandLimits

MODEL = BodyModel(UNITREE_G1)
DEFAULT = UNITREE_G1.default_rad
ELBOW = MOTOR_ORDER.index("left_elbow")
NOTHING = np.zeros(29)


def state(tick, joints=DEFAULT, speed=NOTHING):
    return RobotState(round(tick * TICK_S * NS_PER_S), joints, speed, LEVEL, np.zeros(3))


def command(tick, joints=DEFAULT, velocity=NOTHING, torque=NOTHING, kp=40.0, kd=1.5):
    stamp_ns = round(tick * TICK_S * NS_PER_S)
    return JointCommand(stamp_ns, joints, velocity, np.full(29, kp), np.full(29, kd), torque, np.ones(2))


@pytest.fixture
def limits():
    made = CommandLimits(MODEL, CommandLimitConfig())
    made.reset(state(0))
    return made


def test_what_is_inside_passes_as_it_is(limits):
    for tick in range(1, 60):
        joints = DEFAULT + 0.3 * (1.0 - np.cos(0.05 * tick)) * (np.arange(29) == ELBOW)
        asked = command(tick, joints, torque=np.full(29, 2.0))
        assert limits.limited(asked, state(tick, joints), 1.0) is asked
    assert not limits.counts


def test_a_target_far_away_is_reached_by_the_limits_and_stops_at_the_joint_limit(limits):
    goal = np.where(np.arange(29) == ELBOW, 100.0, DEFAULT)
    sent, states = [], []
    for tick in range(1, 80):
        joints = sent[-1].joint_position_rad if sent else DEFAULT
        states.append(state(tick, joints))
        sent.append(limits.limited(command(tick, goal), states[-1], 1.0))
    assert violations(sent, states, [False] * len(sent)) == []
    assert sent[-1].joint_position_rad[ELBOW] == pytest.approx(UNITREE_G1.upper_rad[ELBOW])
    assert limits.counts["position"] == 79


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_torque_towards_a_stop_fades_beyond_it_and_torque_away_from_it_does_not(limits, sign):
    beyond = np.where(np.arange(29) == ELBOW, UNITREE_G1.upper_rad + 0.06, DEFAULT)
    asked = command(1, beyond, torque=np.where(np.arange(29) == ELBOW, sign * 20.0, 0.0), kp=0.0)
    (torque,) = torques_nm([limits.limited(asked, state(1, beyond), 1.0)], [state(1, beyond)])
    assert torque[ELBOW] == pytest.approx(0.0 if sign > 0.0 else -20.0)


def test_power_rises_with_the_ramp(limits):
    speed = np.full(29, 6.0)
    asked = command(1, torque=np.full(29, 10.0), velocity=speed, kp=0.0)
    found = []
    for ramp in (0.0, 0.5, 1.0, 7.0):
        limits.reset(state(0, speed=speed))
        sent = limits.limited(asked, state(1, speed=speed), ramp)
        found.append(float(torques_nm([sent], [state(1, speed=speed)])[0] @ speed))
    assert found[0] == pytest.approx(200.0)
    assert found[1] == pytest.approx(550.0)
    assert found[2] == found[3] == pytest.approx(900.0)


def test_arms_are_not_commanded_deeply_into_the_body_and_can_come_out_again(limits):
    distance = SelfDistance(MODEL)
    inside = np.array(DEFAULT)
    inside[MOTOR_ORDER.index("left_shoulder_roll")] = -1.2
    last = command(0)
    for tick in range(1, 120):
        last = limits.limited(command(tick, inside), state(tick, last.joint_position_rad), 1.0)
        assert distance.smallest_m(last.joint_position_rad) >= -0.08
    assert distance.smallest_m(last.joint_position_rad) < 0.0
    assert limits.counts["self-collision"] > 50
    for tick in range(120, 240):
        last = limits.limited(command(tick), state(tick, last.joint_position_rad), 1.0)
    np.testing.assert_allclose(last.joint_position_rad, DEFAULT, atol=1e-9)


def test_arguments_stay_as_they_are(limits):
    asked = command(1, np.full(29, 9.0), torque=np.full(29, 1e9))
    limits.limited(asked, state(1), 1.0)
    assert (asked.joint_position_rad == 9.0).all()
    assert (asked.torque_nm == 1e9).all()


@pytest.mark.parametrize("field", CommandLimitConfig.__slots__)
@pytest.mark.parametrize("bad", [0.0, float("nan")])
def test_limits_out_of_range_are_refused(field, bad):
    with pytest.raises(InputError, match=f"{field} must be positive"):
        CommandLimitConfig(**{field: bad})
