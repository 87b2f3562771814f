from contextlib import ExitStack

import numpy as np
import pytest
from fakes_headset import FakeHeadset, emulated_headset, emulator
from fakes_web import wait_for

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.commanded_body import CommandedBody
from hlm.core.clock import MonotonicClock
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.teleop.devices.device import Button
from hlm.teleop.devices.webxr import FOLDER, PAGE, WebXRConfig, WebXRDevice
from hlm.teleop.keypoints.body_keypoints import BodyKeypoints
from hlm.teleop.keypoints.webxr_body import JOINTS
from hlm.teleop.web.config import WebConfig
from hlm.teleop.web.numbers import LARGEST
from hlm.teleop.web.server import WebServer

__all__ = ["emulator"]  # a fixture

CLOCK = MonotonicClock()
POSE = [0.0, 1.6, 0.0, 0.0, 0.0, 0.0, 1.0]
CONTROLLER = {"wrist": POSE, "buttons": [0, 1, 0, 0, 0, 0], "axes": [0, 0, 0, 0]}


@pytest.fixture
def start(tmp_path):
    """Enters devices, with a server on this machine."""
    with ExitStack() as stack:

        def started(https=False, **config):
            web = WebConfig(port=0, https=https)
            server = WebServer(web, {FOLDER: PAGE}, clock=CLOCK, state_folder=tmp_path)
            stack.enter_context(server)
            device = stack.enter_context(WebXRDevice(WebXRConfig(web=web, **config), CLOCK, UNITREE_G1, server))
            return device, server

        yield started


@pytest.fixture
def connect(start):
    """A device and a fake headset whose clock is known to it."""
    headsets = []

    def connected(**config):
        device, server = start(**config)
        headset = FakeHeadset(server, CLOCK)
        headsets.append(headset)
        wait_for(lambda: (device.trouble != "" and "no headset" not in device.trouble) or not device.trouble)
        device.read()
        headset.answer()
        return device, headset

    yield connected
    for headset in headsets:
        headset.close()


def said(device, headset, **frame):
    """The sample of a frame that is captured now."""
    before = device.read()
    headset.send(type="frame", stamp_ms=headset.now_ms(), **frame)

    def newer():
        now = device.read()
        return now is not None and (before is None or now.stamp_ns > before.stamp_ns) and now

    return wait_for(newer)


def test_without_a_headset_it_says_how_to_connect_one(start):
    device, server = start()
    assert device.read() is None
    assert device.trouble == (
        f"no headset is connected: open the address that was shown ({server.origin}/headset/) on it"
    )
    assert device.address in device.invitation
    assert "█" in device.invitation


def test_stamps_are_those_of_the_capture_on_our_clock(connect):
    device, headset = connect()
    captured_ns = CLOCK.now_ns()
    captured_ms = headset.now_ms()
    headset.send(type="frame", stamp_ms=captured_ms, head=POSE)
    sample = wait_for(device.read)
    assert abs(sample.stamp_ns - captured_ns) < 50_000_000 + 1  # half of the round trip that a busy machine makes
    assert sample.stamp_ns <= CLOCK.now_ns()
    assert isinstance(sample.motion, BodyCommand)


def test_frames_that_come_too_late_are_left_out(connect):
    device, headset = connect()
    newest = said(device, headset, head=POSE)
    headset.send(type="frame", stamp_ms=headset.now_ms() - 5000.0, head=POSE)
    headset.send(type="state", state="hidden")
    wait_for(lambda: device.read() and "background" in device.trouble)
    assert device.read() is newest


def test_squeeze_moves_the_hand_and_buttons_ask(connect):
    device, headset = connect()
    first = said(device, headset, head=POSE, left=CONTROLLER)
    pressed = {**CONTROLLER, "wrist": [0.0, 1.6, -0.1, 0, 0, 0, 1], "buttons": [0, 1, 0, 0, 1, 0]}
    second = said(device, headset, head=POSE, left=pressed)
    moved_m = second.motion.grips[0].position_in_world_m - first.motion.grips[0].position_in_world_m
    np.testing.assert_allclose(moved_m, (0.1, 0.0, 0.0), atol=1e-9)
    assert first.buttons == set()
    assert second.buttons == {Button.SUCCESS}
    assert device.trouble == ""


