import numpy as np
import pytest
from fakes import SteppedClock
from fakes_pico import FakeXRoboToolkit

from hlm.core.errors import LostError, MissingDependencyError
from hlm.teleop.devices.device import Button
from hlm.teleop.devices.headset.one_way_offset import OneWayOffset
from hlm.teleop.devices.pico import PicoDevice
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.keypoints.smpl_body import INDICES

AHEAD_NS = 7 * 10**15
STEP_NS = 11_000_000


class Rig:
    """A device, its SDK and their clocks."""

    def __init__(self):
        self.clock, self.sdk = SteppedClock(), FakeXRoboToolkit()
        self.device = PicoDevice(self.clock, self.sdk).__enter__()

    def say(self, took_ns=0, **now):
        """A new sample, `took_ns` after its capture."""
        for name, value in now.items():
            setattr(self.sdk, name, value)
        self.clock.wait_until(self.clock.now_ns() + STEP_NS)
        self.sdk.stamp_ns = self.clock.now_ns() + AHEAD_NS - took_ns
        return self.device.read()


@pytest.fixture
def rig():
    return Rig()


def test_the_sdk_has_what_is_asked_of_it():
    sdk = pytest.importorskip("xrobotoolkit_sdk", reason="xrobotoolkit-sdk is not installed")
    returns = {"get_body_joints_pose": "list[list[float]]", "is_body_data_available": "bool", "init": "None"}
    for name in [name for name in vars(FakeXRoboToolkit) if not name.startswith("_")]:
        said = getattr(sdk, name).__doc__
        assert said.startswith(f"{name}() -> {returns.get(name, '')}"), said


def test_every_keypoint_is_a_joint_of_its_own_in_our_axes(rig):
    assert set(INDICES) == set(KEYPOINTS)
    assert len(set(INDICES.values())) == len(KEYPOINTS)
    motion = rig.say().motion
    for name, position_m in zip(KEYPOINTS, motion.position_in_world_m, strict=True):
        joint = INDICES[name]
        np.testing.assert_allclose(position_m, (0.1 * joint, -0.01 * joint, 1.0 + 0.01 * joint), atol=1e-9)
    assert np.isnan(motion.quat_world_from_keypoint_wxyz).all()


def test_left_is_left(rig):
    assert [INDICES[f"left_{part}"] for part in ("hip", "knee", "ankle", "shoulder", "wrist")] == [1, 4, 7, 16, 20]
    poses = [[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0] for _ in range(24)]
    poses[20] = [-0.7, 1.4, 0.0, 0.0, 0.0, 0.0, 1.0]
    motion = rig.say(poses=poses).motion
    assert motion.position_in_world_m[KEYPOINTS.index("left_wrist")].tolist() == [0.0, 0.7, 1.4]


def test_stamps_lie_on_our_clock_however_long_a_sample_took(rig):
    for _ in range(10):
        rig.say()
    slow = rig.say(took_ns=4_000_000)
    assert rig.clock.now_ns() - slow.stamp_ns == pytest.approx(4_000_000, abs=1000)
    assert slow.motion.stamp_ns == slow.stamp_ns


def test_a_drifting_clock_is_followed():
    offset, drift = OneWayOffset(), 50e-6
    for second in range(100):
        seen_ns = second * 10**9
        ours_ns = offset.ours_ns(round(seen_ns * (1 - drift)), seen_ns)
    assert abs(ours_ns - seen_ns) < 1.1e6


def test_the_same_sample_is_not_new(rig):
    first = rig.say()
    assert rig.device.read() is first
    assert rig.say().stamp_ns > first.stamp_ns


def test_triggers_and_buttons(rig):
    openings = [rig.say(triggers=[value, 0.0]).motion.gripper_opening.tolist() for value in (0.5, 0.7, 0.5, 0.3)]
    assert openings == [[1, 1], [0, 1], [0, 1], [1, 1]]
    assert rig.say(pressed={"A", "Y"}).buttons == {Button.ENGAGE, Button.DISCARD}
    assert rig.say(pressed={"left stick", "right stick"}).buttons == {Button.STOP}


def test_a_service_that_does_not_run_is_said(rig):
    assert rig.device.read() is None
    assert rig.device.trouble.startswith("XRoboToolkit delivers nothing: start its service on this machine")


def test_a_headset_that_sleeps_is_said(rig):
    newest = rig.say()
    assert rig.device.trouble == ""
    rig.clock.wait_until(rig.clock.now_ns() + 2 * 10**9)
    assert rig.device.read() is newest
    assert "has been silent for 2." in rig.device.trouble


@pytest.mark.parametrize(
    ("now", "trouble"),
    [
        ({"available": False}, "tracks no body"),
        ({"poses": [[0.0] * 7] * 24}, "tracks no body"),
        ({"poses": []}, "tracks no body"),
        ({"poses": [[float("nan")] * 7] * 24}, "must be seven numbers"),
        ({"poses": [[0.0] * 7] * 23 + [[1.0] * 7]}, "unit quaternion"),
    ],
)
def test_what_is_no_body_is_no_sample(rig, now, trouble):
    newest = rig.say()
    good = rig.sdk.poses
    assert rig.say(**now) is newest
    assert trouble in rig.device.trouble
    assert rig.say(available=True, poses=good) is not newest
    assert rig.device.trouble == ""


def test_an_sdk_that_is_missing_or_refuses_is_one_line(rig, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xrobotoolkit_sdk", None)
    with pytest.raises(MissingDependencyError, match="pip install 'hlm"):
        PicoDevice(rig.clock).__enter__()
    rig.sdk.init = lambda: (_ for _ in ()).throw(RuntimeError("no port"))
    with pytest.raises(LostError, match=r"cannot be used: no port\. Start its service"):
        PicoDevice(rig.clock, rig.sdk).__enter__()


def test_leaving_closes_it(rig):
    rig.device.__exit__(None, None, None)
    assert not rig.sdk.open
