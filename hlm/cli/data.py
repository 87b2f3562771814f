"""`hlm data`: what a dataset holds, what is wrong with it, and what an interrupted recording left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from tyro.conf import Positional

from hlm.cli.arguments import parse
from hlm.cli.tables import console, counts, duration, facts, size
from hlm.cli.verbs import Verb, dispatch

if TYPE_CHECKING:
    from hlm.datasets.summary import DatasetSummary
    from hlm.datasets.verify import Problem

EXIT_PROBLEMS = 1
VERBS = {
    "info": Verb("hlm.cli.data:info", "episodes, hours, instructions and outcomes"),
    "verify": Verb("hlm.cli.data:verify", "read everything and list what is wrong; exit code 1 when something is"),
    "recover": Verb("hlm.cli.data:recover", "keep what an interrupted recording left"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class InfoArguments:
    """Show what a dataset holds.

    Attributes:
        path: the dataset.
        episodes: list every episode too.
    """

    path: Positional[Path]
    episodes: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyArguments:
    """Read a dataset completely, pictures included, and list what is wrong; the exit code is 1 when something is.

    Attributes:
        path: the dataset.
        json: print JSON.
    """

    path: Positional[Path]
    json: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RecoverArguments:
    """Make episodes of what an interrupted recording left; the exit code is 1 when something could not be kept.

    Attributes:
        path: the dataset.
    """

    path: Positional[Path]


def run(arguments: Sequence[str]) -> int:
    """Run a verb of `hlm data`."""
    return dispatch("hlm data", "Look after recorded episodes.", VERBS, arguments)


def info(arguments: Sequence[str]) -> int:
    """Print what a dataset holds."""
    config = parse(InfoArguments, "hlm data info", arguments)
    from hlm.datasets.reader import open_dataset
    from hlm.datasets.summary import summarize

    summary = summarize(open_dataset(config.path))
    screen = console()
    screen.print(_totals(summary))
    if config.episodes:
        screen.print(_episodes(summary))
    return 0


def verify(arguments: Sequence[str]) -> int:
    """Print what is wrong with a dataset."""
    config = parse(VerifyArguments, "hlm data verify", arguments)
    from hlm.datasets.verify import verify as find_problems

    problems = find_problems(config.path)
    screen = console()
    if config.json:
        screen.out(json.dumps([asdict(problem) for problem in problems], indent=2))
    elif problems:
        screen.print(_problems(problems))
        screen.out(f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in {config.path}")
    else:
        screen.out(f"nothing wrong in {config.path}")
    return EXIT_PROBLEMS if problems else 0


def recover(arguments: Sequence[str]) -> int:
    """Make episodes of what an interrupted recording left."""
    config = parse(RecoverArguments, "hlm data recover", arguments)
    from hlm.datasets.recover import recover as recover_episodes

    recoveries = recover_episodes(config.path)
    screen = console()
    for recovery in recoveries:
        screen.out(f"episode {recovery.number}: {recovery.text}")
    if not recoveries:
        screen.out(f"nothing to recover in {config.path}")
    return EXIT_PROBLEMS if any(recovery.episode is None for recovery in recoveries) else 0


def _totals(summary: DatasetSummary) -> Table:
    cameras = [f"{name} {width} x {height}" for name, (height, width) in summary.spec.cameras.items()]
    rows = {
        "dataset": str(summary.path),
        "robot": f"{summary.spec.embodiment}, {summary.spec.rate_hz:g} Hz",
        "cameras": ", ".join(cameras) or "none",
        "episodes": f"{len(summary.episodes)}, {summary.rows} rows, {duration(summary.duration_s)}",
        "size": size(summary.size_bytes),
        "sources": counts(summary.sources),
        "outcomes": counts(summary.outcomes),
        "instructions": counts(summary.instructions, separator="\n"),
    }
    if summary.unfinished:
        rows["unfinished"] = f"{summary.unfinished}: run `hlm data recover {summary.path}`"
    return facts(rows)


def _episodes(summary: DatasetSummary) -> Table:
    table = Table(*("episode", "instruction", "source", "outcome", "stage", "s", "rows", "size"))
    for episode in summary.episodes:
        outcome = episode.outcome + (" (recovered)" if episode.recovered else "")
        stage = "" if episode.stage is None else str(episode.stage)
        length = (f"{episode.duration_s:.1f}", str(episode.rows), size(episode.size_bytes))
        table.add_row(str(episode.number), episode.instruction, episode.source, outcome, stage, *length)
    return table


def _problems(problems: Sequence[Problem]) -> Table:
    table = Table("episode", "row", "array", "problem")
    for problem in problems:
        place = ["" if value is None else str(value) for value in (problem.episode, problem.row)]
        table.add_row(*place, problem.array, problem.text)
    return table
