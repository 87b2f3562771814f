"""`hlm twin` and `hlm deploy` as a person starts them: two programs that know each other over DDS and ZeroMQ only."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from fakes_unitree import INTERFACE, PORTS, script, stranger

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
def twin(tmp_path, request):
    """A twin that says that it is ready, and the file that its result goes to; a parameter gives it more options."""
    result = tmp_path / "twin.json"
    process = hlm(
        "twin", "--task", "shelf_cup_transfer", "--seed", 100003, "--interface", INTERFACE,
        "--first-port", PORTS.first, "--json", result, *getattr(request, "param", ()),
    )  # fmt: skip
    for line in process.stdout:
        if line.startswith("twin of"):
            break
    yield process, result
    process.kill()
    process.wait()


def wait_for_safety(deployed, state):
    for line in deployed.stdout:
        if f"safety {state}" in line:
            return
    raise AssertionError(f"it was never {state}")


def children_of(pid):
    """Processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def deploy(*words):
    return hlm(
        "deploy", CHECKPOINT, "--robot", "unitree", "--interface", INTERFACE, "--task", "shelf_cup_transfer",
        "--seed", 100003, "--cameras", f"head=openhlm:{PORTS.head}", f"wrists=openhlm:{PORTS.wrists}",
        "--grippers", PORTS.gripper_state, PORTS.gripper_command, *words,
    )  # fmt: skip


def test_the_shelf_cup_is_transferred_and_an_interrupt_lets_the_robot_come_to_rest(twin):
    process, result = twin
    with deploy() as deployed:
        try:
            wait_for(result.exists, 180.0)
            # The twin is there for as long as it is commanded, and a policy has no end of its own.
            CLOCK.wait_until(CLOCK.now_ns() + 20 * NS_PER_S)
            assert (deployed.poll(), process.poll()) == (None, None)
            deployed.send_signal(signal.SIGINT)
            said, _ = deployed.communicate(timeout=60.0)
        finally:
            deployed.kill()
    rollout = json.loads(result.read_text())["results"][0]
    assert rollout["success"], said
    assert deployed.returncode == 130, said
    assert process.wait(60.0) == 0


def test_a_deployment_may_end_by_its_time(twin):
    process, result = twin
    with deploy("--seconds", 3) as deployed:
        try:
            said, _ = deployed.communicate(timeout=120.0)
        finally:
            deployed.kill()
    assert deployed.returncode == 0, said
    assert process.wait(60.0) == 1
    rollout = json.loads(result.read_text())["results"][0]
    assert not rollout["success"]


@pytest.mark.parametrize(
    ("signals", "code", "within_s"),
    [
        ((signal.SIGINT,), 130, 8.0),
        ((signal.SIGINT, signal.SIGINT), 130, 2.0),
        ((signal.SIGTERM,), 143, 8.0),
        ((signal.SIGKILL,), -9, 12.0),
    ],
    ids=["interrupt", "two interrupts", "terminate", "kill"],
)
def test_however_a_deployment_dies_a_stranger_sees_the_robot_brake(twin, signals, code, within_s):
    process, _ = twin
    with stranger("listen") as other, deploy() as deployed:
        try:
            wait_for_safety(deployed, "running")
            assert json.loads(other.stdout.readline()) == "listening"
            json.loads(other.stdout.readline())
            children = children_of(deployed.pid)
            assert len(children) >= 4
            CLOCK.wait_until(CLOCK.now_ns() + 2 * NS_PER_S)
            start_ns = CLOCK.now_ns()
            for number in signals:
                deployed.send_signal(number)
                CLOCK.wait_until(CLOCK.now_ns() + NS_PER_S // 5)
            braked = json.loads(other.stdout.readline())
            took_s = (CLOCK.now_ns() - start_ns) / NS_PER_S
            deployed.communicate(timeout=60.0)
            wait_for(lambda: not any(map(lives, children)), 60.0)
        finally:
            other.kill()
            deployed.kill()
    assert deployed.returncode == code
    assert took_s < within_s
    assert all(braked["kd"])
    assert process.wait(60.0) == 1


@pytest.mark.parametrize("twin", [("--start", "hanging", "--controller", "ai")], indirect=True)
def test_a_robot_that_hangs_is_released_let_down_and_follows(twin):
    process, _ = twin
    with deploy("--seconds", 3) as refused:
        said, _ = refused.communicate(timeout=60.0)
    assert (refused.returncode, "own controller 'ai' has the motors" in said) == (2, True)
    with deploy("--start", "hanging", "--seconds", 3) as deployed:
        try:
            wait_for_safety(deployed, "hanging")
            CLOCK.wait_until(CLOCK.now_ns() + 4 * NS_PER_S)
            with socket.create_connection(("127.0.0.1", PORTS.control)) as control:
                control.sendall(b"rope 0.3\n")
                assert control.recv(100) == b"ok\n"
            wait_for_safety(deployed, "running")
            said, _ = deployed.communicate(timeout=60.0)
        finally:
            deployed.kill()
    assert deployed.returncode == 0, said
    assert "safety crouching (3 s are over)" in said
    assert process.wait(60.0) == 1


def test_grippers_that_fall_silent_end_the_deployment_in_words(twin):
    process, _ = twin
    with deploy() as deployed:
        try:
            wait_for_safety(deployed, "running")
            with socket.create_connection(("127.0.0.1", PORTS.control)) as control:
                control.sendall(b"grippers silent\n")
                assert control.recv(100) == b"ok\n"
            said, _ = deployed.communicate(timeout=60.0)
        finally:
            deployed.kill()
    assert deployed.returncode == 1
    assert "the grippers have not said where they are for 1." in said
    assert process.wait(60.0) == 1


@pytest.mark.parametrize("twin", [("--keep",)], indirect=True)
def test_a_robot_in_other_hands_is_bad_input(twin):
    del twin
    with script() as other:
        try:
            CLOCK.wait_until(CLOCK.now_ns() + 5 * NS_PER_S)
            with deploy() as deployed:
                said, _ = deployed.communicate(timeout=120.0)
        finally:
            other.kill()
    assert deployed.returncode == 2
    assert "another process commands this robot" in said


def test_a_twin_that_is_killed_ends_the_deployment_in_words(twin):
    process, _ = twin
    with deploy() as deployed:
        try:
            wait_for_safety(deployed, "running")
            process.kill()
            said, _ = deployed.communicate(timeout=60.0)
        finally:
            deployed.kill()
    assert deployed.returncode == 1
    assert "old" in said
