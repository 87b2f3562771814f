"""Demonstrations through the operator's page: a script presses its keys, sliders and buttons in a real browser.

It starts `hlm record --source page`, opens the page in Chromium, and does the task as a person does who looks at the page:
it knows the instruction, the state of the session, and the table that tells how far things are from the hand. What
it keeps as a success the task's own scoring has seen as well; the rest is discarded, and its scene is recorded again.

`python scripts/studies/page_operator.py --episodes 40 --out runs/page_demos.zarr`
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from hlm.datasets.reader import open_dataset
from hlm.datasets.store.naming import numbered_episodes

type Way = NDArray[np.float64]

HLM = (sys.executable, "-m", "hlm.cli.main")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER_FLAGS = ("--enable-unsafe-swiftshader", "--use-angle=swiftshader", "--no-sandbox")
PLACE, HAND_KEY, GRIPPER_KEY = "mat", "2", "c"
STEP_M = 0.01
ARROWS = (("ArrowUp", "ArrowDown"), ("ArrowLeft", "ArrowRight"), ("PageUp", "PageDown"))
LOOK_S = 0.03
# Of the handle along each axis between two looks.
MOST_STEPS = 3
# A hand that moves less than this in this time has come to rest.
RESTS_M, RESTS_S, STUCK_S = 0.004, 0.2, 1.5
# Near enough on the way, near enough where it matters, and how much may be added to come there.
NEAR_M, EXACT_M, MOST_CORRECTED_M = 0.04, 0.01, 0.05
PATIENCE_S = 120.0


class NotDoneError(Exception):
    """The page did not come to what was waited for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """What differs from episode to episode, as it does with people.

    Attributes:
        lead_m: how far the handle is ahead of the hand: the larger, the faster.
        behind_m: how far in front of a thing the hand comes down before it goes ahead.
        above_m: how far above it.
        height_m: of the grasp above the middle of the thing.
        turn: steps by which the hand is turned in for what lies across.
        by_keys: whether it squats by keys; otherwise by dragged sliders.
    """

    lead_m: float
    behind_m: float
    above_m: float
    height_m: float
    turn: int
    by_keys: bool

    @classmethod
    def drawn(cls, rng: random.Random) -> Style:
        """A style at random."""
        return cls(
            lead_m=rng.uniform(0.09, 0.13),
            behind_m=rng.uniform(0.13, 0.17),
            above_m=rng.uniform(0.05, 0.08),
            height_m=rng.uniform(-0.01, 0.015),
            turn=rng.randint(9, 12),
            by_keys=rng.random() < 0.5,
        )


