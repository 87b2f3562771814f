"""`hlm teleop`: how a person's device delivers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.cli.arguments import Positional, parse
from hlm.cli.live.people import HEADSET_PORT
from hlm.cli.option_use import Use, must_be_of_use
from hlm.cli.sources import EMBODIMENT
from hlm.cli.tables import console, facts
from hlm.cli.verbs import Verb, dispatch
from hlm.core.errors import InputError
from hlm.core.realtime import LOOP_PRIORITY, preferred

if TYPE_CHECKING:
    from hlm.teleop.devices.device_check import DeviceFigures

VERBS = {
    "check": Verb("hlm.cli.teleop:check", "rate, jitter, latency and drop-outs of a device, for ten seconds"),
}
EXIT_SILENT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckArguments:
    """Watch a device, and say how it delivers; nothing moves.

    Attributes:
        motion: file to play; with `--source motion`.
        map: its joints, such as left_hand=LeftWrist, see docs/motion_files.md.
        unit_m: length of its unit.
        up: its upward axis.
        fps: its frames per second.
        source: the device: page, webxr, pico, motion or keyboard.
        seconds: for how long.
        body: with webxr, all joints that the headset's browser tracks, instead of head and hands.
        headset_port: with webxr, port of the page that the headset opens; 0 for a free one.
        host: with page, its address, see `hlm record --help`.
        port: of the page.
    """

    motion: Positional[Path | None] = None
    map: tuple[str, ...] = ()
    unit_m: float | None = None
    up: str | None = None
    fps: float | None = None
    source: str = "page"
    seconds: float = 10.0
    body: bool = False
    headset_port: int = HEADSET_PORT
    host: str = "127.0.0.1"
    port: int = 8040

    def __post_init__(self) -> None:
        """Check what needs no device."""
        from hlm.cli.live.people import must_be_person
        from hlm.cli.live.played_motion import must_play_for

        must_be_person(self.source, self.motion)
        must_play_for(self.source, map=self.map, unit_m=self.unit_m, up=self.up, fps=self.fps)
        if not 0.0 < self.seconds <= 3600.0:
            raise InputError(f"--seconds must be above 0 and at most 3600, got {self.seconds:g}.")
        page = Use(("host", "port"), self.source == "page", "--source page")
        must_be_of_use(self, (page, Use(("body", "headset_port"), self.source == "webxr", "--source webxr")))


def run(arguments: Sequence[str]) -> int:
    """Run a verb of `hlm teleop`."""
    return dispatch("hlm teleop", "People's devices.", VERBS, arguments)


def check(arguments: Sequence[str]) -> int:
    """Watch a device, and print a table; exit code 1 when it says nothing."""
    config = parse(CheckArguments, "hlm teleop check", arguments)
    from hlm.cli.live.people import PersonConfig, open_person
    from hlm.cli.live.played_motion import played_motion
    from hlm.core.clock import MonotonicClock
    from hlm.teleop.devices.device_check import watched

    clock, screen = MonotonicClock(), console()
    with ExitStack() as stack:
        page = None
        if config.source == "page":
            from hlm.teleop.page.page_config import PageConfig
            from hlm.teleop.page.page_process import PageProcess

            page = stack.enter_context(PageProcess(PageConfig(host=config.host, port=config.port)))
            screen.print(f"open {page.address}", soft_wrap=True)
        said = PersonConfig(
            source=config.source,
            motion=played_motion(config.motion, config.map, unit_m=config.unit_m, up=config.up, fps=config.fps),
            body=config.body,
            headset_port=config.headset_port,
        )
        person = stack.enter_context(open_person(said, page, EMBODIMENT, clock))
        if person.invitation:
            screen.print(person.invitation, soft_wrap=True)
        with preferred(LOOP_PRIORITY):  # the device is to be measured, and not this machine's other programs
            figures = watched(person.device, clock, config.seconds)
        screen.print(facts(_rows(figures, person.device.name, person.device.trouble)))
    return 0 if figures.samples else EXIT_SILENT


def _rows(figures: DeviceFigures, name: str, trouble: str) -> dict[str, str]:
    rows = {"device": name, "samples": f"{figures.samples} in {figures.duration_s:.1f} s"}
    if figures.answers:
        rows |= {"rate": "none of its own: it answers for the instant at which it is asked"}
    elif figures.samples:
        rows |= {
            "rate": f"{figures.rate_hz:.1f} Hz",
            "jitter": f"{1e3 * figures.jitter_s:.1f} ms",
            "latency": f"{1e3 * figures.latency_s:.1f} ms, {1e3 * figures.worst_latency_s:.1f} ms at p99",
            "drop-outs": f"{figures.drop_outs}, longest silence {figures.longest_gap_s:.2f} s",
        }
    return rows | ({"trouble": trouble} if trouble else {})
