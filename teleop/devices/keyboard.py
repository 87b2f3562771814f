"""The keys of a terminal as a device, for a machine without a browser.

Terminals do not tell when a key is let go. A key that walks is therefore a pulse: each press walks for a while, and a
key that is held repeats itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.core.clock import NS_PER_S, Clock
from hlm.core.errors import InputError
from hlm.core.terminal import Terminal
from hlm.teleop.devices.command_edits import (
    LEFT,
    upright,
    with_gripper_toggled,
    with_hand_free,
    with_hand_moved,
    with_height_changed,
    with_lean_changed,
)
from hlm.teleop.devices.device import Button, DeviceSample
from hlm.teleop.devices.terminal_keys import ESCAPE, keys_of

HELP = (
    "w s walk, a d turn, q e sideways | r f higher, lower | t g lean ahead, back | Tab other hand, i k j l u o move, "
    "I K J L U O turn it, h let it go, c its gripper | 0 upright | Enter follow or hold, v record, b success, "
    "n failure, x discard, Space or Esc stop"
)

# [3] ahead (m/s), left (m/s), turn (rad/s); arrows are the same as w, a, s and d.
_WALKS = {
    "w": (0.2, 0.0, 0.0),
    "s": (-0.15, 0.0, 0.0),
    "a": (0.0, 0.0, 0.3),
    "d": (0.0, 0.0, -0.3),
    "q": (0.0, 0.1, 0.0),
    "e": (0.0, -0.1, 0.0),
}
_WALKS |= {"up": _WALKS["w"], "down": _WALKS["s"], "left": _WALKS["a"], "right": _WALKS["d"]}
_HANDS = {"i": (1, 0, 0), "k": (-1, 0, 0), "j": (0, 1, 0), "l": (0, -1, 0), "u": (0, 0, 1), "o": (0, 0, -1)}
_TURNS = {"I": (0, 1, 0), "K": (0, -1, 0), "J": (0, 0, 1), "L": (0, 0, -1), "U": (-1, 0, 0), "O": (1, 0, 0)}
_HEIGHTS = {"r": 1.0, "f": -1.0, "page up": 1.0, "page down": -1.0}
_LEANS = {"t": 1.0, "g": -1.0}
_BUTTONS = {
    "enter": Button.ENGAGE,
    "v": Button.RECORD,
    "b": Button.SUCCESS,
    "n": Button.FAILURE,
    "x": Button.DISCARD,
    "space": Button.STOP,
    "escape": Button.STOP,
}
# A lone Escape is one when nothing has followed it for this long.
_ESCAPE_S = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyboardConfig:
    """What a press does.

    Attributes:
        walk_s: time that a press keeps walking; longer than a keyboard waits before it repeats a key that is held.
        button_s: time that a press holds a button.
        hand_m: way of a hand.
        hand_rad: turn of a hand.
        height_m: change of the pelvis' height.
        lean_rad: change of its lean.
    """

    walk_s: float = 0.6
    button_s: float = 0.15
    hand_m: float = 0.02
    hand_rad: float = 0.1
    height_m: float = 0.02
    lean_rad: float = 0.05


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KeyState:
    """What keys have commanded so far.

    Attributes:
        command: without walking.
        hand: that keys move, `LEFT` or right.
        walks_until_ns: by velocity: until when it is walked.
        held_until_ns: by button.
    """

    command: BodyCommand
    hand: int = 1 - LEFT
    walks_until_ns: tuple[tuple[tuple[float, float, float], int], ...] = ()
    held_until_ns: tuple[tuple[Button, int], ...] = ()


def key_pressed(state: KeyState, key: str, now_ns: int, config: KeyboardConfig) -> KeyState:
    """What is commanded after a press; keys without a meaning change nothing."""
    command = state.command
    if key in _WALKS:
        # The newest press alone: w and then a turns at once.
        until_ns = now_ns + round(config.walk_s * NS_PER_S)
        return replace(state, walks_until_ns=((_WALKS[key], until_ns),))
    if key in _BUTTONS:
        held = (_BUTTONS[key], now_ns + round(config.button_s * NS_PER_S))
        return replace(state, held_until_ns=(*(one for one in state.held_until_ns if one[0] != held[0]), held))
    if key == "tab":
        return replace(state, hand=1 - state.hand)
    if key == "0":
        return replace(state, command=upright(command), walks_until_ns=())
    if key in _HANDS or key in _TURNS:
        shift_m = config.hand_m * np.array(_HANDS.get(key, (0, 0, 0)))
        turn_rad = config.hand_rad * np.array(_TURNS.get(key, (0, 0, 0)))
        return replace(state, command=with_hand_moved(command, state.hand, shift_m, turn_rad))
    if key in _HEIGHTS:
        return replace(state, command=with_height_changed(command, _HEIGHTS[key] * config.height_m))
    if key in _LEANS:
        return replace(state, command=with_lean_changed(command, 0.0, _LEANS[key] * config.lean_rad))
    if key == "h":
        return replace(state, command=with_hand_free(command, state.hand))
    return replace(state, command=with_gripper_toggled(command, state.hand)) if key == "c" else state


def sample_at(state: KeyState, now_ns: int) -> DeviceSample:
    """What the keys say now."""
    walked = [velocity for velocity, until_ns in state.walks_until_ns if now_ns < until_ns]
    ahead_m_s, left_m_s, turn_rad_s = walked[-1] if walked else (0.0, 0.0, 0.0)
    command = replace(state.command, velocity_m_s=np.array([ahead_m_s, left_m_s]), turn_rate_rad_s=turn_rad_s)
    held = frozenset(button for button, until_ns in state.held_until_ns if now_ns < until_ns)
    return DeviceSample(stamp_ns=now_ns, motion=command, buttons=held)


class Keyboard:
    """Implements `hlm.teleop.devices.device.Device` with the keys of the terminal that the program runs in.

    Args:
        clock: stamps are on it.
        config: what a press does.
        say: shows the line of help; on standard error when None.
    """

    name: str = "keyboard"
    cannot: tuple[str, ...] = ("waist", "feet other than by walking", "where the head looks")

    def __init__(
        self, clock: Clock, config: KeyboardConfig | None = None, say: Callable[[str], None] | None = None
    ) -> None:
        self._clock = clock
        self._config = KeyboardConfig() if config is None else config
        self._say = _on_standard_error if say is None else say
        self._terminal = Terminal()
        self._begun = b""
        self._begun_ns = 0
        self._state = KeyState(command=BodyCommand())
        self._sample: DeviceSample | None = None
        self._presses = dict.fromkeys(Button, 0)

    def __enter__(self) -> Self:
        """Let the terminal deliver single keys, and show the help.

        Raises:
            InputError: there is no terminal.
        """
        self._terminal.__enter__()
        if not self._terminal.heard:
            raise InputError(
                "source 'keyboard' needs a terminal, and standard input is none, or belongs to another program. Start "
                "it in the foreground of a terminal, without '<' or '|' before it."
            )
        self._say(HELP)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back."""
        self._terminal.__exit__(kind, error, trace)

    def read(self) -> DeviceSample | None:
        """What the keys say now; once the terminal is gone, what they said last."""
        now_ns = self._clock.now_ns()
        typed = self._terminal.typed()
        if self._terminal.heard:
            for key in self._keys(typed, now_ns):
                if key in _BUTTONS:
                    self._presses[_BUTTONS[key]] += 1
                self._state = key_pressed(self._state, key, now_ns, self._config)
            self._sample = sample_at(self._state, now_ns)
        return self._sample

    @property
    def presses(self) -> Mapping[Button, int]:
        """How often the key of each button was pressed, as far as was read."""
        return self._presses

    def pose(self, command: BodyCommand) -> None:
        """Go on from a command: keys change it from here on."""
        self._state = replace(self._state, command=command, walks_until_ns=())

    @property
    def trouble(self) -> str:
        """Why it delivers nothing new; empty when all is well."""
        return "" if self._terminal.heard else "the terminal is closed, or another program has it"

    def _keys(self, typed: bytes, now_ns: int) -> list[str]:
        """The keys that were typed, across reads that cut a sequence in two."""
        if typed:
            self._begun_ns = now_ns
        keys, self._begun = keys_of(self._begun + typed)
        if self._begun and now_ns - self._begun_ns > _ESCAPE_S * NS_PER_S:
            keys += ["escape"] if self._begun == ESCAPE else []
            self._begun = b""
        return keys


def _on_standard_error(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
