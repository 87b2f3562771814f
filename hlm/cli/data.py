"""`hlm data`: table of its verbs; summary, verification, recovery and migration of a dataset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from humanize import naturalsize
from rich.table import Table

from hlm.cli.arguments import Positional, parse
from hlm.cli.progress import progress, waiting
from hlm.cli.tables import console, counts, duration, facts
from hlm.cli.verbs import Verb, dispatch
from hlm.core.wording import counted

if TYPE_CHECKING:
    from hlm.datasets.device_age import DeviceAge
    from hlm.datasets.summary import DatasetSummary
    from hlm.datasets.verify import Problem

EXIT_PROBLEMS = 1
MOST_INSTRUCTIONS = 20
VERBS = {
    "info": Verb("hlm.cli.data:info", "summarize a dataset: episodes, hours, instructions, outcomes"),
    "verify": Verb("hlm.cli.data:verify", "check every array, image and checksum; exit code 1 if something is wrong"),
    "recover": Verb("hlm.cli.data:recover", "save the episodes of an interrupted recording"),
    "stats": Verb("hlm.cli.data_mixture:stats", "exact statistics of states and actions, by source"),
    "mixture": Verb("hlm.cli.data_mixture:mixture", "check a mixture of datasets: episodes, shares, missing cameras"),
    "migrate": Verb("hlm.cli.data:migrate", "upgrade a dataset to the current schema"),
    "view": Verb(
        "hlm.cli.data_view:view", "show an episode with its images, body and curves (window, browser or file)"
    ),
    "plot": Verb("hlm.cli.data_view:plot", "plot an episode into a PNG file"),
    "delete": Verb("hlm.cli.data_edit:delete", "delete episodes"),
    "keep": Verb("hlm.cli.data_edit:keep", "delete all episodes but these"),
    "trim": Verb("hlm.cli.data_edit:trim", "cut idle time off the ends of episodes"),
    "relabel": Verb("hlm.cli.data_edit:relabel", "change instructions or outcomes"),
    "rename-camera": Verb("hlm.cli.data_edit:rename_camera", "rename a camera"),
    "reorder": Verb("hlm.cli.data_edit:reorder", "sort and renumber episodes"),
    "merge": Verb("hlm.cli.data_edit:merge", "copy several datasets into a new one"),
    "corrections": Verb(
        "hlm.cli.data_corrections:run", "copy what somebody else than the policy did into a new dataset"
    ),
    "split": Verb("hlm.cli.data_edit:split", "copy a dataset into several new ones"),
    "undo": Verb("hlm.cli.data_edit:undo", "undo the last edit"),
    "convert": Verb("hlm.cli.data_convert:convert", "convert from OpenHLM and LeRobot, or to LeRobot and UMI"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class InfoArguments:
    """Summarize a dataset.

    Attributes:
        path: path of the dataset.
        episodes: also list every episode.
    """

    path: Positional[Path]
    episodes: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyArguments:
    """Check a dataset completely, every image included, and list all problems. The exit code is 1 if there are any.

    Attributes:
        path: path of the dataset.
        json: print the problems as JSON.
    """

    path: Positional[Path]
    json: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RecoverArguments:
    """Save the episodes of an interrupted recording. The exit code is 1 if one of them cannot be saved.

    Attributes:
        path: path of the dataset.
    """

    path: Positional[Path]


@dataclass(frozen=True, kw_only=True, slots=True)
class MigrateArguments:
    """Upgrade a dataset to the current schema, atomically.

    Attributes:
        path: path of the dataset.
        dry_run: try everything and report what would change, without changing the dataset.
    """

    path: Positional[Path]
    dry_run: bool = False


def run(arguments: Sequence[str]) -> int:
    """Run a verb of `hlm data`."""
    return dispatch("hlm data", "Inspect, check, edit and convert recorded episodes.", VERBS, arguments)


def info(arguments: Sequence[str]) -> int:
    """Print a summary of a dataset."""
    config = parse(InfoArguments, "hlm data info", arguments)
    from hlm.datasets.device_age import device_age
    from hlm.datasets.reader import open_dataset
    from hlm.datasets.summary import summarize

    dataset = open_dataset(config.path)
    summary = summarize(dataset)
    screen = console()
    screen.print(_totals(summary, device_age(dataset)), "", _groups(summary), sep="\n")
    if config.episodes:
        screen.print(_episodes(summary))
    return 0


def verify(arguments: Sequence[str]) -> int:
    """Print the problems of a dataset."""
    config = parse(VerifyArguments, "hlm data verify", arguments)
    from hlm.datasets.verify import verify as find_problems

    with progress("episodes") as show:
        problems = find_problems(config.path, show)
    screen = console()
    if config.json:
        screen.out(json.dumps([asdict(problem) for problem in problems], indent=2))
    elif problems:
        screen.print(_problems(problems))
        screen.out(f"{counted(len(problems), 'problem')} in {config.path}")
    else:
        screen.out(f"no problems in {config.path}")
    return EXIT_PROBLEMS if problems else 0


def recover(arguments: Sequence[str]) -> int:
    """Save the episodes of an interrupted recording."""
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
    """Upgrade a dataset to the current schema."""
    config = parse(MigrateArguments, "hlm data migrate", arguments)
    from hlm.datasets.migrate import migrate as migrate_dataset

    screen = console()
    with waiting(f"migrating {config.path}"):
        migration = migrate_dataset(config.path, dry_run=config.dry_run)
    for version, summary in enumerate(migration.changes, migration.found):
        screen.out(f"schema {version} to {version + 1}: {summary}")
    if not migration.changes:
        screen.out(f"{config.path} already has schema {migration.found}, the current one")
    else:
        ending = "dry run, nothing was changed" if config.dry_run else f"migrated {config.path}"
        screen.out(f"{counted(migration.episodes, 'episode')}; {ending}")
    return 0


def _totals(summary: DatasetSummary, device: DeviceAge | None) -> Table:
    cameras = [f"{name} {width} x {height}" for name, (height, width) in summary.spec.cameras.items()]
    rows = {
        "dataset": str(summary.path),
        "robot": f"{summary.spec.embodiment}, {summary.spec.rate_hz:g} Hz",
        "cameras": ", ".join(cameras) or "none",
        "episodes": f"{len(summary.episodes)}, {counted(summary.steps, 'step')}, {duration(summary.duration_s)}",
        "size": naturalsize(summary.size_bytes),
        "preview": _previews(summary.previews_s),
        "outcomes": counts(summary.outcomes),
        "instructions": _instructions(summary.instructions),
    }
    if device is not None:
        milliseconds = "median {:.0f}, 99 % within {:.0f}, worst {:.0f} ms".format(*(1e3 * age for age in device[1:]))
        rows["device age"] = f"{milliseconds}, {counted(device.episodes, 'episode')}"
    if summary.takeovers:
        rows["taken over"] = ", ".join(
            f"by {name} in {counted(number, 'episode')}" for name, number in summary.takeovers.items()
        )
    if summary.unfinished:
        rows["unfinished"] = f"{summary.unfinished}: run `hlm data recover {summary.path}`"
    return facts(rows)


def _previews(numbers: Mapping[float | None, int]) -> str:
    """How long after their stamps actions are tracked."""
    shown = {"unknown" if preview_s is None else f"{preview_s:g} s": number for preview_s, number in numbers.items()}
    if len(shown) == 1:
        return next(iter(shown))
    return ", ".join(f"{preview} in {counted(number, 'episode')}" for preview, number in shown.items())


def _instructions(numbers: Mapping[str, int]) -> str:
    """The most frequent ones, since thousands of paraphrases would hide everything else."""
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
        length = (f"{episode.duration_s:.1f}", str(episode.steps), naturalsize(episode.size_bytes))
        source = ", then ".join(episode.in_command) or episode.source
        table.add_row(str(episode.number), episode.instruction, source, outcome, stage, *length)
    return table


def _problems(problems: Sequence[Problem]) -> Table:
    table = Table("episode", "step", "array", "problem")
    for problem in problems:
        place = ["" if value is None else str(value) for value in (problem.episode, problem.step)]
        table.add_row(*place, problem.array, problem.text)
    return table