class Screen:
    """The page as a person sees and touches it."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self.keyboard = page.keyboard
        self.pauses = 0

    @property
    def state(self) -> str:
        """Of the session."""
        return str(self._page.locator("body").get_attribute("data-state"))

    @property
    def instruction(self) -> str:
        """Of the next or the open episode."""
        return str(self._page.locator("#instruction").input_value())

    @property
    def recorded_s(self) -> float:
        """Length of the open episode."""
        return float(self._page.locator("#state").get_attribute("data-seconds") or 0.0)

    def ways(self) -> dict[str, Way]:
        """[3] ahead, left and up in m from the right hand to each thing."""
        rows = self._page.locator("#aims tbody").evaluate(
            "body => [...body.rows].map(row => [...row.cells].map(cell => cell.textContent))"
        )
        return {name: 0.01 * np.array([float(one) for one in way]) for name, *way in rows}

    def look(self, seconds: float) -> None:
        """Let the page go on."""
        self._page.wait_for_timeout(1000.0 * seconds)

    def wait(self, seconds: float) -> None:
        """Let the page go on; an episode that paused, because the page was late on a busy machine, is resumed."""
        self.look(seconds)
        if self.state == "paused":
            self.pauses += 1
            self.keyboard.press("f")
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

    def pass_time(self, seconds: float) -> None:
        """Wait for so much of the recorded time, which a busy machine makes slowly."""
        end_s = self.recorded_s + seconds
        self.until(lambda: self.recorded_s >= end_s or self.state != "recording", f"{seconds} s of the episode")

    def click(self, name: str) -> None:
        """Press the button with these words."""
        self._page.get_by_role("button", name=name, exact=True).click()

    def slide(self, name: str, value: float, seconds: float) -> None:
        """Drag a slider to a value with the mouse."""
        slider = self._page.locator(f'[data-slider="{name}"]')
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        low, high, now = (float(slider.evaluate(f"one => one.{key}")) for key in ("min", "max", "value"))
        thumb_px = box["height"]

        def x_px(at: float) -> float:
            return float(box["x"] + 0.5 * thumb_px + (at - low) / (high - low) * (box["width"] - thumb_px))

        mouse, y_px, moves = self._page.mouse, box["y"] + 0.5 * box["height"], max(2, round(seconds / LOOK_S))
        mouse.move(x_px(now), y_px)
        mouse.down()
        for move in range(1, moves + 1):
            mouse.move(x_px(now + move / moves * (value - now)), y_px)
            self.wait(LOOK_S)
        mouse.up()


class Hand:
    """The right hand, moved by the arrow keys of its handle.

    Positions are counted from the mat, which does not move: where the hand is, is the way from the mat to it.

    Args:
        screen: the page.
        lead_m: how far the handle is ahead of the hand.
    """

    def __init__(self, screen: Screen, lead_m: float) -> None:
        self._screen = screen
        self._lead_m = lead_m
        screen.keyboard.press(HAND_KEY)
        screen.until(lambda: PLACE in screen.ways(), "the table of ways")
        self._handle_m = self.position_m()
        self._press(np.array([0, 0, 1]))  # a handle that was not touched would go with the body

    def position_m(self) -> Way:
        """[3] of the hand."""
        way: Way = -self._screen.ways()[PLACE]
        return way

    def object_m(self, name: str) -> Way:
        """[3] of the middle of a thing."""
        ways = self._screen.ways()
        return ways[name] - ways[PLACE]

    def go(self, goal_m: Callable[[], Way], *, turn: int = 0, exactly: bool = False) -> None:
        """Move to a [3] goal, and on the way turn by steps to the left; where it matters, correct what is missing at last."""
        end_s, correction_m = time.monotonic() + PATIENCE_S, np.zeros(3)
        rest_m, rest_since_s = self.position_m(), self._screen.recorded_s
        while time.monotonic() < end_s and self._screen.state in ("recording", "paused"):
            hand_m, goal, now_s = self.position_m(), goal_m(), self._screen.recorded_s
            steps = self._steps(goal + correction_m, hand_m)
            self._press(steps)
            if turn:
                self._turn(1 if turn > 0 else -1)
                turn -= 1 if turn > 0 else -1
            self._screen.wait(LOOK_S)
            if steps.any() or turn or np.abs(hand_m - rest_m).max() > RESTS_M:
                rest_m, rest_since_s = hand_m, now_s
            missing_m = goal - hand_m
            if not exactly and not steps.any() and not turn and np.linalg.norm(missing_m) < NEAR_M:
                return
            if now_s - rest_since_s > (RESTS_S if exactly else STUCK_S):
                if not exactly or np.abs(missing_m).max() < EXACT_M or np.abs(correction_m).max() > MOST_CORRECTED_M:
                    return
                correction_m = correction_m + np.clip(missing_m, -2.0 * STEP_M, 2.0 * STEP_M)
                rest_since_s = now_s
        raise NotDoneError("the hand did not come to where it was sent.")

    def _steps(self, goal_m: Way, hand_m: Way) -> NDArray[np.int64]:
        """[3] steps of the handle now: towards the goal, not too far ahead of the hand."""
        wanted_m = goal_m - self._handle_m
        room_m = self._lead_m - np.sign(wanted_m) * (self._handle_m - hand_m)
        moved_m = np.sign(wanted_m) * np.minimum(np.abs(wanted_m), np.clip(room_m, 0.0, MOST_STEPS * STEP_M))
        steps: NDArray[np.int64] = np.rint(moved_m / STEP_M).astype(np.int64)
        return steps

    def _press(self, steps: NDArray[np.int64]) -> None:
        for (more, less), count in zip(ARROWS, steps, strict=True):
            for _ in range(abs(int(count))):
                self._screen.keyboard.press(more if count > 0 else less)
        self._handle_m = self._handle_m + STEP_M * steps

    def _turn(self, sign: int) -> None:
        self._screen.keyboard.press("Shift+PageUp" if sign > 0 else "Shift+PageDown")

    def grip(self) -> None:
        """Close the gripper, or open it, and wait for the fingers."""
        self._screen.keyboard.press(GRIPPER_KEY)
        self._screen.pass_time(0.6)


class Operator:
    """Does an episode of a task.

    Args:
        screen: the page, recording.
        style: of this episode.
    """

    def __init__(self, screen: Screen, style: Style) -> None:
        self._screen = screen
        self._style = style

    def do(self, task: str) -> None:
        """Do the task that the instruction names."""
        words = self._screen.instruction.split()
        named = next(name for name in self._screen.ways() if name in words and name != PLACE)
        {"shelf_cup_transfer": self._shelf, "cola_placement": self._cola}[task](named)

    def _shelf(self, cup: str) -> None:
        style, screen = self._style, self._screen
        hand = Hand(screen, style.lead_m)
        self._squat()
        self._grasp(hand, cup)
        lifted_m = hand.position_m() + [0.0, 0.0, 0.07]
        hand.go(lambda: lifted_m)
        clear_m = np.array([-0.17, min(lifted_m[1], -0.20), lifted_m[2] + 0.02])
        hand.go(lambda: clear_m)
        screen.click("Stand upright")
        self._place(hand, cup, clear_m[:2])
        back_m = hand.position_m() + [-0.10, -0.03, 0.02]
        hand.go(lambda: back_m)

    def _cola(self, can: str) -> None:
        raise NotImplementedError

    def _squat(self) -> None:
        if self._style.by_keys:
            for _ in range(7):
                self._screen.keyboard.press("g")
                self._screen.keyboard.press("b")
                self._screen.wait(LOOK_S)
        else:
            self._screen.slide("pelvis_height_m", 0.60, 0.5)
            self._screen.slide("pelvis_pitch_rad", 0.30, 0.3)

    def _grasp(self, hand: Hand, thing: str) -> None:
        style = self._style

        def at_thing(behind_m: float, above_m: float) -> Callable[[], Way]:
            return lambda: hand.object_m(thing) + [-behind_m, 0.0, above_m + style.height_m]

        hand.go(at_thing(style.behind_m + 0.04, style.above_m))
        hand.go(at_thing(style.behind_m, 0.0))
        hand.go(at_thing(0.0, 0.0), exactly=True)
        hand.grip()

    def _place(self, hand: Hand, thing: str, column_m: Way) -> None:
        """Up in the column where the hand is, over the mat, down, and let go."""
        held_m = hand.position_m() - hand.object_m(thing)
        half_m = 0.06

        def at_mat(above_m: float) -> Callable[[], Way]:
            return lambda: held_m + [0.0, 0.0, half_m + above_m]

        up_m = np.array([*column_m, at_mat(self._style.above_m)()[2]])
        hand.go(lambda: up_m)
        hand.go(at_mat(self._style.above_m), turn=self._style.turn)
        hand.go(at_mat(0.004), exactly=True)
        hand.grip()


class Session:
    """Records episodes through the page of one command.

    Args:
        screen: of its page.
        task: to do.
        rng: source of the variation.
        say: shows a line.
    """

    def __init__(self, screen: Screen, task: str, rng: random.Random, say: Callable[[str], None]) -> None:
        self._screen, self._task, self._rng, self._say = screen, task, rng, say

    def record(self, path: Path, wanted: int) -> None:
        """Record until there are so many episodes that were kept."""
        tried = 0
        while (have := len(numbered_episodes(path, partial=False)) if path.exists() else 0) < wanted:
            began_s = time.monotonic()
            tried += 1
            kept = self._episode()
            took = f"{time.monotonic() - began_s:.0f} s"
            self._say(f"attempt {tried}, episode {have + kept} of {wanted}: {'kept' if kept else 'discarded'}, {took}")

    def _episode(self) -> bool:
        """One attempt; whether it was kept."""
        screen = self._screen
        screen.until_state("idle", "following")
        self._let_go()
        screen.keyboard.press("r")
        screen.until_state("recording", "following", "stopped")
        if screen.state != "recording":
            return False
        try:
            Operator(screen, Style.drawn(self._rng)).do(self._task)
            screen.pass_time(1)
        except NotDoneError as error:
            self._say(str(error))
        done = self._stands_on_mat()
        while screen.state in ("recording", "paused"):
            screen.keyboard.press("r")
            screen.look(0.3)
        screen.until_state("review", "idle")
        screen.keyboard.press("y" if done else "x")
        screen.until_state("idle", "following")
        return done

    def _let_go(self) -> None:
        """Leave everything to the body again, with open hands."""
        screen = self._screen
        screen.keyboard.press(HAND_KEY)
        screen.keyboard.press("0")
        screen.click("Stand upright")

    def _stands_on_mat(self) -> bool:
        ways = self._screen.ways()
        words = self._screen.instruction.split()
        named = next((name for name in ways if name in words), None)
        if named is None:
            return False
        off_m = ways[named] - ways[PLACE]
        return bool(np.abs(off_m[:2]).max() < 0.06 and 0.04 < off_m[2] < 0.08)


@contextmanager
def command(words: Sequence[str], log: Path) -> Iterator[str]:
    """`hlm record --source page` while it runs; gives its address.

    Raises:
        SystemExit: it did not start.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as errors:
        program = subprocess.Popen(
            [*HLM, "record", "--source", "page", "--port", "0", *words],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        for line in program.stdout or ():
            if found := re.search(r"http://\S+", line):
                yield found[0]
                return
        sys.exit(f"the command did not start: {log.read_text()[-2000:]}")
    finally:
        if program.poll() is None:
            program.send_signal(signal.SIGINT)
            program.wait(60)


@contextmanager
def screen(address: str, film: Path | None, *, view: bool) -> Iterator[Screen]:
    """The page in headless Chromium.

    Args:
        address: of the page.
        film: folder for a film of it; None for none.
        view: whether the 3-D view is drawn, which a machine without a graphics card draws slowly.
    """
    from playwright.sync_api import sync_playwright

    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(BROWSER_FLAGS))
        size = {"width": 1400, "height": 900}
        extra = {} if film is None else {"record_video_dir": str(film), "record_video_size": size}
        context = browser.new_context(viewport=size, **extra)
        page = context.new_page()
        if not view:
            page.route(
                "**/*",
                lambda route: (
                    route.abort()
                    if route.request.resource_type == "document" and not route.request.url.startswith(address)
                    else route.continue_()
                ),
            )
        page.goto(address)
        try:
            yield Screen(page)
        finally:
            context.close()
            browser.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Record, and say how it went."""
    options = _options(arguments)
    say = Console().print
    words = ["--task", options.task, "--out", str(options.out), "--seed", str(options.seed), "--countdown", "0.5"]
    have = len(numbered_episodes(options.out, partial=False)) if options.out.exists() else 0
    if have:
        words = [*words[:4], "--append", *words[6:]]
    with (
        command(words, options.out.with_suffix(".log")) as address,
        screen(address, options.film, view=options.view) as page,
    ):
        Session(page, options.task, random.Random(options.seed + have), say).record(options.out, options.episodes)
    lengths = [len(episode) / 30.0 for episode in open_dataset(options.out)]
    say(f"{len(lengths)} episodes, {sum(lengths) / len(lengths):.1f} s each, in {options.out}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--task", default="shelf_cup_transfer")
    parser.add_argument("--episodes", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--film", type=Path, help="folder for a film of the page")
    parser.add_argument("--no-view", dest="view", action="store_false", help="do not draw the 3-D view")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