def test_another_world_moves_nothing(connect):
    """As where a person has the headset put its origin where they stand, or another headset takes over."""
    device, headset = connect()
    there = {"head": POSE, "left": CONTROLLER}
    before = said(device, headset, world="a", **there).motion
    away = [2.0, 1.8, 1.0, 0, 0, 0, 1]
    elsewhere = {"head": away, "left": {**CONTROLLER, "wrist": away}}
    after = said(device, headset, world="b", **elsewhere).motion
    for target in ("grips", "head"):
        pairs = zip(*(np.atleast_1d(getattr(motion, target)) for motion in (before, after)), strict=True)
        for one, two in pairs:
            assert (one is None) == (two is None)
            assert one is None or np.array_equal(one.position_in_world_m, two.position_in_world_m)
    moved = said(
        device, headset, world="b", **{**elsewhere, "left": {**CONTROLLER, "wrist": [2.0, 1.8, 0.9, *away[3:]]}}
    )
    ahead_m = moved.motion.grips[0].position_in_world_m - before.grips[0].position_in_world_m
    np.testing.assert_allclose(ahead_m, (0.1, 0.0, 0.0), atol=1e-9)


@pytest.mark.parametrize(
    ("frame", "trouble"),
    [
        ({"stamp_ms": 1e305}, "instead of a number"),
        ({"stamp_ms": 10**400}, "instead of a number"),
        ({"head": None}, "does not know where it is"),
        ({"head": [0] * 7}, "unit quaternion"),
        ({"head": POSE, "left": "hand"}, "hand must be an object"),
        ({"head": [1e308, *POSE[1:]]}, "must be seven numbers"),
        ({"head": [10**400, *POSE[1:]]}, "must be seven numbers"),
    ],
)
def test_a_bad_frame_is_no_sample(connect, frame, trouble):
    device, headset = connect()
    newest = said(device, headset, head=POSE, left=CONTROLLER)
    headset.send(**{"type": "frame", "stamp_ms": headset.now_ms(), **frame})
    wait_for(lambda: device.read() and trouble in device.trouble)
    assert device.read() is newest
    said(device, headset, head=POSE, left=CONTROLLER)
    assert device.trouble == ""


def test_the_farthest_pose_is_one_that_the_body_can_follow(connect):
    device, headset = connect()
    said(device, headset, head=POSE, left=CONTROLLER)
    far = [-LARGEST, LARGEST, LARGEST, 0, 0, 0, 1]
    motion = said(device, headset, head=far, left={**CONTROLLER, "wrist": far}).motion
    followed = CommandedBody(UNITREE_G1).pose(motion, 1.0 / 30.0).configuration
    assert np.isfinite(followed.joint_position_rad).all()


def test_nothing_in_its_hands_is_said(connect):
    device, headset = connect()
    said(device, headset, head=POSE)
    assert device.trouble == "the headset sees neither hands nor controllers"


def test_a_headset_that_left_makes_room_for_the_next(connect):
    device, headset = connect()
    said(device, headset, head=POSE)
    other = FakeHeadset(device._server, CLOCK, ahead_ms=-77.0)
    wait_for(lambda: len(device._channel.clients) == 2)
    other.send(type="frame", stamp_ms=other.now_ms(), head=POSE, left=CONTROLLER)
    said(device, headset, head=POSE)
    assert device.trouble == "the headset sees neither hands nor controllers"
    headset.close()
    wait_for(lambda: len(device._channel.clients) == 1)
    device._asked_ns = None
    device.read()
    other.answer()
    said(device, other, head=POSE, left=CONTROLLER)
    assert device.trouble == ""
    other.close()
    wait_for(lambda: "no headset is connected" in device.trouble)


