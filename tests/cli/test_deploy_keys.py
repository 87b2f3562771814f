"""Keys of a terminal stop a deployment, and the terminal is given back as it was."""

import os
import pty
import signal
import subprocess
import sys
import termios
import threading

import pytest

PATIENCE_S = 60.0

# A program with a terminal of its own, which says what it was asked until it was asked twice.
PROGRAM = """
import fcntl, signal, sys, termios, threading
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGHUP):  # jobs in the background ignore some
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from hlm.cli.deploy_signals import StopSignals
with StopSignals() as stops:
    print("ready", stops.ways, flush=True)
    told = 0
    while stops.count < 2:
        if stops.count > told:
            told = stops.count
            print("asked", stops.why, stops.exit_code, flush=True)
        threading.Event().wait(0.01)
print("over", flush=True)
"""


class Terminal:
    """A terminal and the program in it, whose output is piped."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=self.slave,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        self.patience = threading.Timer(PATIENCE_S, self.program.kill)  # ends the waiting for a line that never comes
        self.patience.start()
        self.ready = self.program.stdout.readline()

    def type(self, keys):
        os.write(self.master, keys)


@pytest.fixture
def terminal():
    made = Terminal()
    yield made
    made.patience.cancel()
    made.program.kill()
    made.program.wait()
    made.program.stdout.close()
    os.close(made.master)
    os.close(made.slave)


@pytest.mark.parametrize("key", [b" ", b"q", b"Q", b"\x1b"])
def test_a_key_stops_and_a_second_one_stops_at_once(terminal, key):
    assert terminal.ready.startswith("ready Space, q, Esc or Ctrl+C holds, crouches and brakes")
    terminal.type(b"x")
    terminal.type(key)
    assert terminal.program.stdout.readline() == "asked the operator stopped it (key) 130\n"
    terminal.type(key)
    assert terminal.program.communicate()[0] == "over\n"
    assert termios.tcgetattr(terminal.slave) == terminal.before


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (b"\x03", "the operator stopped it (Ctrl+C) 130"),
        (b"\x1c", f"the operator stopped it (Ctrl+\\) {128 + signal.SIGQUIT}"),
        (b"\x1a", "the operator stopped it (Ctrl+Z) 130"),
    ],
)
def test_keys_that_are_signals_stop_it_as_well(terminal, typed, told):
    terminal.type(typed)
    assert terminal.program.stdout.readline() == f"asked {told}\n"
    terminal.type(b" ")
    assert terminal.program.communicate()[0] == "over\n"
    assert terminal.program.returncode == 0
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_without_a_terminal_of_its_own_nothing_is_read(monkeypatch):
    from hlm.cli.deploy_signals import StopSignals

    master, slave = pty.openpty()  # not the one that controls this process
    with os.fdopen(slave) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        os.write(master, b"q\n")
        before = termios.tcgetattr(stdin)
        with StopSignals() as stops:
            assert termios.tcgetattr(stdin) == before
            assert (stops.count, stops.why, stops.exit_code) == (0, "", 0)
            assert stops.ways == "Ctrl+C holds, crouches and brakes; again brakes at once"
    os.close(master)


def test_a_terminal_that_was_closed_is_one_request(terminal):
    os.kill(terminal.program.pid, signal.SIGHUP)
    assert "its terminal was closed (SIGHUP) 129" in terminal.program.stdout.readline()
    os.kill(terminal.program.pid, signal.SIGHUP)
    terminal.program.send_signal(signal.SIGTERM)
    assert terminal.program.communicate()[0] == "over\n"
