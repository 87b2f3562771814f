"""Whether a policy does a task alike in `hlm eval`, in `hlm deploy --robot mujoco`, and through DDS against `hlm twin`.

The same seeds each way. The first waits for whoever thinks; the other two run in real time, and the third knows of the
robot what a real one says: so keep the machine free of other work. Every finished rollout is kept in --out, and a run
that is begun again there does the missing ones.

`python scripts/studies/three_ways.py policies/shipped/shelf_cup_transfer --rollouts 50 --out runs/studies/three_ways`
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from hlm.cli.verbs import EXIT_ERROR
from hlm.core.clock import MonotonicClock
from hlm.evaluation.results import wilson_interval

HLM = (sys.executable, "-m", "hlm.cli.main")
LONGEST_S = 240.0
LOOK_NS = 50_000_000

type Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, and print the table."""
    options = _options(arguments)
    for way in options.ways:
        for seed in track(range(options.seed, options.seed + options.rollouts), description=way):
            kept = options.out / way / f"{seed}.json"
            if not kept.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                row = WAYS[way](options, seed, options.out / way)
                kept.write_text(json.dumps(row, indent=2) + "\n")
    results = {
        way: [json.loads(path.read_text()) for path in sorted((options.out / way).glob("*.json"))]
        for way in options.ways
    }
    Console().print(table(results))
    return 0


def table(results: Mapping[str, Sequence[Row]]) -> Table:
    """Successes, their 95 % interval, falls and faults of each way."""
    shown = Table("way", "success", "95 %", "falls", "failed seeds")
    for way, rows in results.items():
        good = sum(bool(row["success"]) for row in rows)
        low, high = wilson_interval(good, len(rows)) if rows else (0.0, 1.0)
        failed = ", ".join(
            f"{row['seed']}{' (' + row['fault'] + ')' if row.get('fault') else ''}"
            for row in rows
            if not row["success"]
        )
        falls = sum(bool(row.get("fell")) for row in rows)
        shown.add_row(way, f"{good} of {len(rows)}", f"{100 * low:.0f}-{100 * high:.0f} %", str(falls), failed)
    return shown


def _evaluated(options: argparse.Namespace, seed: int, folder: Path) -> Row:
    """The rollout of `hlm eval`."""
    figures, out = folder / f"{seed}.eval", folder / f"{seed}"
    figures.unlink(missing_ok=True)
    shutil.rmtree(out, ignore_errors=True)  # of a run that was interrupted
    few = ("--rollouts", "1", "--videos", "0", "--workers", "1", "--out", str(out))
    why = _run("eval", str(options.checkpoint), *_scene(options, seed), *few, "--json", str(figures))
    return _read(figures, seed, why)


def _deployed(options: argparse.Namespace, seed: int, folder: Path) -> Row:
    """The rollout of `hlm deploy --robot mujoco`."""
    figures = folder / f"{seed}.deploy"
    figures.unlink(missing_ok=True)
    robot = ("--robot", "mujoco", "--json", str(figures))
    why = _run("deploy", str(options.checkpoint), *_scene(options, seed), *robot)
    return _read(figures, seed, why)


def _through_dds(options: argparse.Namespace, seed: int, folder: Path) -> Row:
    """The rollout of `hlm deploy --robot unitree`, scored by the twin."""
    figures = folder / f"{seed}.twin"
    figures.unlink(missing_ok=True)
    clock, path = MonotonicClock(), folder / f"{seed}.log"
    scene, network = _scene(options, seed), ("--interface", options.interface)
    with path.open("w") as log, ExitStack() as stack:
        twin = _start(stack, log, "twin", *scene, *network, "--json", str(figures))
        until_ns = clock.now_ns() + round(1e9 * LONGEST_S)
        while "twin of" not in path.read_text() and clock.now_ns() < until_ns and twin.poll() is None:
            clock.wait_until(clock.now_ns() + LOOK_NS)
        deploy = _start(stack, log, "deploy", str(options.checkpoint), "--robot", "unitree", *scene, *network)
        while not figures.exists() and clock.now_ns() < until_ns and None in (deploy.poll(), twin.poll()):
            if EXIT_ERROR in (deploy.poll(), twin.poll()):
                break
            clock.wait_until(clock.now_ns() + LOOK_NS)
        refused = EXIT_ERROR in (deploy.poll(), twin.poll())
    if refused and not figures.exists():
        sys.exit(f"seed {seed} was not begun, see {path}")
    why = f"no result: hlm deploy ended with {deploy.returncode}, hlm twin with {twin.returncode}"
    return _read(figures, seed, why)


WAYS: Mapping[str, Callable[[argparse.Namespace, int, Path], Row]] = {
    "eval": _evaluated,
    "mujoco": _deployed,
    "twin": _through_dds,
}


def _scene(options: argparse.Namespace, seed: int) -> tuple[str, ...]:
    return "--task", options.task, "--seed", str(seed)


def _read(figures: Path, seed: int, why: str) -> Row:
    """What a program wrote; a failure with a reason where it wrote nothing."""
    if not figures.exists():
        return {"seed": seed, "success": False, "fault": why}
    document: Row = json.loads(figures.read_text())
    row: Row = document["results"][0] if "results" in document else document
    return row


def _run(*arguments: str) -> str:
    """Run a program; how it ended, for the case that it has left no result.

    Raises:
        SystemExit: it refused to begin, which is no failure of the policy.
    """
    try:
        ended = subprocess.run([*HLM, *arguments], capture_output=True, text=True, timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        return f"no result: hlm {arguments[0]} was killed after {LONGEST_S:g} s"
    if ended.returncode == EXIT_ERROR:
        sys.exit(ended.stderr.strip())
    return f"no result: hlm {arguments[0]} ended with {ended.returncode}"


def _start(stack: ExitStack, log: Any, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a program that is ended with the stack, whatever happens."""
    process = subprocess.Popen([*HLM, *arguments], stdout=log, stderr=log, start_new_session=True)
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program, and wait until it has made its robot safe."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(60.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--task", default="shelf_cup_transfer")
    parser.add_argument("--seed", type=int, default=100_000)
    parser.add_argument("--rollouts", type=int, default=50)
    parser.add_argument("--ways", nargs="+", choices=("eval", "mujoco", "twin"), default=["eval", "mujoco", "twin"])
    parser.add_argument("--interface", default="lo")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
