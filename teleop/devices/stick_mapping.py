"""A standard gamepad as changes of a `BodyCommand`: pure, for a page's Gamepad API and for any other reader.

Axes and buttons are in the order of the W3C Gamepad specification's standard layout. Axes are 1 to the right and
towards the person.

| part | alone | while a shoulder button is held (left or right hand) |
|---|---|---|
| left stick | walk ahead, back and sideways | hand up and down; turns the hand's yaw |
| right stick | turn | hand ahead, back, left and right |
| cross up and down | height of the pelvis | hand's pitch |
| cross left and right | lean back and ahead | hand's roll |
| triggers | close the grippers | the same |
| press of a stick | let the left or the right hand go | |
| upper face button | stand upright, let both hands go | |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.core.arrays import FloatArray
from hlm.core.errors import MismatchError
from hlm.teleop.devices.command_edits import (
    LEFT,
    RIGHT,
    upright,
    with_gripper,
    with_hand_free,
    with_hand_moved,
    with_height_changed,
    with_lean_changed,
)
from hlm.teleop.devices.device import Button

AXES, BUTTONS = 4, 17
_LEFT_X, _LEFT_Y, _RIGHT_X, _RIGHT_Y = range(AXES)
_LOWER, _RIGHT_FACE, _LEFT_FACE, _UPPER = range(4)
_SHOULDERS, _TRIGGERS, _STICKS = (4, 5), (6, 7), (10, 11)
_SELECT, _START = 8, 9
_CROSS_UP, _CROSS_DOWN, _CROSS_LEFT, _CROSS_RIGHT = 12, 13, 14, 15
_PRESSED = 0.5
_SESSION = {
    _LOWER: Button.RECORD,
    _LEFT_FACE: Button.SUCCESS,
    _RIGHT_FACE: Button.DISCARD,
    _START: Button.ENGAGE,
    _SELECT: Button.STOP,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StickConfig:
    """What full deflection means.

    Attributes:
        dead: deflection that still counts as none; the rest is stretched over the range.
        walk_m_s: ahead and to the left.
        turn_rad_s: turn.
        hand_m_s: speed of a hand.
        hand_rad_s: its turn.
        height_m_s: speed of the pelvis' height.
        lean_rad_s: speed of its lean.
    """

    dead: float = 0.15
    walk_m_s: tuple[float, float] = (0.3, 0.12)
    turn_rad_s: float = 0.4
    hand_m_s: float = 0.3
    hand_rad_s: float = 1.0
    height_m_s: float = 0.2
    lean_rad_s: float = 0.3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PadState:
    """What a gamepad has commanded so far.

    Attributes:
        command: now.
        trigger: [2] how far the triggers were pressed last.
    """

    command: BodyCommand = field(default_factory=BodyCommand)
    trigger: tuple[float, float] = (0.0, 0.0)


def pad_moved(
    state: PadState, axes: Sequence[float], buttons: Sequence[float], dt_s: float, config: StickConfig | None = None
) -> PadState:
    """What is commanded after the gamepad was held so for `dt_s`.

    Args:
        state: before.
        axes: [4] left x, left y, right x, right y, from -1 to 1; more are ignored.
        buttons: [17] values from 0 to 1; missing ones at the end count as not pressed.
        dt_s: time since the last call.
        config: what full deflection means; the defaults when None.

    Raises:
        MismatchError: fewer axes than a standard gamepad has.
    """
    if len(axes) < AXES:
        raise MismatchError(
            f"a gamepad with {len(axes)} axes has no standard layout, which has {AXES}: two sticks. Use another one."
        )
    config = StickConfig() if config is None else config
    held = np.zeros(max(BUTTONS, len(buttons)))
    held[: len(buttons)] = buttons
    sticks = np.array([_deflection(axis, config.dead) for axis in axes[:AXES]])
    command = _gripped(state, held)
    hands = [side for side in (LEFT, RIGHT) if held[_SHOULDERS[side]] > _PRESSED]
    command = (
        _hands_moved(command, hands, sticks, held, config, dt_s)
        if hands
        else _body_moved(command, sticks, held, config, dt_s)
    )
    for side in (LEFT, RIGHT):
        if held[_STICKS[side]] > _PRESSED:
            command = with_hand_free(command, side)
    if held[_UPPER] > _PRESSED:
        command = upright(command)
    return PadState(command=command, trigger=(float(held[_TRIGGERS[LEFT]]), float(held[_TRIGGERS[RIGHT]])))


def pad_buttons(buttons: Sequence[float]) -> frozenset[Button]:
    """What a gamepad's buttons ask of the session.

    Lower face button: record; left: success; right: discard; start: engage; select: stop.
    """
    return frozenset(asked for index, asked in _SESSION.items() if index < len(buttons) and buttons[index] > _PRESSED)


def _deflection(axis: float, dead: float) -> float:
    """Deflection outside of the dead zone, stretched to 1 at the end."""
    beyond = (min(abs(axis), 1.0) - dead) / (1.0 - dead)
    return float(np.sign(axis)) * max(beyond, 0.0)


def _gripped(state: PadState, held: FloatArray) -> BodyCommand:
    """A trigger says how far a gripper is closed, from when it is first pressed on; before, others may say."""
    command = state.command
    for side in (LEFT, RIGHT):
        pressed = float(held[_TRIGGERS[side]])
        if pressed != state.trigger[side]:
            command = with_gripper(command, side, 1.0 - pressed)
    return command


def _body_moved(
    command: BodyCommand, sticks: FloatArray, held: FloatArray, config: StickConfig, dt_s: float
) -> BodyCommand:
    walk = -sticks[[_LEFT_Y, _LEFT_X]] * np.array(config.walk_m_s)
    command = replace(command, velocity_m_s=walk, turn_rate_rad_s=float(-sticks[_RIGHT_X] * config.turn_rad_s))
    rise = float(held[_CROSS_UP] - held[_CROSS_DOWN])
    lean = float(held[_CROSS_RIGHT] - held[_CROSS_LEFT])
    if rise:
        command = with_height_changed(command, rise * config.height_m_s * dt_s)
    return with_lean_changed(command, 0.0, lean * config.lean_rad_s * dt_s) if lean else command


def _hands_moved(
    command: BodyCommand, hands: Sequence[int], sticks: FloatArray, held: FloatArray, config: StickConfig, dt_s: float
) -> BodyCommand:
    """The body stands while hands move."""
    shift_m = -sticks[[_RIGHT_Y, _RIGHT_X, _LEFT_Y]] * config.hand_m_s * dt_s
    roll, pitch = held[_CROSS_RIGHT] - held[_CROSS_LEFT], held[_CROSS_DOWN] - held[_CROSS_UP]
    turn_rad = np.array([roll, pitch, -sticks[_LEFT_X]]) * config.hand_rad_s * dt_s
    command = replace(command, velocity_m_s=np.zeros(2), turn_rate_rad_s=0.0)
    if np.any(shift_m) or np.any(turn_rad):
        for side in hands:
            command = with_hand_moved(command, side, shift_m, turn_rad)
    return command
