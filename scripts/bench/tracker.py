"""The tracker in the open world: falls, deviations, lag and time per tick, in one table.

Real human motion, random references, noise, stream faults, pushes, payloads, model error, sensors and floors. A third
of the clips and seeds is held out from tuning by a fixed rule (`tracker_parts.cases`), and has a column of its own.
People's motions come from packages that this project does not depend on (`tracker_parts.clips` says how to get them).

`python scripts/bench/tracker.py --quick --packages FOLDER --out runs/bench/tracker`
`python scripts/bench/tracker.py --goal --packages FOLDER --json runs/bench/goal.json`: 500 streams, groups a to d
`python scripts/bench/tracker.py --seeds 50 --packages FOLDER --json runs/bench/tracker.json`: the whole table
`python scripts/bench/tracker.py --show CASE --tracker guarded --beside whole_body --out FOLDER`: a case's animation;
it is named GROUP/ROW/MOTION/SEED, as in "e/100 N standing/hold_stand/0"
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from tracker_parts.cases import GROUPS, Case, all_cases
from tracker_parts.clips import find_clips
from tracker_parts.comparison import comparison_markdown
from tracker_parts.page import write_films, write_page
from tracker_parts.results import COLUMNS, Result, causes, cells, rows_of, write_json
from tracker_parts.show import cases_named, reach_of, write_shown
from tracker_parts.work import performed, read_sources, workers

from hlm.cli.trackers import LEARNED_FILE, TRACKERS, must_have_tracker
from hlm.core.errors import HlmError
from hlm.sim.graphics import use_headless_rendering

QUICK_SEEDS, DEFAULT_SEEDS, GOAL_SEEDS = 1, 4, 16
GOAL_GROUPS = "abcd"


def main() -> None:
    """Do what the options ask for."""
    options = _options()
    if options.compare:
        print(comparison_markdown(options.compare), end="")
        return
    try:
        for name in (options.tracker, options.beside or options.tracker):
            must_have_tracker(name)
        _run(options)
    except HlmError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def _run(options: argparse.Namespace) -> None:
    """Run the cases that are asked for.

    Raises:
        HlmError: a case that there is not.
    """
    use_headless_rendering()  # of films, in the workers
    clips, missing = find_clips(options.packages)
    for line in missing if "a" in options.groups else ():
        print(line, file=sys.stderr)
    with workers(options.workers) as pool:
        sources = read_sources(pool, clips if "a" in options.groups else [])
        cases = all_cases(sources, options.groups, options.seeds)
        cases = [replace(case, tracker=options.tracker) for case in cases]
        if options.show:
            paths = write_shown(options.out, pool, cases_named(options.show, cases), options.beside)
            print("\n".join(map(str, paths)))
        else:
            cases = [case for case in cases if not options.rows or any(part in case.row for part in options.rows)]
            _make_table(options, pool, cases, missing)


def _make_table(options: argparse.Namespace, pool: ProcessPoolExecutor, cases: list[Case], missing: list[str]) -> None:
    """Run the cases, print the table, and write what is asked for."""
    results: list[Result] = []
    begin_s = time.monotonic()
    whole = performed(pool, cases, results)
    order = {(case.group, case.row): index for index, case in enumerate(reversed(cases))}
    results.sort(key=lambda result: (-order[result.group, result.row], result.name, result.seed))
    print_table(results)
    facts = {
        "tracker": options.tracker,
        "seeds": options.seeds,
        "whole": whole,
        "wall_s": round(time.monotonic() - begin_s),
        "missing": missing,
    }
    if options.json is not None:
        write_json(options.json, results, facts)
    if options.out is not None:
        films = write_films(options.out, pool, cases, results, options.films)
        print(write_page(options.out, results, films, facts))


def print_table(results: list[Result]) -> None:
    """Print a line for each row, and how its runs fell."""
    width = 40
    print(f"{'':{width}}" + "".join(f"{name:>12}" for name in COLUMNS))
    group = ""
    for (letter, row), members in rows_of(results).items():
        if letter != group:
            group = letter
            print(f"{letter}: {GROUPS[letter]}")
        print(f"  {row:{width - 2}}" + "".join(f"{text:>12}" for text in cells(members)))
        if how := causes(members):
            print(f"      {how}")
    print(f"{'all':{width}}" + "".join(f"{text:>12}" for text in cells(results)) if results else "no runs")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help=f"{QUICK_SEEDS} runs in each row with chance in it")
    size.add_argument("--goal", action="store_true", help="500 streams of groups a to d")
    size.add_argument("--seeds", type=int, default=DEFAULT_SEEDS, help="runs in each row with chance in it")
    names = ", ".join((*TRACKERS, LEARNED_FILE))
    parser.add_argument("--tracker", default=TRACKERS[0], help=f"who turns references into commands: {names}")
    parser.add_argument("--groups", default="".join(GROUPS), help="letters of groups")
    parser.add_argument("--rows", nargs="+", default=[], help="only rows whose name contains one of these")
    parser.add_argument("--packages", type=Path, nargs="+", default=[], help="folders with packages that bring clips")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--json", type=Path, help="file for all results")
    parser.add_argument("--compare", type=Path, nargs="+", help="only print files of --json side by side, as Markdown")
    parser.add_argument("--out", type=Path, help="folder for a page with plots and films, or for animations")
    parser.add_argument("--show", nargs="+", metavar="CASE", help="only animate these: GROUP/ROW/MOTION/SEED, to --out")
    parser.add_argument("--beside", help="with --show, a tracker on the left of --tracker, in place of what was meant")
    parser.add_argument("--films", type=int, default=1, help="falls of each row that are filmed on the page")
    options = parser.parse_args()
    if options.quick:
        options.seeds = QUICK_SEEDS
    if options.goal:
        options.seeds, options.groups = GOAL_SEEDS, GOAL_GROUPS
    if options.show:
        options.groups, options.seeds = reach_of(options.show)
    if options.show and options.out is None:
        parser.error("--show needs --out, a folder for its animations")
    if options.beside and not options.show:
        parser.error("--beside is of --show")
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(
            f"no group '{min(unknown)}'. Groups: " + ", ".join(f"{key} ({text})" for key, text in GROUPS.items())
        )
    return options


if __name__ == "__main__":
    main()
