"""The operator's page in a real browser, as a person sees and touches it."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from means import Keys, Means
from numpy.typing import NDArray

type Way = NDArray[np.float64]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Without a graphics card the 3-D view is drawn by software; without the view nothing needs that.
VIEW_FLAGS, FLAGS = ("--enable-unsafe-swiftshader", "--use-angle=swiftshader"), ("--disable-gpu",)
SIZE = {"width": 1400, "height": 900}
LOOK_S, PATIENCE_S = 0.03, 120.0
# What moves less than this in this time is at rest.
RESTS_M, RESTS_S = 0.004, 0.7
# Nothing outside of the 3-D view tells when it is drawn for the first time.
DRAWN_S = 25.0


class NotDoneError(Exception):
    """The page did not come to what was waited for."""


class Screen:
    """The page as a person sees and touches it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.means: Means = Keys(page)
        self.pauses = 0

    @property
    def state(self) -> str:
        """Of the session."""
        return str(self.page.locator("body").get_attribute("data-state"))

    @property
    def instruction(self) -> str:
        """Of the next or the open episode."""
        return str(self.page.locator("#instruction").input_value())

    @property
    def recorded_s(self) -> float:
        """Length of the open episode."""
        return float(self.page.locator("#state").get_attribute("data-seconds") or 0.0)

    def ways(self) -> dict[str, Way]:
        """[3] ahead, left and up in m from the right hand to each thing."""
        rows = self.page.locator("#aims tbody").evaluate(
            "body => [...body.rows].map(row => [...row.cells].map(cell => cell.textContent))"
        )
        return {name: 0.01 * np.array([float(one) for one in way]) for name, *way in rows}

    def named(self) -> str:
        """The thing that the instruction names."""
        words = self.instruction.split()
        return next(name for name in self.ways() if name in words[: words.index("on")])

    def look(self, seconds: float) -> None:
        """Let the page go on."""
        self.page.wait_for_timeout(1000.0 * seconds)

    def wait(self, seconds: float) -> None:
        """Let the page go on; an episode that paused, because the page was late on a busy machine, is resumed."""
        self.look(seconds)
        if self.state == "paused":
            self.pauses += 1
            self.means.press("engage")
            self.look(0.3)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something.

        Raises:
            NotDoneError: it did not come.
        """
        end_s = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end_s:
                raise NotDoneError(f"waited {PATIENCE_S:.0f} s for {what}; the page says {self.state}.")
            self.wait(LOOK_S)

    def until_state(self, *states: str) -> None:
        """Wait for a state of the session."""
        self.until(lambda: self.state in states, " or ".join(states))

    def until_at_rest(self) -> None:
        """Wait until things stay where they are from the hand: a walk sways on for two seconds after its last step.

        Raises:
            NotDoneError: it did not come to rest.
        """
        seen, since_s = self._ways_m(), self.recorded_s

        def rests() -> bool:
            nonlocal seen, since_s
            now = self._ways_m()
            if now.shape != seen.shape or np.abs(now - seen).max() > RESTS_M:
                seen, since_s = now, self.recorded_s
            return self.recorded_s - since_s > RESTS_S or self.state != "recording"

        self.until(rests, "the robot to stand at rest")

    def _ways_m(self) -> Way:
        """[thing, 3] all ways."""
        return np.array(list(self.ways().values()))

    def pass_time(self, seconds: float) -> None:
        """Wait for so much of the recorded time, which a busy machine makes slowly."""
        end_s = self.recorded_s + seconds
        self.until(lambda: self.recorded_s >= end_s or self.state != "recording", f"{seconds} s of the episode")


@contextmanager
def opened(address: str, *, view: bool) -> Iterator[Screen]:
    """The page in headless Chromium.

    Args:
        address: of the page.
        view: whether the 3-D view is drawn, which a machine without a graphics card draws slowly.
    """
    from playwright.sync_api import sync_playwright

    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        sys.exit(f"no browser: install one of {', '.join(BROWSERS)}.")
    with sync_playwright() as playwright, ExitStack() as stack:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", *(VIEW_FLAGS if view else FLAGS)]
        )
        stack.callback(browser.close)
        page = browser.new_page(viewport=SIZE, has_touch=True)
        if not view:
            page.route("**/*", _without_frames)
        page.goto(address)
        if view:
            page.frame_locator("#view").locator("canvas").first.wait_for()
            page.wait_for_timeout(1000.0 * DRAWN_S)
        yield Screen(page)


def _without_frames(route: Any) -> None:
    """Fetch everything but documents of frames."""
    request = route.request
    framed = request.resource_type == "document" and request.frame.parent_frame is not None
    (route.abort if framed else route.continue_)()
