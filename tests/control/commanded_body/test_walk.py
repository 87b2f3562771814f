"""A walk whose velocity changes at any time: its weight presses on feet that stand, all the time."""

from __future__ import annotations

import numpy as np
import pytest

from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.commanded_body.walk import Walk
from hlm.control.model import BodyModel
from hlm.control.tracker.support_polygon import convex_hull
from hlm.core.arrays import FloatArray
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.rotations import matrix_from_yaw

DT_S = 1.0 / 30.0
CONFIG = CommandedBodyConfig()
FASTEST = np.array([CONFIG.max_ahead_m_s, CONFIG.max_sideways_m_s, CONFIG.max_turn_rad_s])
STANCE = np.array([[0.0, 0.118, 0.0], [0.0, -0.118, 0.0]])
CORNERS_M = BodyModel(UNITREE_G1).sole_corners_m


def inside_m(soles: list[FloatArray], place_m: FloatArray) -> float:
    """How far a [2] place is inside of [3] soles on the floor; negative outside."""
    corners = [sole[:2] + (CORNERS_M @ matrix_from_yaw(float(sole[2])).T)[:, :2] for sole in soles]
    hull_m = convex_hull(np.concatenate(corners))
    along_m = np.roll(hull_m, -1, axis=0) - hull_m
    inwards = np.column_stack([-along_m[:, 1], along_m[:, 0]]) / np.linalg.norm(along_m, axis=1)[:, None]
    return float(((place_m - hull_m) * inwards).sum(axis=1).min())


def pressed_m(velocities: list[FloatArray], step_s: float) -> FloatArray:
    """[time] how far inside of the feet that stand the weight presses, while velocities change each `step_s`."""
    walk = Walk(STANCE, np.zeros(2), next(one for one in velocities if one.any()), CONFIG)
    inside = []
    for step in range(round(len(velocities) * step_s / DT_S)):
        pose = walk.advance(velocities[min(int(step * DT_S / step_s), len(velocities) - 1)], DT_S)
        if walk.finished:
            break
        soles = [
            np.array([*place_m[:2], yaw_rad])
            for place_m, yaw_rad in zip(pose.sole_position_m, pose.sole_yaw_rad, strict=True)
            if place_m[2] < 1e-6
        ]
        inside.append(inside_m(soles, walk.zmp_m))
    return np.array(inside)


@pytest.mark.parametrize("seed", range(3))
def test_the_weight_presses_on_feet_that_stand_however_velocities_change(seed: int) -> None:
    random = np.random.default_rng(seed)
    velocities = [FASTEST * random.uniform(-0.55, 0.55, 3) * (random.random() < 0.7) for _ in range(50)]
    assert pressed_m(velocities, step_s=0.4).min() > 0.01


@pytest.mark.parametrize("velocity", [(0.3, 0.0, 0.0), (0.0, 0.12, 0.0), (0.0, 0.0, -0.4)])
@pytest.mark.parametrize("back", [-0.6, 0.0])
def test_it_turns_round_at_any_instant(velocity: tuple[float, float, float], back: float) -> None:
    there = np.array(velocity)
    for begin_s in np.arange(2.0, 2.75, 0.15):
        steps = [there] * round(begin_s / 0.05) + [back * there] * 40 + [there] * 40
        assert pressed_m(steps, step_s=0.05).min() > 0.01


def test_a_steady_walk_is_as_fast_as_it_is_asked() -> None:
    walk = Walk(STANCE, np.zeros(2), np.array([0.3, 0.0, 0.0]), CONFIG)
    places_m = [walk.advance(np.array([0.3, 0.0, 0.0]), DT_S).sole_position_m[:, 0].mean() for _ in range(240)]
    assert (places_m[-1] - places_m[89]) / 5.0 == pytest.approx(0.3, abs=0.03)


def test_room_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="zmp_room_m must be positive"):
        CommandedBodyConfig(zmp_room_m=(0.03, 0.0))
