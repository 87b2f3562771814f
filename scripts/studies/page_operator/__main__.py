"""Demonstrations through the operator's page: a script uses its keys, a mouse or fingers in a real browser.

It starts `hlm record --source page`, opens the page in Chromium, and does the task as a person does who looks at the
page: it knows the instruction, the state of the session, and the table that tells how far things are from the hand.
What does not stand on the mat at the end is discarded, and its scene is recorded again.

`python scripts/studies/page_operator --episodes 40 --out runs/page_demos.zarr`
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
from film import filmed, write_film
from hand import PLACE
from means import MEANS
from pick_and_place import HALF_HEIGHT_M, Operator, Style
from rich.console import Console
from screen import NotDoneError, Screen, opened

from hlm.core.clock import STEP_HZ
from hlm.datasets.reader import open_dataset
from hlm.datasets.store.naming import numbered_episodes

HLM = (sys.executable, "-m", "hlm.cli.main")


class Session:
    """Records episodes through the page of one command.

    Args:
        screen: of its page.
        task: to do.
        means: names of what it may be done with, drawn for each attempt.
        rng: source of the variation.
        say: shows a line.
    """

    def __init__(
        self, screen: Screen, task: str, means: Sequence[str], rng: random.Random, say: Callable[[str], None]
    ) -> None:
        self._screen, self._task, self._means, self._rng, self._say = screen, task, means, rng, say

    def record(self, path: Path, wanted: int, begins: Callable[[], None]) -> None:
        """Record until there are so many episodes that were kept; `begins` is called before each attempt."""
        tried = 0
        while (have := kept(path)) < wanted:
            begins()
            began_s = time.monotonic()
            tried += 1
            means = self._rng.choice(self._means)
            done = self._episode(means)
            what = f"{'kept' if done else 'discarded'}, {time.monotonic() - began_s:.0f} s"
            self._say(f"attempt {tried} by {means}, episode {have + done} of {wanted}: {what}")

    def _episode(self, means: str) -> bool:
        """One attempt; whether it was kept."""
        screen = self._screen
        screen.until_state("idle", "following")
        screen.means = MEANS[means](screen.page)
        screen.means.press("record")
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
            screen.means.press("record")
            screen.look(0.3)
        screen.until_state("review", "idle")
        screen.means.press("success" if done else "discard")
        screen.until_state("idle", "following")
        return done

    def _stands_on_mat(self) -> bool:
        """Whether the middle of the thing that was asked for is over the mat, by half its height."""
        ways = self._screen.ways()
        off_m = ways[self._screen.named()] - ways[PLACE]
        return bool(np.abs(off_m[:2]).max() < 0.06 and abs(off_m[2] - HALF_HEIGHT_M) < 0.02)


def kept(path: Path) -> int:
    """Number of the episodes of a dataset that may not exist yet."""
    return len(numbered_episodes(path, partial=False)) if path.exists() else 0


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
            program.terminate()
            program.wait(60)


def main(arguments: Sequence[str] | None = None) -> int:
    """Record, and say how it went."""
    options = _options(arguments)
    say = Console().print
    have = kept(options.out)
    where = ["--append"] if have else ["--seed", str(options.seed)]
    words = ["--task", options.task, "--out", str(options.out), "--countdown", "0.5", *where]
    with (
        command(words, options.out.with_suffix(".log")) as address,
        opened(address, view=options.view) as screen,
        filmed(screen.page) if options.film else nullcontext([]) as pictures,
    ):
        session = Session(screen, options.task, options.by, random.Random(options.seed + have), say)
        session.record(options.out, options.episodes, pictures.clear)
        say(f"paused {screen.pauses} times, because the page was late")
    lengths = [len(episode) / STEP_HZ for episode in open_dataset(options.out)]
    if pictures:
        write_film(options.film, pictures, lengths[-1])
    say(f"{len(lengths)} episodes, {sum(lengths) / len(lengths):.1f} s each, in {options.out}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--task", default="shelf_cup_transfer")
    parser.add_argument("--episodes", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--by", nargs="+", choices=MEANS, default=list(MEANS), help="each attempt with one of them alone"
    )
    parser.add_argument("--film", type=Path, help="film of the last attempt to write, *.webp")
    parser.add_argument("--no-view", dest="view", action="store_false", help="do not draw the 3-D view")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
