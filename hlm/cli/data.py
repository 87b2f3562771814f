"""`hlm data`: what a dataset holds, what is wrong with it, and what an interrupted recording left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from tyro.conf import Positional

from hlm.cli.arguments import parse
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
    from hlm.datasets.reader import open_dataset
    from hlm.datasets.summary import summarize

    config = parse(InfoArguments, "hlm data info", arguments)
    summary = summarize(open_dataset(config.path))
    console = Console()
    console.print(_totals(summary))
    if config.episodes:
        console.print(_episodes(summary))
    return 0


def verify(arguments: Sequence[str]) -> int:
    """Print what is wrong with a dataset."""
    from hlm.datasets.verify import verify as find_problems

    config = parse(VerifyArguments, "hlm data verify", arguments)
    problems = find_problems(config.path)
    console = Console(soft_wrap=True)
    if config.json:
        console.out(json.dumps([asdict(problem) for problem in problems], indent=2), highlight=False)
    elif problems:
        console.print(_problems(problems))
        console.out(f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in {config.path}", highlight=False)
    else:
        console.out(f"nothing wrong in {config.path}", highlight=False)
    return EXIT_PROBLEMS if problems else 0


def recover(arguments: Sequence[str]) -> int:
    """Make episodes of what an interrupted recording left."""
    from hlm.datasets.recover import recover as recover_episodes

    config = parse(RecoverArguments, "hlm data recover", arguments)
    recoveries = recover_episodes(config.path)
    console = Console(soft_wrap=True)
    for recovery in recoveries:
        console.out(f"episode {recovery.number}: {recovery.text}", highlight=False)
    if not recoveries:
        console.out(f"nothing to recover in {config.path}", highlight=False)
    return EXIT_PROBLEMS if any(recovery.episode is None for recovery in recoveries) else 0


def _totals(summary: DatasetSummary) -> Table:
    cameras = [f"{name} {width} x {height}" for name, (height, width) in summary.spec.cameras.items()]
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    for name, value in {
        "dataset": str(summary.path),
        "robot": f"{summary.spec.embodiment}, {summary.spec.rate_hz:g} Hz",
        "cameras": ", ".join(cameras) or "none",
        "episodes": f"{len(summary.episodes)}, {summary.rows} rows, {_duration(summary.duration_s)}",
        "size": _size(summary.size_bytes),
        "sources": _counts(summary.sources),
        "outcomes": _counts(summary.outcomes),
        "instructions": _counts(summary.instructions, separator="\n"),
    }.items():
        table.add_row(name, value)
    if summary.unfinished:
        table.add_row("unfinished", f"{summary.unfinished}: hlm data recover {summary.path}", style="yellow")
    return table


def _episodes(summary: DatasetSummary) -> Table:
    table = Table(*("episode", "instruction", "source", "outcome", "stage", "s", "rows", "size"))
    for episode in summary.episodes:
        outcome = episode.outcome + (" (recovered)" if episode.recovered else "")
        stage = "" if episode.stage is None else str(episode.stage)
        length = (f"{episode.duration_s:.1f}", str(episode.rows), _size(episode.size_bytes))
        table.add_row(str(episode.number), episode.instruction, episode.source, outcome, stage, *length)
    return table


def _problems(problems: Sequence[Problem]) -> Table:
    table = Table("episode", "row", "array", "problem")
    for problem in problems:
        place = ["" if value is None else str(value) for value in (problem.episode, problem.row)]
        table.add_row(*place, problem.array, problem.text)
    return table


def _counts(counts: Mapping[str, int], separator: str = ", ") -> str:
    return separator.join(f"{count} {name}" for name, count in counts.items())


def _duration(duration_s: float) -> str:
    for limit_s, unit_s, unit in ((120.0, 1.0, "s"), (7200.0, 60.0, "min")):
        if duration_s < limit_s:
            return f"{duration_s / unit_s:.1f} {unit}"
    return f"{duration_s / 3600.0:.1f} h"


def _size(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if size < 1000.0:
            return f"{size:.3g} {unit}"
        size /= 1000.0
    return f"{size:.3g} GB"
