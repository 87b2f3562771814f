from __future__ import annotations

import numpy as np
import pinocchio as pin
import pytest

from hlm.control.commanded_body.following import Moving, Pace, Turning, followed, turned
from hlm.core.errors import InputError

PACE = Pace(frequency_rad_s=10.0, max_speed=1.0, max_acceleration=8.0)


def test_a_goal_is_reached_within_speed_and_acceleration_and_without_overshoot() -> None:
    moving, goal, dt_s = Moving.at_rest(np.zeros(3)), np.array([0.6, -0.8, 0.0]), 1.0 / 30.0
    rates, ways = [moving.rate], []
    for _ in range(90):
        moving = followed(moving, goal, PACE, dt_s)
        rates.append(moving.rate)
        ways.append(float(moving.value @ goal))
    np.testing.assert_allclose(moving.value, goal, atol=1e-4)
    assert max(ways) < 1.0 + 1e-6
    assert np.linalg.norm(rates, axis=1).max() < 1.0 + 1e-9
    assert np.linalg.norm(np.diff(rates, axis=0), axis=1).max() / dt_s < 8.0 + 1e-9


def test_steps_of_any_length_lead_to_the_same_place() -> None:
    coarse = followed(Moving.at_rest(np.zeros(1)), np.ones(1), PACE, 0.5)
    fine = Moving.at_rest(np.zeros(1))
    for _ in range(50):
        fine = followed(fine, np.ones(1), PACE, 0.01)
    np.testing.assert_allclose(coarse.value, fine.value, atol=1e-9)


def test_an_orientation_turns_to_its_goal_the_short_way() -> None:
    goal = pin.exp3(np.array([0.0, 0.0, 3.0]))
    turning = Turning(pin.exp3(np.array([0.0, 0.0, -3.0])), np.zeros(3))
    turning = turned(turning, goal, PACE, 0.05)
    assert turning.rate_rad_s[2] < 0.0
    for _ in range(100):
        turning = turned(turning, goal, PACE, 0.05)
    np.testing.assert_allclose(turning.rotation, goal, atol=1e-6)
    np.testing.assert_allclose(turning.rotation @ turning.rotation.T, np.eye(3), atol=1e-9)


def test_a_pace_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="max_speed must be positive"):
        Pace(frequency_rad_s=1.0, max_speed=0.0, max_acceleration=1.0)
