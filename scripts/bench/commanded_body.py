"""What a commanded body asks, followed by the shipped tracker in MuJoCo: falls and errors, in one table.

Each row is a command or a random sequence of them, given to `CommandedBody` as a person's device would, through the
same loop, limits and tracker as in `hlm record`.

`python scripts/bench/commanded_body.py --seeds 20 --json runs/bench/commanded_body.json`
`python scripts/bench/commanded_body.py --rows ahead "at random"`
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
from commanded_body_parts.commands import ROWS, is_random
from commanded_body_parts.run import Outcome, run

COLUMNS = ("runs", "falls", "tilt rad", "height m", "heading rad", "drift m/min", "hand m", "joint rad/s")


def main() -> None:
    """Run the rows that are asked for, print their table, and write the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", default=list(ROWS), help="only rows whose name contains one of these")
    parser.add_argument("--seeds", type=int, default=4, help="runs of each row with chance in it")
    parser.add_argument("--tracker", default="whole_body", help="see `hlm.cli.trackers`")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--json", type=Path, help="file for all outcomes")
    options = parser.parse_args()
    rows = [row for row in ROWS if any(part in row for part in options.rows)]
    cases = [(row, seed) for row in rows for seed in range(options.seeds if is_random(row) else 1)]
    with ProcessPoolExecutor(options.workers) as pool:
        futures = [pool.submit(run, row, seed, options.tracker) for row, seed in cases]
        outcomes = []
        for (row, seed), future in zip(cases, futures, strict=True):
            outcomes.append(future.result())
            print(f"{row}, seed {seed}: {outcomes[-1].ending}", file=sys.stderr, flush=True)
    print(f"{'':28}" + "".join(f"{name:>13}" for name in COLUMNS))
    for row in rows:
        members = [outcome for (name, _), outcome in zip(cases, outcomes, strict=True) if name == row]
        print(f"{row:28}" + "".join(f"{cell:>13}" for cell in cells(members)), flush=True)
        for (name, seed), outcome in zip(cases, outcomes, strict=True):
            if name == row and outcome.ending != "stood":
                print(f"    seed {seed}, {outcome.duration_s:.1f} s: {outcome.ending}")
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        facts = [
            {"row": row, "seed": seed, **asdict(outcome)} for (row, seed), outcome in zip(cases, outcomes, strict=True)
        ]
        options.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def cells(members: list[Outcome]) -> list[str]:
    """Texts of a row: counts, and the worst of its runs."""
    worst = [
        max(outcome.tilt_rad for outcome in members),
        max(outcome.height_m for outcome in members),
        max(outcome.heading_rad for outcome in members),
        float(np.median([outcome.drift_m_min for outcome in members])),
        max(outcome.hand_m for outcome in members),
        max(outcome.joint_rad_s for outcome in members),
    ]
    falls = sum(outcome.ending != "stood" for outcome in members)
    return [str(len(members)), str(falls), *(f"{value:.3f}" for value in worst)]


if __name__ == "__main__":
    main()
