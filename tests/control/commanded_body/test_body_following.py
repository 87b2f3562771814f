from __future__ import annotations

import numpy as np
import pytest

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.body_following import BodyReach, with_body_following
from hlm.control.inverse_kinematics import PoseTarget

REACH = BodyReach()
STANDING_HEAD_M = (REACH.head_ahead_m, 0.0, REACH.pelvis_height_m + REACH.head_m)


def place(*position_m: float) -> PoseTarget:
    return PoseTarget(position_in_world_m=np.array(position_m))


def followed(
    head: tuple[float, ...] | None = None, right: tuple[float, ...] | None = None
) -> tuple[float | None, float]:
    grips = (None, None if right is None else place(*right))
    command = with_body_following(BodyCommand(grips=grips, head=None if head is None else place(*head)))
    return command.pelvis_height_m, command.pelvis_pitch_rad


def test_upright_heads_and_near_hands_leave_the_body_upright() -> None:
    for head in (None, STANDING_HEAD_M):
        for right in (None, (0.3, -0.2, 0.9), (0.4, -0.1, 1.5)):
            assert followed(head, right) == (pytest.approx(0.74), pytest.approx(0.0, abs=1e-9))


def test_a_lower_head_squats_and_one_ahead_leans() -> None:
    x, y, z = STANDING_HEAD_M
    assert followed((x, y, z - 0.2)) == (pytest.approx(0.54), pytest.approx(0.0, abs=1e-9))
    height_m, pitch_rad = followed((x + 0.117, y, z))
    assert pitch_rad == pytest.approx(0.3)
    assert height_m is not None
    assert height_m > 0.74
    assert followed((x, y, 0.2))[0] == pytest.approx(0.45), "not lower than legs go"


def test_a_hand_below_reach_takes_the_body_down_and_ahead_as_far_as_it_needs() -> None:
    heights = [followed(right=(0.4, -0.2, z))[0] for z in (0.9, 0.75, 0.6, 0.5, 0.4)]
    assert heights == sorted(heights, reverse=True)
    height_m, pitch_rad = followed(right=(0.38, -0.15, 0.5))
    assert height_m is not None
    shoulder_m = np.array(
        [
            REACH.shoulder_m * np.sin(pitch_rad) - REACH.hip_back_m * pitch_rad,
            -REACH.shoulder_y_m,
            height_m + REACH.shoulder_m * np.cos(pitch_rad),
        ]
    )
    assert np.linalg.norm(np.array([0.38, -0.15, 0.5]) - shoulder_m) == pytest.approx(REACH.arm_m, abs=2e-3)


def test_what_follows_moves_evenly_with_the_hand() -> None:
    ways = [followed(right=(0.35, -0.2, z)) for z in np.linspace(1.2, 0.1, 400)]
    steps = np.abs(np.diff(np.array(ways, dtype=float), axis=0))
    assert steps.max() < 0.02


def test_a_height_that_is_asked_stays() -> None:
    command = BodyCommand(pelvis_height_m=0.7, grips=(place(0.4, 0.1, 0.3), None))
    assert with_body_following(command) is command
