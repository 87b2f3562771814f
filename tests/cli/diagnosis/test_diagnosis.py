"""Checks of a machine: each verdict from made-up machines, and what is true of any machine from this one."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from fakes import POLICY_SPEC, FakeCameras, FakePolicy, FakeRobot, SteppedClock

from hlm.cli.diagnosis.checkpoint import policy_findings
from hlm.cli.diagnosis.clocks import clock_findings, wall_clock_finding
from hlm.cli.diagnosis.disk import disk_findings, space_finding, speed_finding
from hlm.cli.diagnosis.finding import Finding, UnfitError, Verdict, must_be_fit, refusals
from hlm.cli.diagnosis.latency import latency_finding, measured_latencies_s
from hlm.cli.diagnosis.live_cameras import camera_findings
from hlm.cli.diagnosis.memory import memory_finding
from hlm.cli.diagnosis.network import interface_findings
from hlm.cli.diagnosis.packages import package_findings
from hlm.cli.diagnosis.processors import processor_findings
from hlm.cli.diagnosis.quick import quick_findings
from hlm.cli.diagnosis.rates import Lateness, measured_lateness, rate_finding
from hlm.cli.diagnosis.rendering import rendering_finding
from hlm.cli.diagnosis.robot import robot_findings
from hlm.cli.diagnosis.scheduling import Limits, scheduling_findings
from hlm.cli.doctor import DoctorArguments, camera_groups
from hlm.cli.main import main
from hlm.core.clock import MonotonicClock
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError, LostError

OK, NOTE, BAD = Verdict.OK, Verdict.NOTE, Verdict.BAD


def verdicts(findings):
    return [finding.verdict for finding in findings]


def put(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_a_bad_finding_says_what_to_do():
    with pytest.raises(InputError, match="says nothing to do about it"):
        Finding("x", BAD, "y")


def test_only_what_is_bad_refuses_and_the_refusal_is_one_line_with_the_mend():
    fine, note, bad = Finding("a", OK, "1"), Finding("b", NOTE, "2"), Finding("c", BAD, "3 is too few", "Get more.")
    assert refusals([fine, note, bad]) == (bad,)
    must_be_fit([fine, note])
    with pytest.raises(UnfitError, match=r"arming is refused. c: 3 is too few. Get more. `hlm doctor` shows"):
        must_be_fit([fine, bad])


def test_a_grid_on_a_clock_that_waits_is_never_late():
    lateness = measured_lateness(SteppedClock(), 100.0, 0.5)
    assert (len(lateness.late_s), lateness.late_s.max(), lateness.skipped) == (50, 0.0, 0)


@pytest.mark.parametrize(
    ("late_ms", "skipped", "moving", "still"),
    [(0.2, 0, OK, OK), (2, 0, NOTE, NOTE), (6, 0, BAD, NOTE), (0, 9, BAD, NOTE)],
)
def test_a_late_machine_is_refused_for_what_can_hurt_alone(late_ms, skipped, moving, still):
    lateness = Lateness(100.0, np.full(100, late_ms * 1e-3), skipped)
    assert rate_finding(lateness, moves=True).verdict is moving
    assert rate_finding(lateness, moves=False).verdict is still


def test_all_processes_see_the_same_clock():
    resolution, shared, _ = clock_findings(MonotonicClock())
    assert (resolution.verdict, shared.verdict, shared.found) == (OK, OK, "the same")


@pytest.mark.parametrize(("status", "verdict"), [(0x40, NOTE), (0x1, OK)])
def test_the_kernel_says_whether_the_wall_clock_is_set(status, verdict):
    timex = bytearray(256)
    struct.pack_into("<q", timex, 16, round(-12.5 * 65536))
    struct.pack_into("<i", timex, 40, status)
    finding = wall_clock_finding(bytes(timex))
    assert finding.verdict is verdict
    assert "-12.5 ppm" in finding.found
    assert wall_clock_finding(None).verdict is NOTE


def test_what_is_not_granted_has_the_line_that_mends_it():
    fine = Limits(real_time=True, cores=4, lockable_bytes=None, user="ada")
    assert verdicts(scheduling_findings(fine)) == [OK, OK, OK]
    real_time, cores, memory = scheduling_findings(Limits(real_time=False, cores=1, lockable_bytes=8 << 20, user="ada"))
    assert (real_time.verdict, cores.verdict, memory.verdict) == (NOTE, NOTE, NOTE)
    assert "ada - rtprio 60" in real_time.remedy
    assert "ada - memlock unlimited" in memory.remedy


@pytest.mark.parametrize(
    ("load", "governor", "expected"),
    [("0.01", "performance", [OK, OK]), ("99", "powersave", [NOTE, NOTE]), ("", None, [NOTE, OK])],
)
def test_load_and_governor(tmp_path, load, governor, expected):
    put(tmp_path, "proc/loadavg", f"{load} 0 0 1/2 3\n" if load else "")
    if governor:
        put(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", governor)
    assert verdicts(processor_findings(tmp_path)) == expected


@pytest.mark.parametrize(("free", "verdict"), [(8e9, OK), (2e9, NOTE), (5e8, BAD), (None, NOTE)])
def test_memory(free, verdict):
    assert memory_finding(free).verdict is verdict


def test_a_place_to_record_to_is_tried_and_left_as_it_was(tmp_path):
    findings = disk_findings(tmp_path / "new" / "a.zarr", MonotonicClock(), sample_bytes=1 << 20)
    assert [finding.name for finding in findings] == ["disk space", "disk speed"]
    assert list(tmp_path.iterdir()) == []


def test_no_place_to_record_to(tmp_path, unwritable):
    (there,) = disk_findings(tmp_path, MonotonicClock())
    assert (there.verdict, there.found) == (BAD, f"{tmp_path} is already there")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert verdicts(disk_findings(tmp_path / "link", MonotonicClock())) == [BAD]
    (tmp_path / "file").touch()
    assert verdicts(disk_findings(tmp_path / "file" / "a.zarr", MonotonicClock())) == [BAD]
    assert verdicts([space_finding(tmp_path, 10**8), space_finding(tmp_path, 10**9)]) == [BAD, NOTE]
    assert verdicts([speed_finding(tmp_path, 1.0), speed_finding(tmp_path, 20.0)]) == [BAD, NOTE]
    folder = tmp_path / "locked"
    folder.mkdir()
    with unwritable(folder):
        assert verdicts(disk_findings(folder / "a.zarr", MonotonicClock()))[-1] is BAD


def test_a_full_disk(small_disk):
    space, speed = disk_findings(small_disk / "a.zarr", MonotonicClock(), sample_bytes=4 << 20)
    assert (space.verdict, speed.verdict) == (BAD, BAD)
    assert "no space left" in speed.found


def test_interfaces(tmp_path):
    for name, flags, state in (
        ("lo", "0x9", "unknown"),
        ("eth0", "0x1003", "up"),
        ("eth1", "0x1003", "down"),
        ("p2p", "0x1", "up"),
    ):
        put(tmp_path, f"sys/class/net/{name}/flags", flags)
        put(tmp_path, f"sys/class/net/{name}/operstate", state)
    assert verdicts(interface_findings("lo", tmp_path)) == [OK]
    assert verdicts(interface_findings("eth0", tmp_path)) == [OK, OK]
    assert verdicts(interface_findings("eth1", tmp_path)) == [BAD, OK]
    assert verdicts(interface_findings("p2p", tmp_path)) == [OK, BAD]
    (none,) = interface_findings(None, tmp_path)
    (unknown,) = interface_findings("wlan0", tmp_path)
    assert none.remedy == "Name it with --interface: eth0, eth1, lo, p2p"
    assert (unknown.verdict, unknown.found) == (BAD, "no 'wlan0' here")


def test_packages_are_named_with_the_command_that_installs_them(monkeypatch):
    assert set(verdicts(package_findings("mujoco"))) == {OK}
    monkeypatch.setattr("hlm.cli.diagnosis.packages.find_spec", lambda name: None)
    *_, torch = package_findings("unitree")
    assert torch.verdict is BAD
    assert any("pip install 'hlm[unitree]'" in finding.remedy for finding in package_findings("unitree"))


def test_images_that_take_too_long():
    assert rendering_finding(FakeCameras(SteppedClock()), SteppedClock()).verdict is OK
    clock = SteppedClock()

    class Slow(FakeCameras):
        def capture(self):
            clock.wait_until(clock.now_ns() + self.takes_ns)
            return super().capture()

    for takes_ns, verdict in ((50_000_000, NOTE), (200_000_000, BAD)):
        cameras = Slow(clock)
        cameras.takes_ns = takes_ns
        assert rendering_finding(cameras, clock).verdict is verdict


def test_a_policy_of_another_robot_or_with_other_cameras():
    assert verdicts(policy_findings(POLICY_SPEC, UNITREE_G1, ("head",))) == [OK, OK]  # right_wrist is optional
    assert verdicts(policy_findings(POLICY_SPEC, UNITREE_G1, ("left_wrist",))) == [OK, BAD]
    assert verdicts(policy_findings(FakePolicy(embodiment="h1").spec, UNITREE_G1, ("head",))) == [BAD, OK]


def test_latency_is_held_against_what_is_left_of_a_chunk():
    spec = FakePolicy(horizon=50, execution_horizon=25).spec
    for took_s, verdict in ((0.05, OK), (0.3, NOTE), (1.0, BAD)):
        assert latency_finding([took_s] * 10, spec).verdict is verdict
    policy = FakePolicy()
    assert len(measured_latencies_s(policy, UNITREE_G1, SteppedClock(), 4)) == 4
    assert len(policy.calls) == 5


def test_what_is_checked_before_every_arming(tmp_path):
    findings = quick_findings(
        "mujoco", MonotonicClock(), interface=None, record=tmp_path / "a", free_memory_bytes=10**10
    )
    assert refusals(findings) == ()
    unitree = quick_findings("unitree", MonotonicClock(), interface=None, record=None, free_memory_bytes=10**10)
    assert "interface" in [finding.name for finding in refusals(unitree)]


def test_the_doctor_lets_a_fit_machine_pass_and_says_so(folder, capsys, checkpoint, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    words = [
        "doctor",
        str(checkpoint),
        "--seconds",
        "0.1",
        "--chunks",
        "1",
        "--cameras",
        "head",
        "--json",
        "findings.json",
    ]
    code = main(words)
    findings = json.loads((folder / "findings.json").read_text())
    assert code == 0, [finding for finding in findings if finding["verdict"] == "bad"]
    names = [finding["name"] for finding in findings]
    assert {"100 Hz", "500 Hz", "clock", "memory", "rendering", "policy", "policy latency"} <= set(names)
    text = capsys.readouterr().out
    assert all(name in text for name in names)
    assert "nothing forbids arming." in text


def test_the_doctor_refuses_a_checkpoint_that_does_not_fit(folder, capsys, checkpoint):
    words = ["doctor", str(checkpoint), "--seconds", "0.1", "--chunks", "1", "--cameras", "left_wrist"]
    assert main(words) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert "policy's cameras: Connect and name them with --cameras" in text
    assert "arming is refused: 1 of" in text


def test_arguments_are_checked(refused):
    assert "no camera 'tail'" in refused("doctor", "--cameras", "tail")
    assert "--seconds must be between" in refused("doctor", "--seconds", "0")
    assert "not both" in refused("doctor", "x", "--server", "ws://127.0.0.1:1")
    assert "no task 'cups'" in refused("doctor", "--task", "cups")
    assert '--robot. Choose from: "mujoco", "unitree", "sonic".' in refused("doctor", "--robot", "atlas")


def test_the_port_behind_an_interface_is_not_part_of_its_name():
    assert DoctorArguments(robot="unitree", interface="lo:7500").interface_name == "lo"
    assert DoctorArguments().interface_name is None


def test_the_doctor_looks_at_the_cameras_that_a_deployment_would_open(checkpoint):
    def said(**chosen):
        return [group.said for group in camera_groups(DoctorArguments(robot="unitree", **chosen))]

    assert said(checkpoint=checkpoint, interface="lo:7500") == ["head=openhlm:127.0.0.1"]
    assert said(checkpoint=checkpoint, interface="eth0") == ["head=openhlm"]
    assert said(checkpoint=checkpoint, cameras=("wrists=openhlm",)) == ["wrists=openhlm"]
    assert said(interface="lo") == said(checkpoint=checkpoint, cameras=()) == []


class Link(FakeRobot):
    """A robot that may be under another controller, or not there."""

    others, own, error = False, "", None

    def __enter__(self):
        if self.error is not None:
            raise self.error
        return super().__enter__()

    def in_other_hands(self):
        return self.others

    def own_controller(self):
        return self.own


def test_a_robot_that_answers_and_that_nobody_else_commands():
    clock = SteppedClock()
    assert verdicts(robot_findings(Link(clock), UNITREE_G1, clock)) == [OK, OK, OK]
    assert verdicts(robot_findings(Link(clock, old_s=0.05), UNITREE_G1, clock)) == [NOTE, OK, OK]
    link = Link(clock, old_s=0.2)
    link.others = True
    assert verdicts(robot_findings(link, UNITREE_G1, clock)) == [BAD, OK, BAD]
    link.own = "ai"
    assert robot_findings(link, UNITREE_G1, clock)[2].found == "the robot's own 'ai' has the motors"
    assert not link.commands
    link.error = LostError("no measurement of a robot arrives within 3 s.")
    (lost,) = robot_findings(link, UNITREE_G1, clock)
    assert (lost.verdict, lost.found) == (BAD, "no measurement of a robot arrives within 3 s")


@pytest.mark.parametrize(("tilted_rad", "verdict"), [(0.01, OK), (0.15, NOTE), (0.3, BAD)])
def test_inertial_units_that_disagree_are_told(tilted_rad, verdict):
    class Twofold(Link):
        def read(self):
            torso = np.array([np.cos(0.5 * tilted_rad), 0.0, np.sin(0.5 * tilted_rad), 0.0])
            return replace(super().read(), quat_world_from_torso_wxyz=torso)

    clock = SteppedClock()
    found = robot_findings(Twofold(clock), UNITREE_G1, clock)[1]
    assert found.verdict is verdict
    assert found.found == f"pelvis and torso, {np.degrees(tilted_rad):.1f}° apart about the vertical"


def test_cameras_are_watched_for_rate_and_age():
    clock = SteppedClock()
    (head,) = camera_findings(FakeCameras(clock), clock)
    assert (head.verdict, head.found) == (OK, "24 x 16 px, 30 images a second, 0 ms old at most")
    assert verdicts(camera_findings(FakeCameras(clock, old_s=0.2), clock)) == [NOTE]
    assert verdicts(camera_findings(FakeCameras(clock, old_s=0.4), clock)) == [BAD]
