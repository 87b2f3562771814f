"""Command lines that serve the operator's page, each a program of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

READY_S, END_S = 120.0, 60.0


@contextmanager
def page_commands(folder):
    """Gives a function that starts a command line in a folder; it gives the program, and the address of its page.

    Programs that still run at the end get Ctrl+C.
    """
    running = []

    def start(*words):
        command = [sys.executable, "-m", "hlm.cli.main", *words, "--port", "0"]
        path = os.pathsep.join(filter(None, sys.path))
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": path}
        with (folder / "err.txt").open("wb") as errors:
            program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=folder, env=environment)
        running.append(program)
        until_s, text = time.monotonic() + READY_S, ""
        while time.monotonic() < until_s and program.poll() is None:
            text = program.stdout.readline().decode()
            if found := re.search(r"http://\S+", text):
                return program, found[0]
        pytest.fail(f"no address: {text} {(folder / 'err.txt').read_text()}")

    yield start
    for program in running:
        if program.poll() is None:
            program.send_signal(signal.SIGINT)
            program.wait(END_S)
        program.stdout.close()
