from __future__ import annotations

import numpy as np
import pytest

from hlm.control.body_command import BodyCommand
from hlm.core.arrays import FloatArray
from hlm.core.errors import MismatchError
from hlm.teleop.devices.device import Button
from hlm.teleop.devices.stick_mapping import BUTTONS, PadState, pad_buttons, pad_moved

DT_S = 0.02
STILL = (0.0, 0.0, 0.0, 0.0)


def pressed(*indices: int, value: float = 1.0) -> FloatArray:
    buttons = np.zeros(BUTTONS)
    buttons[list(indices)] = value
    return buttons


def held(axes: tuple[float, ...], buttons: FloatArray, duration_s: float = 1.0) -> BodyCommand:
    state = PadState()
    for _ in range(round(duration_s / DT_S)):
        state = pad_moved(state, axes, buttons, DT_S)
    return state.command


def test_a_pad_that_nobody_touches_commands_what_it_did_whatever_its_sticks_drift() -> None:
    command = held((0.1, -0.14, 0.05, 0.1), pressed())
    np.testing.assert_array_equal(command.velocity_m_s, np.zeros(2))
    assert command.turn_rate_rad_s == 0.0
    assert command.pelvis_height_m is None
    assert command.grips == (None, None)


@pytest.mark.parametrize(
    ("axes", "velocity", "turn"),
    [
        ((0.0, -1.0, 0.0, 0.0), (0.3, 0.0), 0.0),
        ((-1.0, 0.0, 0.0, 0.0), (0.0, 0.12), 0.0),
        ((0.0, 0.0, -1.0, 0.0), (0.0, 0.0), 0.4),
        ((0.0, 0.575, 0.0, 0.0), (-0.15, 0.0), 0.0),
    ],
)
def test_sticks_walk_and_turn(axes: tuple[float, ...], velocity: tuple[float, float], turn: float) -> None:
    command = held(axes, pressed())
    np.testing.assert_allclose(command.velocity_m_s, velocity, atol=1e-9)
    assert command.turn_rate_rad_s == pytest.approx(turn)


def test_heights_add_up_over_time_and_stop_at_the_end() -> None:
    assert held(STILL, pressed(13), 0.5).pelvis_height_m == pytest.approx(0.64)
    assert held(STILL, pressed(13), 5.0).pelvis_height_m == pytest.approx(0.45)
    assert held(STILL, pressed(15), 1.0).pelvis_pitch_rad == pytest.approx(0.3)


def test_triggers_close_the_grippers_and_leave_alone_what_others_set() -> None:
    assert held(STILL, pressed(7, value=0.75)).gripper_opening.tolist() == [1.0, 0.25]
    closed = PadState(command=BodyCommand(gripper_opening=np.zeros(2)))
    assert pad_moved(closed, STILL, pressed(), DT_S).command.gripper_opening.tolist() == [0.0, 0.0]


def test_a_held_shoulder_moves_that_hand_while_the_body_stands() -> None:
    command = held((0.0, -1.0, -1.0, -1.0), pressed(5))
    left, right = command.grips
    assert left is None
    assert right is not None
    np.testing.assert_allclose(right.position_in_world_m, [0.55, 0.1, 1.15], atol=1e-6)
    assert not command.velocity_m_s.any()
    let_go = pad_moved(PadState(command=command), STILL, pressed(11), DT_S).command
    assert let_go.grips == (None, None)


def test_a_state_is_not_changed() -> None:
    state = PadState()
    pad_moved(state, (0.0, -1.0, 1.0, 1.0), pressed(5, 7, 12), DT_S)
    assert state.command.grips == (None, None)
    assert state.command.gripper_opening.tolist() == [1.0, 1.0]


def test_buttons_ask_for_the_session() -> None:
    assert pad_buttons(pressed(0, 8)) == {Button.RECORD, Button.STOP}
    assert pad_buttons([0.0, 0.0]) == frozenset()


def test_a_pad_without_two_sticks_is_refused() -> None:
    with pytest.raises(MismatchError, match="a gamepad with 2 axes has no standard layout"):
        pad_moved(PadState(), (0.0, 0.0), pressed(), DT_S)
