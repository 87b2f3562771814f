"""The 3-D view in a real browser: a handle is dragged by mouse and finger. Drawing by software takes a core: slow."""

import numpy as np
import pytest
from fakes_browser import chromium
from fakes_page import Loop

from hlm.control.model import BodyModel
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.rotations import matrix_from_quat
from hlm.teleop.page.part_poses import Part, drawn_robot
from hlm.teleop.page.scene import CAMERA_M, FIELD_OF_VIEW_RAD, LOOKS_AT_M

pytest.importorskip("viser", reason="viser is not installed")
pytestmark = pytest.mark.slow


def pixel(point_m, box):
    """Where a point of the stance frame is drawn in the view as it is first seen."""
    ahead = np.subtract(LOOKS_AT_M, CAMERA_M)
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    up = np.cross(right, ahead)
    offset = point_m - CAMERA_M
    scale = 0.5 * box["height"] / np.tan(0.5 * FIELD_OF_VIEW_RAD) / (ahead @ offset)
    return (
        box["x"] + 0.5 * box["width"] + scale * (right @ offset),
        box["y"] + 0.5 * box["height"] - scale * (up @ offset),
    )


class Mouse:
    """Comes to a place before it is pressed there."""

    def __init__(self, page):
        self.page, self.move, self.release = page, page.mouse.move, page.mouse.up

    def press(self, x, y):
        self.page.mouse.move(x, y)
        self.page.wait_for_timeout(500)
        self.page.mouse.down()


class Finger:
    """Is nowhere before it touches."""

    def __init__(self, page):
        self.line = page.context.new_cdp_session(page)

    def touch(self, kind, *places):
        points = [{"x": x, "y": y} for x, y in places]
        self.line.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def press(self, x, y):
        self.touch("touchStart", (x, y))

    def move(self, x, y):
        self.touch("touchMove", (x, y))

    def release(self):
        self.touch("touchEnd")


@pytest.mark.parametrize("pointer", [Mouse, Finger])
def test_a_hand_is_dragged_by_an_arrow(pointer):
    with chromium() as browser, Loop(rate_hz=3.0) as loop:
        page = browser.new_page(viewport={"width": 900, "height": 700}, has_touch=True)
        page.set_default_timeout(60_000)
        page.goto(loop.page.address)
        page.wait_for_selector("body[data-role=commands]")
        page.frame_locator("#view").locator("canvas").first.wait_for()
        page.wait_for_timeout(5_000)  # until it is drawn, which nothing outside of the view tells
        box = page.locator("#view").bounding_box()
        shown = loop.body.shown(loop.body.configuration.vector, np.ones(2))
        hand = drawn_robot(BodyModel(UNITREE_G1), shown, np.eye(4)).parts[Part.RIGHT_HAND]
        arrow = matrix_from_quat(hand.quat_wxyz)[:, 0]
        # Beyond the rings, which turn the hand where they cross the arrow.
        for length_m in (0.2, 0.22, 0.18, 0.24):
            start_m = hand.position_m + length_m * arrow
            drag(pointer(page), page, [pixel(start_m + share * arrow, box) for share in np.linspace(0.0, 0.15, 8)])
            if moved_m(loop, hand) @ arrow > 0.05:
                break
        sideways_m = moved_m(loop, hand) - (moved_m(loop, hand) @ arrow) * arrow
        assert moved_m(loop, hand) @ arrow > 0.05
        assert np.linalg.norm(sideways_m) < 0.03
        assert loop.command.grips[0] is None


def drag(pointer, page, way):
    """Slowly: a browser that draws by software sees only what stays for a while."""
    pointer.press(*way[0])
    for place in way:
        pointer.move(*place)
        page.wait_for_timeout(150)
    pointer.release()
    page.wait_for_timeout(1_000)


def moved_m(loop, hand):
    target = loop.command.grips[1]
    return np.zeros(3) if target is None else target.position_in_world_m - hand.position_m