def test_a_body_is_all_of_its_joints_or_none(connect):
    device, headset = connect(body=True)
    joints = dict.fromkeys(JOINTS.values(), POSE)
    sample = said(device, headset, head=POSE, joints=joints)
    assert isinstance(sample.motion, BodyKeypoints)
    assert sample.motion.stamp_ns == sample.stamp_ns
    del joints["left-foot-ball"]
    headset.send(type="frame", stamp_ms=headset.now_ms(), head=POSE, joints=joints)
    wait_for(
        lambda: device.read() and device.trouble.endswith("does not tell 1 joints of the body, such as left-foot-ball")
    )
    headset.send(type="frame", stamp_ms=headset.now_ms(), head=POSE)
    wait_for(lambda: device.read() and "tells no joints of the body" in device.trouble)
    assert device.read() is sample


def test_it_says_what_it_cannot_command(start):
    assert any("feet: a stick walks" in line for line in start()[0].cannot)
    assert not any("feet" in line for line in start(body=True)[0].cannot)


def test_an_emulated_headset_in_a_real_browser(start, emulator):
    """The page as a headset shows it, over HTTPS with our own certificate."""
    device, _ = start(https=True)
    with emulated_headset(emulator) as page:
        page.goto(device.address)
        page.wait_for_selector("#enter:enabled")
        wait_for(lambda: device.read() is None and "nobody has pressed Enter" in device.trouble)
        page.click("#enter")
        first = browsed(page, device, lambda sample: sample is not None)
        assert "neither" not in device.trouble
        press(page, "right", "squeeze", 1)
        browsed(page, device, lambda sample: sample.motion.grips[1] is not None)
        before = device.read().motion
        # In small steps: what moves while a busy machine is silent for long is left out, as it should be.
        step = "headset.controllers.right.position.z -= 0.01; headset.position.y -= 0.01"
        moved = browsed(page, device, lambda sample: ahead_and_down_m(before, sample.motion).min() > 0.05, step)
        assert moved.motion.grips[0] is not None
        world = device._world
        browsed(page, device, lambda _: device._world != world, "headset.recenter()")
        press(page, "left", "trigger", 1)
        press(page, "right", "a-button", 1)
        page.evaluate("headset.controllers.left.updateAxis('thumbstick', 'y-axis', -1)")
        walks = browsed(page, device, lambda sample: sample.motion.velocity_m_s[0] > 0.1)
        assert walks.buttons == {Button.ENGAGE}
        assert walks.motion.gripper_opening.tolist() == [0.0, 1.0]
        page.evaluate("headset.guesses = true")
        wait_for(lambda: (turn(page), device.read()) and "does not know where it is" in device.trouble)
        page.evaluate("headset.guesses = false; headset.primaryInputMode = 'hand'")
        hands = browsed(page, device, lambda sample: sample.buttons == set())
        assert hands.stamp_ns > first.stamp_ns
        page.evaluate("headset.activeSession.end()")
        wait_for(lambda: (turn(page), device.read()) and "was left" in device.trouble)
        assert page.inner_text("#state").startswith("The session was left")


def press(page, hand, button, value):
    page.evaluate(f"headset.controllers.{hand}.updateButtonValue('{button}', {value})")


def turn(page):
    """Let the browser go on."""
    page.wait_for_timeout(5)


def ahead_and_down_m(before, after):
    """[2] how far the right hand went ahead, and the pelvis down."""
    hands_m = [motion.grips[1].position_in_world_m[0] for motion in (before, after)]
    return np.array([hands_m[1] - hands_m[0], before.pelvis_height_m - after.pelvis_height_m])


def browsed(page, device, fits, each="0"):
    """The first sample that fits; the browser runs meanwhile, and `each` is done again and again."""

    def ask():
        page.evaluate(each)
        turn(page)
        sample = device.read()
        return sample is not None and fits(sample) and sample

    return wait_for(ask)
