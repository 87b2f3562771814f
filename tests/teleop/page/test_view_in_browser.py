"""The 3-D view in a real browser: a handle is dragged by the mouse. Drawing by software takes a core: slow."""

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


def test_a_hand_is_dragged_by_an_arrow():
    with chromium() as browser, Loop(rate_hz=3.0) as loop:
        page = browser.new_page(viewport={"width": 900, "height": 700})
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
            drag(page, box, hand.position_m + length_m * arrow, hand.position_m + (length_m + 0.15) * arrow)
            if moved_m(loop, hand) @ arrow > 0.05:
                break
        sideways_m = moved_m(loop, hand) - (moved_m(loop, hand) @ arrow) * arrow
        assert moved_m(loop, hand) @ arrow > 0.05
        assert np.linalg.norm(sideways_m) < 0.03
        assert loop.command.grips[0] is None


def drag(page, box, start_m, end_m):
    """Slowly: a browser that draws by software sees only what stays for a while."""
    page.mouse.move(*pixel(start_m, box))
    page.wait_for_timeout(500)
    page.mouse.down()
    for share in np.linspace(0.0, 1.0, 8):
        page.mouse.move(*pixel(start_m + share * (end_m - start_m), box))
        page.wait_for_timeout(150)
    page.mouse.up()
    page.wait_for_timeout(1_000)


def moved_m(loop, hand):
    target = loop.command.grips[1]
    return np.zeros(3) if target is None else target.position_in_world_m - hand.position_m
