"""Wall time per simulated second of an episode, by part: everything that `hlm record` does except for writing.

`python scripts/bench/episode.py --seconds 8 --json runs/bench/episode.json`
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hlm.cli.stations import StationConfig, open_station
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.clock import STEP_HZ
from hlm.runtime.station import episode
from hlm.sim.graphics import use_headless_rendering

PARTS = ("cameras", "tracker", "source", "physics")


def main() -> None:
    """Run the start of one episode and print where its time went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="shelf_cup_transfer", help="name of the task")
    parser.add_argument("--seconds", type=float, default=8.0, help="simulated time")
    parser.add_argument("--image-size", type=int, default=128, help="height and width of the images, px")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    use_headless_rendering()
    figures = measure(arguments.task, arguments.seconds, arguments.image_size)
    for name, value in figures.items():
        print(f"{name:<24} {value:8.3f}")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def measure(task: str, simulated_s: float, image_size: int) -> dict[str, float]:
    """Wall seconds per simulated second, by part and in total, and the real-time factor."""
    spent_s = dict.fromkeys(PARTS, 0.0)
    with open_station(StationConfig(task=task, image_size=(image_size, image_size))) as (station, simulated):
        _time(station.cameras, "capture", "cameras", spent_s)
        _time(WholeBodyTracker, "step", "tracker", spent_s)
        _time(station.clock, "wait_until", "physics", spent_s)
        make_source = station.make_source

        def timed_source(instance: Any) -> Any:
            source = make_source(instance)
            _time(source, "reference", "source", spent_s)
            return source

        station.make_source = timed_source
        steps = 0
        start = time.perf_counter()
        for scored in episode(station, simulated.reset(0)):
            steps += 1
            if scored.step.index / STEP_HZ >= simulated_s:
                break
        wall_s = time.perf_counter() - start
    seconds = steps / STEP_HZ
    figures = {f"{name}_s_per_s": spent / seconds for name, spent in spent_s.items()}
    return {**figures, "total_s_per_s": wall_s / seconds, "real_time_factor": seconds / wall_s}


def _time(owner: object, method: str, part: str, spent_s: dict[str, float]) -> None:
    """Replace a method of one object by a wrapper that adds up its time."""
    call: Callable[..., Any] = getattr(owner, method)

    def timed(*args: Any) -> Any:
        start = time.perf_counter()
        try:
            return call(*args)
        finally:
            spent_s[part] += time.perf_counter() - start

    setattr(owner, method, timed)


if __name__ == "__main__":
    main()
