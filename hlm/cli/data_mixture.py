"""`hlm data stats` and `hlm data mixture`: statistics of training data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from hlm.cli.arguments import Positional, parse
from hlm.cli.data_edit import Episodes
from hlm.cli.tables import console, counts, duration, facts
from hlm.core.errors import InputError
from hlm.core.wording import counted

if TYPE_CHECKING:
    from hlm.datasets.mixture import Mixture, Part
    from hlm.datasets.reader import Episode
    from hlm.datasets.statistics import Statistics, VectorStatistics

FIGURES = ("q01", "q99", "mean", "std", "min", "max")


@dataclass(frozen=True, kw_only=True, slots=True)
class StatsArguments:
    """Show exact statistics of states and actions, overall and for each source. Images are not read.

    In a mixture, every step counts as often as training draws it. "still" marks dimensions that hardly move and that a
    policy therefore does not learn.

    Attributes:
        path: path of a dataset, or of the YAML file of a mixture.
        json: print the statistics as JSON.
    """

    path: Positional[Path]
    episodes: Episodes = ()
    json: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MixtureArguments:
    """Check a mixture: the episodes that it takes from each dataset, and how often training draws each dataset.

    Attributes:
        path: path of the YAML file.
        draws: number of samples to draw; by default, the number of steps in the mixture.
        seed: seed of the draws.
        json: print the result as JSON.
    """

    path: Positional[Path]
    draws: int | None = None
    seed: int = 0
    json: bool = False

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.draws is not None and self.draws < 1:
            raise InputError(f"--draws must be at least 1, got {self.draws}.")


def stats(arguments: Sequence[str]) -> int:
    """Print statistics of a dataset or mixture."""
    config = parse(StatsArguments, "hlm data stats", arguments)
    with Console(stderr=True).status(f"reading {config.path}"):
        whole, sources = _mixture_statistics(config) if config.path.is_file() else _dataset_statistics(config)
    screen = console()
    if config.json:
        document = {**whole.to_dict(), "sources": {name: found.to_dict() for name, found in sources.items()}}
        screen.out(json.dumps(document, indent=2))
        return 0
    screen.print(
        facts({"steps": str(whole.steps), "sources": counts({name: one.steps for name, one in sources.items()})})
    )
    for name in ("state", "action"):
        screen.print(
            _vector_table(name, getattr(whole, name), {key: getattr(one, name) for key, one in sources.items()})
        )
    return 0


def mixture(arguments: Sequence[str]) -> int:
    """Print the datasets of a mixture and their shares."""
    config = parse(MixtureArguments, "hlm data mixture", arguments)
    from hlm.datasets.mixture import open_mixture

    opened = open_mixture(config.path)
    lines = _lines(opened, config)
    screen = console()
    if config.json:
        screen.out(
            json.dumps({"embodiment": opened.embodiment, "rate_hz": opened.rate_hz, "datasets": lines}, indent=2)
        )
        return 0
    screen.print(_totals(opened, config))
    screen.print(_parts_table(lines))
    return 0


def _dataset_statistics(config: StatsArguments) -> tuple[Statistics, dict[str, Statistics]]:
    from hlm.datasets.reader import open_dataset
    from hlm.datasets.selection import chosen_episodes
    from hlm.datasets.statistics_cache import cached_statistics

    episodes = chosen_episodes(open_dataset(config.path), config.episodes)
    return cached_statistics(episodes), _by_source(episodes)


def _mixture_statistics(config: StatsArguments) -> tuple[Statistics, dict[str, Statistics]]:
    from hlm.datasets.mixture import open_mixture

    if config.episodes:
        raise InputError(f"{config.path} is a mixture, which selects its own episodes; drop the selection.")
    opened = open_mixture(config.path)
    return opened.statistics(), _by_source(opened.episodes)


def _by_source(episodes: Sequence[Episode]) -> dict[str, Statistics]:
    from hlm.datasets.statistics_cache import cached_statistics

    groups: dict[str, list[Episode]] = {}
    for episode in episodes:
        groups.setdefault(episode.info.source, []).append(episode)
    return {source: cached_statistics(group) for source, group in groups.items()}


def _vector_table(name: str, whole: VectorStatistics, sources: Mapping[str, VectorStatistics]) -> Table:
    from hlm.core.layout import NAMES, UNITS

    shown = sources if len(sources) > 1 else {}
    table = Table(name, "unit", *FIGURES, "", *(f"{source} q01, q99" for source in shown))
    for step, (dimension, unit) in enumerate(zip(NAMES, UNITS, strict=True)):
        figures = [f"{getattr(whole, figure)[step]:.3f}" for figure in FIGURES]
        ranges = [f"{found.q01[step]:.3f}, {found.q99[step]:.3f}" for found in shown.values()]
        table.add_row(dimension, unit, *figures, "still" if whole.still[step] else "", *ranges)
    return table


def _lines(opened: Mixture, config: MixtureArguments) -> list[dict[str, Any]]:
    """The row of each dataset, as JSON."""
    sampler = opened.sampler(config.seed)
    draws = config.draws or opened.steps
    drawn = sampler.drawn(draws)
    return [
        {
            "dataset": str(part.dataset.path),
            "episodes": len(part.episodes),
            "of": len(part.dataset),
            "removed": dict(part.removed),
            "steps": part.steps,
            "asked": asked,
            "drawn": count,
            "realised": count / draws,
            "lacking": _lacking(part, opened),
            "prompt": part.entry.prompt,
        }
        for part, asked, count in zip(opened.parts, sampler.asked, drawn, strict=True)
    ]


def _lacking(part: Part, opened: Mixture) -> dict[str, int]:
    """By camera, how many episodes of a dataset lack one that other episodes of the mixture have."""
    missing = {name: sum(name not in episode.cameras for episode in part.episodes) for name in opened.cameras}
    return {name: count for name, count in missing.items() if count}


def _totals(opened: Mixture, config: MixtureArguments) -> Table:
    from collections import Counter

    episodes = opened.episodes
    return facts(
        {
            "mixture": str(config.path),
            "robot": f"{opened.embodiment}, {opened.rate_hz:g} Hz",
            "cameras": ", ".join(opened.cameras) or "none",
            "episodes": f"{len(episodes)}, {counted(opened.steps, 'step')}, {duration(opened.steps / opened.rate_hz)}",
            "sources": counts(Counter(episode.info.source for episode in episodes)),
            "outcomes": counts(Counter(episode.info.outcome for episode in episodes)),
            "instructions": counts(Counter(episode.info.instruction for episode in episodes), separator="\n"),
            "draws": f"{config.draws or opened.steps} with seed {config.seed}",
        }
    )


def _parts_table(lines: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("dataset", "episodes", "removed", "steps", "asked", "realised", "draws per step", "without")
    for line in lines:
        removed = ", ".join(f"{count} by {name}" for name, count in line["removed"].items() if count)
        table.add_row(
            line["dataset"],
            f"{line['episodes']} of {line['of']}",
            removed,
            str(line["steps"]),
            f"{100.0 * line['asked']:.2f}%",
            f"{100.0 * line['realised']:.2f}%",
            f"{line['drawn'] / line['steps']:.2f}",
            ", ".join(f"{name} in {count}" for name, count in line["lacking"].items()),
        )
    return table
