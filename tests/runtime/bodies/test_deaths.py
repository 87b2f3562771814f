"""kill -9 of each process of a deployment in simulation: the motors brake within a bound, and nothing is left."""

import os
import signal
from multiprocessing import Pipe, get_context
from pathlib import Path

import pytest
from fakes_deployment import stand

from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.runtime.safety.config import SafetyConfig
from hlm.sim.realtime.cable import make_cable

pytestmark = pytest.mark.slow

CLOCK, SAFETY = MonotonicClock(), SafetyConfig()
# A soft stop, and what a loaded machine adds.
REST_S = SAFETY.stop_hold_s + SAFETY.crouch_s
SLACK_S = 8.0


class Deployment:
    """A deployment that stands; what it told, and the commands that its motors get."""

    def __init__(self):
        self.cable = make_cable(kept_commands=4096)
        self.line, far_end = Pipe()
        self.main = get_context("spawn").Process(target=stand, args=(far_end, self.cable), name="main")
        self.main.start()
        far_end.close()
        assert self.line.poll(120.0)
        self.pids = {**self.line.recv(), "main": self.main.pid}

    def kill(self, *names):
        """The instant before."""
        now_ns = CLOCK.now_ns()
        for name in names:
            os.kill(self.pids[name], signal.SIGKILL)
        return now_ns

    def told(self):
        assert self.line.poll(30.0)
        return self.line.recv()

    def braking(self):
        last = self.cable.commands.newest()
        return not (last["kp_nm_rad"].any() or last["torque_nm"].any())

    def braked_after_s(self, killed_ns):
        """Time from an instant until the motors braked."""
        wait_for(self.braking)
        return (CLOCK.now_ns() - killed_ns) / NS_PER_S

    def gone(self):
        return not any(_runs(pid) for pid in self.pids.values())


def wait_for(condition, timeout_s=40.0):
    until_ns = CLOCK.now_ns() + round(timeout_s * NS_PER_S)
    while not condition():
        assert CLOCK.now_ns() < until_ns
        CLOCK.wait_until(CLOCK.now_ns() + 1_000_000)


def _runs(pid):
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def deployment():
    shared = sorted(Path("/dev/shm").iterdir())
    deployment = Deployment()
    assert not deployment.braking()
    yield deployment
    try:
        wait_for(deployment.gone)
    finally:
        for pid in filter(_runs, deployment.pids.values()):
            os.kill(pid, signal.SIGKILL)
        deployment.main.join()
    assert sorted(Path("/dev/shm").iterdir()) == shared


def test_without_the_main_process_the_body_comes_to_rest_by_itself(deployment):
    killed_ns = deployment.kill("main")
    after_s = deployment.braked_after_s(killed_ns)
    assert SAFETY.stop_hold_s < after_s < REST_S + SLACK_S  # it held first


def test_without_the_body_the_guard_brakes_at_once(deployment):
    killed_ns = deployment.kill("body")
    assert deployment.braked_after_s(killed_ns) < SAFETY.stop_hold_s
    assert "the body process was killed by SIGKILL; the guard brakes" in deployment.told()


def test_without_its_guard_the_body_comes_to_rest(deployment):
    killed_ns = deployment.kill("guard")
    after_s = deployment.braked_after_s(killed_ns)
    assert SAFETY.stop_hold_s < after_s < REST_S + SLACK_S
    assert "the guard process was killed by SIGKILL" in deployment.told()


def test_without_the_robot_the_body_brakes(deployment):
    killed_ns = deployment.kill("simulation")
    assert SAFETY.max_state_age_s < deployment.braked_after_s(killed_ns) < SAFETY.max_state_age_s + SLACK_S
    assert "the robot's measurement is" in deployment.told()


def test_without_main_process_and_body_the_guard_brakes_and_ends(deployment):
    killed_ns = deployment.kill("main", "body")
    assert deployment.braked_after_s(killed_ns) < SAFETY.stop_hold_s


def test_without_all_but_the_body_it_brakes_and_ends(deployment):
    killed_ns = deployment.kill("simulation", "guard", "main")
    assert deployment.braked_after_s(killed_ns) < SAFETY.max_state_age_s + SLACK_S
