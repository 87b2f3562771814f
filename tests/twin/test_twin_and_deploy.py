"""`hlm twin` and `hlm deploy` as a person starts them: two programs that know each other over DDS and ZeroMQ only."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakes_unitree import INTERFACE, PORTS

from hlm.core.clock import NS_PER_S, MonotonicClock

pytest.importorskip("unitree_interface")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT = ROOT / "policies" / "shipped" / "shelf_cup_transfer"
CLOCK = MonotonicClock()


def hlm(*words):
    """A command line of hlm; what it prints is read from its `stdout`."""
    return subprocess.Popen(
        [sys.executable, "-m", "hlm.cli.main", *map(str, words)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


def wait_for(condition, timeout_s):
    until_ns = CLOCK.now_ns() + round(timeout_s * NS_PER_S)
    while not condition():
        assert CLOCK.now_ns() < until_ns
        CLOCK.wait_until(CLOCK.now_ns() + 200_000_000)


@pytest.fixture
def twin(tmp_path):
    """A twin that says that it is ready, and the file that its result goes to."""
    result = tmp_path / "twin.json"
    process = hlm(
        "twin", "--task", "shelf_cup_transfer", "--seed", 100003, "--interface", INTERFACE,
        "--first-port", PORTS.first, "--json", result,
    )  # fmt: skip
    for line in process.stdout:
        if line.startswith("twin of"):
            break
    yield process, result
    process.kill()
    process.wait()


def deploy():
    return hlm(
        "deploy", CHECKPOINT, "--robot", "unitree", "--interface", INTERFACE, "--task", "shelf_cup_transfer",
        "--seed", 100003, "--cameras", f"head=openhlm:{PORTS.head}", f"wrists=openhlm:{PORTS.wrists}",
        "--grippers", PORTS.gripper_state, PORTS.gripper_command,
    )  # fmt: skip


def test_the_shelf_cup_is_transferred_and_an_interrupt_lets_the_robot_come_to_rest(twin):
    process, result = twin
    with deploy() as deployed:
        try:
            wait_for(result.exists, 180.0)
            deployed.send_signal(signal.SIGINT)
            said, _ = deployed.communicate(timeout=60.0)
        finally:
            deployed.kill()
    rollout = json.loads(result.read_text())["results"][0]
    assert rollout["success"], said
    assert process.wait(60.0) == 0


def test_a_twin_that_is_killed_ends_the_deployment_in_words(twin):
    process, _ = twin
    with deploy() as deployed:
        try:
            for line in deployed.stdout:
                if "safety running" in line:
                    break
            process.kill()
            said, _ = deployed.communicate(timeout=60.0)
        finally:
            deployed.kill()
    assert deployed.returncode == 1
    assert "old" in said
