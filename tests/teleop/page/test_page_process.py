"""The page's process may be late, refused or killed: the loop goes on, and is told."""

import json
import os
import signal
from urllib.parse import urlsplit

import numpy as np
import pytest
from websockets.sync.client import connect

from hlm.control.body_command import BodyCommand
from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import InputError
from hlm.core.listening import bind
from hlm.teleop.page.controls import Controls, Slider, slid
from hlm.teleop.page.mailboxes import Mailboxes, newest, put
from hlm.teleop.page.page_config import PageConfig
from hlm.teleop.page.page_desk import PageDesk
from hlm.teleop.page.page_device import PageDevice
from hlm.teleop.page.page_job import Served
from hlm.teleop.page.page_process import PageProcess, _as_served
from hlm.teleop.page.page_view import PageView

pytest.importorskip("viser", reason="viser is not installed")


class Clock:
    now = 0

    def now_ns(self):
        return self.now


def kill(page):
    """Kill its process, and wait until that is known."""
    os.kill(page.pid, signal.SIGKILL)
    until(lambda: page.trouble)


def until(condition):
    clock = MonotonicClock()
    while not condition():
        clock.wait_until(clock.now_ns() + NS_PER_S // 100)


def run_until(page, condition):
    """Be the loop until something holds."""

    def step():
        page.publish(PageView(state="recording"))
        return condition()

    until(step)


def hello(address):
    """A browser's side of the line: where its 3-D view is, and what is set."""
    with connect(f"ws://{urlsplit(address).netloc}/ws/page", max_size=None) as line:
        known = {}
        while "view" not in known:
            if isinstance(frame := line.recv(), str):
                known |= {(message := json.loads(frame))["type"]: message}
        return known["scene"]["port"], known["view"]["controls"]


def test_a_killed_page_is_started_again_once_at_its_address_with_what_was_set():
    config = PageConfig(port=0)
    with PageProcess(config) as page:
        assert page.address.startswith("http://127.0.0.1:")
        page.publish(PageView(state="idle"))
        assert page.device.read() is None
        assert page.device.trouble == f"no page is open: open {page.address} in a browser"
        before, address = page.pid, page.address
        set_by_a_page = PageDesk()
        set_by_a_page._stamp_ns = NS_PER_S
        set_by_a_page.controls = Controls(pelvis_height_m=0.6, gripper_opening=np.array([1.0, 0.0]))
        put(page._boxes.commands, set_by_a_page.sample())
        view_port, _ = hello(address)
        kill(page)
        assert page.trouble == "the page is gone: the page process was killed by SIGKILL"
        assert page.device.trouble == page.trouble
        page.images({"head": np.zeros((8, 8, 3), np.uint8), "elbow": np.zeros((8, 8, 3), np.uint8)})
        page.publish(PageView(state="recording"))
        assert page.trouble == "the page is started again: the page process was killed by SIGKILL"
        run_until(page, lambda: not page.trouble)
        assert (page.pid != before, page.address) == (True, address)
        assert page.device.trouble.startswith("the page has been silent for")
        again, controls = hello(address)
        assert again == view_port
        assert (controls["pelvis_height_m"], controls["right_gripper"]) == (0.6, 0.0)
        assert controls["held"] == ["pelvis"]
        kill(page)
        page.publish(PageView(state="recording"))
        assert page.trouble == (
            "the page is gone again; end the session, the open episode stays recoverable: "
            "the page process was killed by SIGKILL"
        )


def test_a_page_whose_port_was_taken_meanwhile_says_so():
    with PageProcess(PageConfig(port=0)) as page:
        port = urlsplit(page.address).port
        kill(page)
        with bind("127.0.0.1", port) as taken:
            taken.listen()
            page.publish(PageView(state="recording"))
            assert f"could not be started again: cannot listen at port {port}" in page.trouble


def test_a_page_for_other_machines_keeps_its_token():
    served = Served("https://here:8040/?token=abcdefghijklmnopq", 8041)
    config = _as_served(PageConfig(host="0.0.0.0", port=0), served)
    assert (config.port, config.view_port, config.token) == (8040, 8041, "abcdefghijklmnopq")
    local = _as_served(PageConfig(port=0), Served("http://127.0.0.1:9000/", 9001))
    assert (local.port, local.view_port, local.token) == (9000, 9001, "")


def test_a_port_that_is_taken_is_named():
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(InputError, match=f"cannot listen at port {port}"),
            PageProcess(PageConfig(port=port, view_port=0)),
        ):
            pass


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"port": 9000, "view_port": 9000}, "cannot both have port 9000"),
        ({"rate_hz": 0.0}, "a rate_hz up to 60, got 0"),
        ({"image_height_px": 0}, "a positive image_height_px, got 0"),
    ],
)
def test_a_config_that_cannot_be_is_refused(fields, text):
    with pytest.raises(InputError, match=text):
        PageConfig(**fields)


def test_the_view_has_the_port_after_the_pages():
    assert PageConfig(port=9000).view_port == 9001
    assert PageConfig(port=0).view_port == 0


def test_a_silent_page_is_told_by_how_long():
    boxes, clock = Mailboxes.new(()), Clock()
    device = PageDevice(boxes, clock, death=lambda: "", address=lambda: "http://here/")
    desk = PageDesk()
    desk.meet([1])
    desk._stamp_ns = NS_PER_S
    put(boxes.commands, desk.sample())
    clock.now = NS_PER_S
    assert device.trouble == ""
    assert device.read().stamp_ns == NS_PER_S
    clock.now = 3 * NS_PER_S
    assert device.trouble == "the page has been silent for 2.0 s: show its tab, or open http://here/ again"


def test_a_posture_is_commanded_at_once_and_changed_from_there_once_the_page_has_it():
    boxes = Mailboxes.new(())
    device = PageDevice(boxes, Clock(), death=lambda: "", address=lambda: "http://here/")
    desk = PageDesk()
    desk.meet([1])
    desk._stamp_ns = NS_PER_S
    put(boxes.commands, desk.sample())
    posture = BodyCommand(pelvis_height_m=0.6, gripper_opening=np.array([1.0, 0.0]))
    device.pose(posture)
    assert device.read().motion.pelvis_height_m == 0.6, "before the page has heard of it"
    desk.pose(newest(boxes.postures), boxes.postures.written)
    desk.controls = slid(desk.controls, Slider.HEIGHT, 0.7)
    put(boxes.commands, desk.sample())
    motion = device.read().motion
    assert motion.pelvis_height_m == 0.7
    np.testing.assert_array_equal(motion.gripper_opening, posture.gripper_opening)
