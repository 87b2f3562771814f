"""The reference's clock for a body that stands: it slows down, and stops, the more of its balance a body has lost."""

from dataclasses import replace

import numpy as np
import pytest

from hlm.control.tracker.balance import Balance, BalanceConfig
from hlm.control.tracker.config import TrackerConfig
from hlm.control.tracker.contact_state import DOUBLE_SUPPORT
from hlm.control.tracker.contact_state_machine import ContactStateMachine, ContactTransitionConfig
from hlm.control.tracker.feet import Feet
from hlm.control.tracker.reference_clock import ClockConfig, ReferenceClock
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.values import Reference
from hlm.sim.motions import Key, stream, through_keys

CONFIG = ClockConfig()
DT_S, LATENCY_S = 0.01, 0.2
SLOW_M, STILL_M = CONFIG.slow_standing_dcm_error_m, CONFIG.max_standing_dcm_error_m
HALF_M = 0.5 * (SLOW_M + STILL_M)
FEET = Feet(np.zeros((2, 4, 3)), np.array([[0.0, 1.0], [0.0, -1.0]]), np.zeros(2), np.zeros(2))
SQUARE = 0.1 * np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])


def sample(time_to_lift_off_s=np.inf):
    """A reference on both feet, the left of which lifts off after a time."""
    return replace(
        ReferenceSample(*([None] * 21), 1.0),
        contact=DOUBLE_SUPPORT,
        time_to_lift_off_s=np.array([time_to_lift_off_s, np.inf]),
    )


def balance(error_m):
    """A body whose DCM is so far from the reference's, to the front and to the left of it."""
    reference_m = np.array([0.02, -0.01])
    return Balance(3.9, SQUARE, reference_m + error_m * np.array([0.6, 0.8]), reference_m, reference_m)


class Played:
    """A clock in use; `rates` and `lags` are those after each tick."""

    def __init__(self):
        self.clock, self.contacts = ReferenceClock(LATENCY_S, CONFIG), ContactStateMachine(ContactTransitionConfig())
        self.rates, self.lags = [], []

    def run(self, seconds, error_m, **reference):
        for _ in range(round(seconds / DT_S)):
            self.clock.advance(DT_S)
            self.clock.update(DT_S, sample(**reference), balance(error_m), self.contacts, FEET)
            self.rates.append(self.clock.rate)
            self.lags.append(self.clock.lag_s)
        return self


@pytest.mark.parametrize("error_m", [0.0, 0.5 * SLOW_M, SLOW_M - 1e-9])
def test_a_body_in_balance_is_followed_at_the_streams_own_speed(error_m):
    played = Played().run(3.0, error_m)
    assert set(played.rates) == {1.0}
    assert set(played.lags) == {LATENCY_S}


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_the_more_of_the_balance_is_lost_the_slower_it_goes_on(share):
    played = Played().run(0.3, SLOW_M + share * (STILL_M - SLOW_M))
    assert played.rates[-1] == pytest.approx(1.0 - share)
    assert (np.abs(np.diff(played.rates)) <= CONFIG.max_rate_change_per_s * DT_S + 1e-12).all()
    # 5 ticks at most pass until the rate is reached.
    assert played.lags[-1] - LATENCY_S == pytest.approx(0.3 * share, abs=5.0 * share * DT_S)


@pytest.mark.parametrize("error_m", [STILL_M, 0.1, 3.0])
def test_the_reference_stands_still_for_a_body_that_is_about_to_fall(error_m):
    played = Played().run(0.3, error_m)
    assert played.rates[-1] == 0.0
    assert min(played.rates) == 0.0


def test_it_waits_no_longer_than_the_largest_lag():
    played = Played().run(20.0, 0.1)
    # When it gives up, and begins to wait again, the rate takes some ticks to change.
    reached_s = 1.0 / CONFIG.max_rate_change_per_s + DT_S
    assert CONFIG.max_hold_lag_s < max(played.lags) < CONFIG.max_hold_lag_s + reached_s
    late = slice(round(2.0 / DT_S), None)
    assert min(played.lags[late]) > CONFIG.max_hold_lag_s - reached_s
    assert np.mean(played.rates[late]) == pytest.approx(1.0, abs=0.01), "a stream is not slower than its stamps"


