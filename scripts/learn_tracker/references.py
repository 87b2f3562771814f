"""Stage 1 of a learned tracker: motions to learn from, in mjlab's format with the reference stream beside them.

They are newly drawn from the generators of `scripts/bench/tracker.py`, and people's clips with `--packages`; what the
bench holds out is left out. Runs in hlm's environment. Started again, it keeps what it has made.

`python scripts/learn_tracker/references.py runs/learn --packages FOLDER`
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

from learn_tracker_parts.choice import SMALL_ROWS, cases_to_learn, clips_to_learn
from learn_tracker_parts.making import make_motions, motion_file
from learn_tracker_parts.motion_files import join_motions
from learn_tracker_parts.run_folder import RunFolder
from tracker_parts.clips import find_clips
from tracker_parts.work import read_sources, workers

from hlm.control.learned_tracker.observation import TRACKER_HZ
from hlm.core.wording import counted

DEFAULT_SEEDS, SMALL_SEEDS = 60, 1
_SHOW_EVERY = 25


def main() -> None:
    """Make the motions, and join them into one file."""
    try:
        make(_options())
    except KeyboardInterrupt:
        print("interrupted: started again, it keeps what it has made", file=sys.stderr)
        sys.exit(130)


def make(options: argparse.Namespace) -> None:
    """Make the motions that are missing, and join all into one file."""
    run = RunFolder(options.run)
    clips, missing = find_clips(options.packages)
    for line in missing if options.packages else ():
        print(line, file=sys.stderr)
    with workers(options.workers) as pool:
        sources = read_sources(pool, [] if options.small else clips_to_learn(clips))
        rows = SMALL_ROWS if options.small else ()
        cases = cases_to_learn(sources, SMALL_SEEDS if options.small else options.seeds, rows)
        print(f"{counted(len(cases), 'motion')}, {counted(len(sources), 'clip')}", flush=True)
        for done, _ in enumerate(make_motions(pool, run.motions, cases), 1):
            if done % _SHOW_EVERY == 0 or done == len(cases):
                print(f"{done} of {counted(len(cases), 'motion')}", flush=True)
    references = join_motions(run.references, [motion_file(run.motions, case) for case in cases])
    minutes = len(references.reference) / TRACKER_HZ / 60.0
    print(f"{run.references}: {counted(len(references.names), 'motion')}, {minutes:.1f} min")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--packages", type=Path, nargs="+", default=[], help="folders with packages that bring clips")
    parser.add_argument("--seeds", type=int, default=DEFAULT_SEEDS, help="motions of each row with chance in it")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--small", action="store_true", help="three motions, to try the recipe")
    return parser.parse_args()


if __name__ == "__main__":
    main()
