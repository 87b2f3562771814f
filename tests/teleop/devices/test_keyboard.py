"""Keys as commands, and a real terminal that is given back."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from hlm.control.body_command import BodyCommand
from hlm.core.clock import NS_PER_S
from hlm.teleop.devices.device import Button
from hlm.teleop.devices.keyboard import KeyboardConfig, KeyState, key_pressed, sample_at
from hlm.teleop.devices.terminal_keys import keys_of

PATIENCE_S = 60.0
CONFIG = KeyboardConfig()

# A program with a terminal of its own: says what its keyboard commands when that changes; leaves as it is asked.
PROGRAM = """
import fcntl, signal, sys, termios, threading
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTSTP):
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from hlm.core.clock import MonotonicClock
from hlm.teleop.devices.keyboard import Keyboard
said = ""
with Keyboard(MonotonicClock(), say=lambda line: print(line, flush=True)) as keyboard:
    while True:
        sample = keyboard.read()
        walk = sample.motion.velocity_m_s[0]
        text = f"{walk:g} {sample.motion.pelvis_height_m} {sorted(sample.buttons)}"
        if text != said:
            said = text
            print(text, flush=True)
        if "failure" in sample.buttons:
            raise RuntimeError("as asked")
        threading.Event().wait(0.005)
"""


def after(keys: list[str], now_ns: int = 0) -> KeyState:
    state = KeyState(command=BodyCommand())
    for key in keys:
        state = key_pressed(state, key, now_ns, CONFIG)
    return state


def test_keys_have_names_even_when_their_bytes_come_in_parts() -> None:
    assert keys_of(b"wA\t\x1b[Aq") == (["w", "A", "tab", "up", "q"], b"")
    assert keys_of(b"w\x1b") == (["w"], b"\x1b")
    assert keys_of(b"\x1b[") == ([], b"\x1b[")
    assert keys_of(b"\x1b[5~\x1bOB") == (["page up", "down"], b"")
    assert keys_of(b"\x1bw") == (["escape", "w"], b"")
    assert keys_of(b"\x1b[1;5C\xff\x01r") == (["r"], b""), "unknown sequences and bytes are no keys"


def test_a_press_walks_for_a_while_and_the_next_one_takes_its_place() -> None:
    state = after(["w"])
    assert sample_at(state, round(0.5 * NS_PER_S)).motion.velocity_m_s.tolist() == [0.2, 0.0]
    assert not sample_at(state, round(0.7 * NS_PER_S)).motion.velocity_m_s.any()
    again = key_pressed(state, "w", round(0.5 * NS_PER_S), CONFIG)
    assert sample_at(again, round(1.0 * NS_PER_S)).motion.velocity_m_s.tolist() == [0.2, 0.0]
    turns = sample_at(after(["w", "left"]), 1).motion
    assert (turns.velocity_m_s.tolist(), turns.turn_rate_rad_s) == ([0.0, 0.0], 0.3)


def test_keys_move_the_chosen_hand_alone() -> None:
    command = after(["i", "i", "u"]).command
    left, right = command.grips
    assert left is None
    assert right is not None
    np.testing.assert_allclose(right.position_in_world_m, [0.29, -0.2, 0.87])
    other = after(["tab", "j", "c"]).command
    assert other.grips[1] is None
    assert other.gripper_opening.tolist() == [0.0, 1.0]
    assert after(["i", "h"]).command.grips == (None, None)


def test_height_and_lean_stop_at_their_ends_and_zero_stands_upright() -> None:
    assert after(["f"] * 40).command.pelvis_height_m == pytest.approx(0.45)
    assert after(["t"] * 3).command.pelvis_pitch_rad == pytest.approx(0.15)
    stands = after(["f", "t", "i", "c", "0"]).command
    assert (stands.pelvis_height_m, stands.pelvis_pitch_rad, stands.grips) == (None, 0.0, (None, None))
    assert stands.gripper_opening.tolist() == [1.0, 0.0], "what is held is not dropped"


def test_buttons_are_held_for_a_moment() -> None:
    state = after(["v", "space"])
    assert sample_at(state, 1).buttons == {Button.RECORD, Button.STOP}
    assert sample_at(state, NS_PER_S).buttons == frozenset()


class Program:
    """A terminal and the program in it, whose output is piped."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=self.slave,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        self.patience = threading.Timer(PATIENCE_S, self.process.kill)
        self.patience.start()
        self.help = self.line()
        self.first = self.line()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)


@pytest.fixture
def program() -> Iterator[Program]:
    made = Program()
    yield made
    made.patience.cancel()
    made.process.kill()
    made.process.communicate()
    os.close(made.master)
    os.close(made.slave)


def test_a_terminal_delivers_keys_and_is_given_back_after_an_error(program: Program) -> None:
    assert program.help.startswith("w s walk")
    assert program.first == "0 None []"
    program.type(b"w")
    assert program.line() == "0.2 None []"
    assert program.line() == "0 None []", "the pulse ends"
    program.type(b"\x1b[6~")
    assert program.line() == "0 0.72 []"
    program.type(b"\x1b")
    assert program.line() == "0 0.72 [<Button.STOP: 'stop'>]"
    program.type(b"n")
    assert "RuntimeError: as asked" in program.process.communicate()[1]
    assert termios.tcgetattr(program.slave) == program.before


def test_control_c_gives_the_terminal_back(program: Program) -> None:
    program.process.send_signal(signal.SIGINT)
    program.process.communicate()
    assert termios.tcgetattr(program.slave) == program.before


def test_without_a_terminal_it_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("fcntl.ioctl(0, termios.TIOCSCTTY, 0)", "")],
        input="",
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    assert "source 'keyboard' needs a terminal" in done.stderr