def test_a_body_that_has_found_its_balance_catches_up():
    played = Played().run(0.3, 0.1)
    lag_s = played.lags[-1]
    played.run(10.0, 0.0)
    assert lag_s > LATENCY_S + 0.2
    assert played.lags[-1] == pytest.approx(LATENCY_S, abs=0.01)
    assert max(played.rates) <= 1.0 + CONFIG.max_catch_up + 1e-9


def test_catching_up_goes_no_faster_than_a_bad_balance_allows():
    played = Played().run(0.3, 0.1).run(0.5, HALF_M)
    assert played.clock.lag_s > LATENCY_S + 0.4
    assert played.rates[-30:] == pytest.approx([0.5] * 30)


def test_a_reference_that_is_about_to_step_is_not_slowed_down_by_the_balance_of_standing():
    played = Played().run(0.5, HALF_M, time_to_lift_off_s=0.5)
    assert set(played.rates) == {1.0}


def test_a_reset_plays_at_the_streams_own_speed_again():
    played = Played().run(0.3, 0.1)
    played.clock.reset()
    assert (played.clock.rate, played.clock.lag_s) == (1.0, LATENCY_S)


@pytest.mark.parametrize("name", ["slow_standing_dcm_error_m", "max_standing_dcm_error_m"])
def test_thresholds_are_positive(name):
    with pytest.raises(InputError, match=f"{name} must be positive, got 0"):
        ClockConfig(**{name: 0.0})


DOWN = {"pelvis_height_m": 0.5, "roll_pitch_yaw_rad": (0.0, 0.7, 0.0), "com_position_m": (0.09, 0.0)}
# Down in 0.3 s and up again, with the mass near the toes: a person who snatches something from the floor.
STOOP = (
    Key(duration_s=1.0),
    Key(duration_s=0.3, **DOWN),
    Key(duration_s=0.6, **DOWN),
    Key(duration_s=0.3),
    Key(duration_s=1.0),
)
# The clock does not wait for a body that stands, and a reference may lean as far as its ZMP.
HASTY = TrackerConfig(
    balance=BalanceConfig(standing_scale=BalanceConfig().support_scale),
    clock=ClockConfig(slow_standing_dcm_error_m=1e3, max_standing_dcm_error_m=2e3),
)


def stooped(robot, world, motion, config):
    """Plays a motion on a robot; [tick, 2] distance of its DCM from the reference's, and lag of the reference."""
    first, vectors = motion.poses[0], stream(motion, 0.0, np.random.default_rng(0))
    robot.place(first.position_pelvis_in_world_m, first.quat_world_from_pelvis_wxyz, first.joint_position_rad)
    world.reset()
    robot.place(first.position_pelvis_in_world_m, first.quat_world_from_pelvis_wxyz, first.joint_position_rad)
    world.forward()
    tracker, noted, pushed = WholeBodyTracker(UNITREE_G1, config), [], 0
    with robot:
        tracker.reset(robot.read())
        for tick in range(round((len(vectors) / STEP_HZ + 0.5) / DT_S)):
            world.wait_until(round(tick * DT_S * NS_PER_S))
            while pushed < len(vectors) and pushed / STEP_HZ <= tick * DT_S:
                tracker.push(Reference(pushed * NS_PER_S // STEP_HZ, vectors[pushed]))
                pushed += 1
            robot.command(tracker.step(robot.read()))
            noted.append((float(np.linalg.norm(tracker.dcm_error_m)), tracker.lag_s))
    return np.array(noted)


def test_a_fast_stoop_loses_far_less_of_the_balance_than_without_the_slow_clock(robot, world, model):
    motion = through_keys(model, STOOP)
    slow, hasty = (stooped(robot, world, motion, config) for config in (TrackerConfig(), HASTY))
    assert hasty[:, 0].max() > 0.1
    assert slow[:, 0].max() < 0.05
    assert hasty[:, 1].max() < LATENCY_S + 0.02
    assert LATENCY_S + 0.05 < slow[:, 1].max() < CONFIG.max_hold_lag_s


def test_a_clock_that_stands_still_before_it_slows_down_is_refused():
    with pytest.raises(InputError, match="the first must be the smaller one"):
        ClockConfig(slow_standing_dcm_error_m=0.04, max_standing_dcm_error_m=0.04)
