"""The page's process may be late, refused or killed: the loop goes on, and is told."""

import os
import signal

import numpy as np
import pytest

from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import InputError
from hlm.core.listening import bind
from hlm.core.shared_slots import SharedSlots
from hlm.teleop.page.mailboxes import put
from hlm.teleop.page.page_config import PageConfig
from hlm.teleop.page.page_desk import PageDesk
from hlm.teleop.page.page_device import PageDevice
from hlm.teleop.page.page_process import PageProcess
from hlm.teleop.page.page_view import PageView

pytest.importorskip("viser", reason="viser is not installed")


class Clock:
    now = 0

    def now_ns(self):
        return self.now


def test_a_killed_page_is_told_and_costs_the_loop_nothing():
    with PageProcess(PageConfig(port=0)) as page:
        assert page.address.startswith("http://127.0.0.1:")
        page.publish(PageView(state="idle"))
        assert page.device.read() is None
        assert page.device.trouble == f"no page is open: open {page.address} in a browser"
        os.kill(page.pid, signal.SIGKILL)
        clock = MonotonicClock()
        while not page.trouble:
            clock.wait_until(clock.now_ns() + NS_PER_S // 100)
        assert page.trouble == "the page is gone: the page process was killed by SIGKILL"
        assert page.device.trouble == page.trouble
        page.publish(PageView(state="recording"))
        page.images({"head": np.zeros((8, 8, 3), np.uint8), "elbow": np.zeros((8, 8, 3), np.uint8)})
        assert page.events() == []


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
    box, clock = SharedSlots(2**14), Clock()
    device = PageDevice(box, clock, death=lambda: "", address=lambda: "http://here/")
    desk = PageDesk()
    desk.meet([1])
    desk._stamp_ns = NS_PER_S
    put(box, desk.sample())
    clock.now = NS_PER_S
    assert device.trouble == ""
    assert device.read().stamp_ns == NS_PER_S
    clock.now = 3 * NS_PER_S
    assert device.trouble == "the page has been silent for 2.0 s: show its tab, or open http://here/ again"
