"""`hlm data`: what a dataset holds, what is wrong with it, and what an interrupted recording left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from tyro.conf import Positional

from hlm.cli.arguments import parse
from hlm.cli.progress import progress, waiting
from hlm.cli.tables import console, counts, duration, facts, size
from hlm.cli.verbs import Verb, dispatch

if TYPE_CHECKING:
    from hlm.datasets.summary import DatasetSummary
    from hlm.datasets.verify import Problem

EXIT_PROBLEMS = 1
MOST_INSTRUCTIONS = 20
VERBS = {
    "info": Verb("hlm.cli.data:info", "episodes, hours, instructions and outcomes"),
    "verify": Verb("hlm.cli.data:verify", "read everything and list what is wrong; exit code 1 when something is"),
    "recover": Verb("hlm.cli.data:recover", "keep what an interrupted recording left"),
    "stats": Verb("hlm.cli.data_mixture:stats", "exact statistics of states and actions, by source"),
    "mixture": Verb("hlm.cli.data_mixture:mixture", "check a mixture of datasets: episodes, shares, missing cameras"),
    "migrate": Verb("hlm.cli.data:migrate", "bring a dataset of an older schema up to this version's"),
    "view": Verb("hlm.cli.data_view:view", "look at an episode: images, body and curves (window, browser or file)"),
    "plot": Verb("hlm.cli.data_view:plot", "draw an episode on one image"),
    "delete": Verb("hlm.cli.data_edit:delete", "delete episodes"),
    "keep": Verb("hlm.cli.data_edit:keep", "delete all other episodes"),
    "trim": Verb("hlm.cli.data_edit:trim", "cut stillness off the ends of episodes"),
    "relabel": Verb("hlm.cli.data_edit:relabel", "change instructions or outcomes"),
    "rename-camera": Verb("hlm.cli.data_edit:rename_camera", "rename a camera"),
    "reorder": Verb("hlm.cli.data_edit:reorder", "sort episodes and number them anew"),
    "merge": Verb("hlm.cli.data_edit:merge", "copy several datasets into one"),
    "split": Verb("hlm.cli.data_edit:split", "copy a dataset into several"),
    "undo": Verb("hlm.cli.data_edit:undo", "take back the last edit"),
    "convert": Verb("hlm.cli.data_convert:convert", "from OpenHLM and LeRobot, to LeRobot and UMI"),
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
    """Read a dataset completely, images included, and list what is wrong; the exit code is 1 when something is.

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


@dataclass(frozen=True, kw_only=True, slots=True)
class MigrateArguments:
    """Bring a dataset of an older schema up to this version's, completely or not at all.

    Attributes:
        path: the dataset.
        dry_run: try everything and say what would change, but leave the dataset as it is.
    """

    path: Positional[Path]
    dry_run: bool = False


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
    screen.print(_totals(summary), "", _groups(summary), sep="\n")
    if config.episodes:
        screen.print(_episodes(summary))
    return 0


def verify(arguments: Sequence[str]) -> int:
    """Print what is wrong with a dataset."""
    config = parse(VerifyArguments, "hlm data verify", arguments)
    from hlm.datasets.verify import verify as find_problems

    with progress("episodes") as show:
        problems = find_problems(config.path, show)
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

    with waiting(f"recovering {config.path}"):
        recoveries = recover_episodes(config.path)
    screen = console()
    for recovery in recoveries:
        screen.out(f"episode {recovery.number}: {recovery.text}")
    if not recoveries:
        screen.out(f"nothing to recover in {config.path}")
    return EXIT_PROBLEMS if any(recovery.episode is None for recovery in recoveries) else 0


def migrate(arguments: Sequence[str]) -> int:
    """Bring a dataset up to this version's schema."""
    config = parse(MigrateArguments, "hlm data migrate", arguments)
    from hlm.datasets.migrate import migrate as migrate_dataset

    screen = console()
    with waiting(f"migrating {config.path}"):
        migration = migrate_dataset(config.path, dry_run=config.dry_run)
    for version, summary in enumerate(migration.changes, migration.found):
        screen.out(f"schema {version} to {version + 1}: {summary}")
    if not migration.changes:
        screen.out(f"{config.path} has schema {migration.found}, which is this hlm's; nothing to do")
    else:
        ending = "nothing was changed: this was a dry run" if config.dry_run else f"migrated {config.path}"
        screen.out(f"{migration.episodes} episodes; {ending}")
    return 0


def _totals(summary: DatasetSummary) -> Table:
    cameras = [f"{name} {width} x {height}" for name, (height, width) in summary.spec.cameras.items()]
    steps = {
        "dataset": str(summary.path),
        "robot": f"{summary.spec.embodiment}, {summary.spec.rate_hz:g} Hz",
        "cameras": ", ".join(cameras) or "none",
        "episodes": f"{len(summary.episodes)}, {summary.steps} steps, {duration(summary.duration_s)}",
        "size": size(summary.size_bytes),
        "outcomes": counts(summary.outcomes),
        "instructions": _instructions(summary.instructions),
    }
    if summary.unfinished:
        steps["unfinished"] = f"{summary.unfinished}: run `hlm data recover {summary.path}`"
    return facts(steps)


def _instructions(numbers: Mapping[str, int]) -> str:
    """The most frequent ones; thousands of paraphrases would bury everything else."""
    shown = dict(list(numbers.items())[:MOST_INSTRUCTIONS])
    more = [f"and {len(numbers) - len(shown)} more"] if len(numbers) > len(shown) else []
    return "\n".join([counts(shown, separator="\n"), *more])


def _groups(summary: DatasetSummary) -> Table:
    table = Table("task", "source", "episodes", "length", "success", "failure", "unlabelled", box=None, pad_edge=False)
    for group in summary.groups:
        outcomes = [str(group.outcomes[name]) for name in ("success", "failure", "unlabelled")]
        table.add_row(group.task or "-", group.source, str(group.episodes), duration(group.duration_s), *outcomes)
    return table


def _episodes(summary: DatasetSummary) -> Table:
    table = Table(*("episode", "instruction", "source", "outcome", "stage", "s", "steps", "size"))
    for episode in summary.episodes:
        outcome = episode.outcome + (" (recovered)" if episode.recovered else "")
        stage = "" if episode.stage is None else str(episode.stage)
        length = (f"{episode.duration_s:.1f}", str(episode.steps), size(episode.size_bytes))
        table.add_row(str(episode.number), episode.instruction, episode.source, outcome, stage, *length)
    return table


def _problems(problems: Sequence[Problem]) -> Table:
    table = Table("episode", "step", "array", "problem")
    for problem in problems:
        place = ["" if value is None else str(value) for value in (problem.episode, problem.step)]
        table.add_row(*place, problem.array, problem.text)
    return table
