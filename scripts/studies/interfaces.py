"""What each interface between operator and body can do: the scripted operators of the tasks through all of them.

The same seeds for each interface, in lockstep. Every finished episode is a line of --out, and a run that is begun
again there does the missing ones.

`python scripts/studies/interfaces.py --episodes 10 --out runs/studies/interfaces.jsonl`
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from hlm.cli.rendering import load_simulator
from hlm.cli.sources import EMBODIMENT, scripted_source
from hlm.cli.stations import SimulatedStation, StationConfig, open_station
from hlm.evaluation.results import wilson_interval
from hlm.runtime.station import episode
from hlm.sim.tasks.catalog import TASKS
from hlm.teleop.interfaces.interfaced_source import INTERFACES, interfaced

type Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, and print the table."""
    options = _options(arguments)
    load_simulator()
    rows = _read(options.out)
    done = {(row["task"], row["interface"], row["seed"]) for row in rows}
    for task in options.tasks:
        seeds = range(options.seed, options.seed + options.episodes)
        missing = [(name, seed) for seed, name in product(seeds, options.interfaces) if (task, name, seed) not in done]
        with open_station(StationConfig(task=task, cameras=())) as simulated:
            for interface, seed in track(missing, description=task):
                rows.append(_played(simulated, interface, seed))
                with options.out.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(rows[-1]) + "\n")
    Console().print(table(rows))
    return 0


def table(rows: Sequence[Row]) -> Table:
    """Successes with their 95 % interval, falls, and stages reached, of each interface at each task."""
    shown = Table("task", "interface", "success", "95 %", "falls", "mean time", "ends of the failures")
    for task, interface in dict.fromkeys((row["task"], row["interface"]) for row in rows):
        cell = [row for row in rows if (row["task"], row["interface"]) == (task, interface)]
        good = [row for row in cell if row["success"]]
        low, high = wilson_interval(len(good), len(cell))
        ends = [f"{row['seed']}: {row['fault'] or 'after ' + row['reached']}" for row in cell if not row["success"]]
        falls = sum(row["fell"] for row in cell)
        mean_s = f"{sum(row['time_s'] for row in good) / len(good):.1f} s" if good else ""
        counts = f"{len(good)} of {len(cell)}", f"{100 * low:.0f}-{100 * high:.0f} %"
        shown.add_row(task, interface, *counts, str(falls), mean_s, ", ".join(ends))
    return shown


def _played(simulated: SimulatedStation, interface: str, seed: int) -> Row:
    """One episode of the scripted operator through an interface."""
    station, task = simulated
    station.make_source = lambda instance: interfaced(scripted_source(task, instance), interface, EMBODIMENT)
    stage, success, fell, steps = 0, False, False, 0
    for scored in episode(station, task.reset(seed)):
        steps += 1
        if scored.progress is not None:
            stage, success, fell = scored.progress.stage, scored.progress.success, scored.progress.fell
    return {
        "task": task.name,
        "interface": interface,
        "seed": seed,
        "success": success,
        "reached": task.stages[stage - 1] if stage else "nothing",
        "fell": fell,
        "fault": station.body.status.fault,
        "time_s": round(steps / 30.0, 2),
    }


def _read(path: Path) -> list[Row]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=sorted(TASKS), default=sorted(TASKS))
    parser.add_argument("--interfaces", nargs="+", choices=list(INTERFACES), default=list(INTERFACES))
    parser.add_argument("--episodes", type=int, default=10, help="of each interface at each task")
    parser.add_argument("--seed", type=int, default=0, help="of the first")
    parser.add_argument("--out", type=Path, default=Path("runs/studies/interfaces.jsonl"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
