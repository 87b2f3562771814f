"""`hlm data convert`: datasets of other formats into hlm's, and hlm's into theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.table import Table
from tyro.conf import Positional

from hlm.cli.arguments import parse
from hlm.cli.progress import progress
from hlm.cli.tables import console

if TYPE_CHECKING:
    from hlm.datasets.convert.report import Conversion

EXIT_REJECTED = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ConvertArguments:
    """Convert a dataset; what it is, is found out. The exit code is 1 when an episode was rejected.

    From OpenHLM (folders with data.json and videos, of teleoperation or HuMI) and LeRobot (format v3) to hlm; from hlm
    to LeRobot and to UMI's replay buffer (Zarr format 2; NAME.zarr.zip makes one file). The target is there completely
    or not at all.

    Attributes:
        path: the dataset.
        target: what is made; nothing may be there.
        to: format of the target; hlm, unless the dataset is hlm's.
        episodes: which, e.g. "3 5-7"; of an hlm dataset also outcome=success and the like. Other formats' episodes are
            counted from 0 in the order of their names.
        cameras: which, NAME or OLD=NEW, e.g. "top=head wrist=left_wrist".
        rate_hz: steps per second that a dataset of another format must have; steps are never resampled.
        source: who gave the references, where the dataset does not say.
    """

    path: Annotated[Positional[Path], tyro.conf.arg(metavar="SOURCE")]
    target: Annotated[Positional[Path], tyro.conf.arg(metavar="TARGET")]
    to: Literal["hlm", "lerobot", "umi"] | None = None
    episodes: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    rate_hz: float = 30.0
    source: Literal["teleop", "stationary", "humi", "scripted", "policy"] | None = None


def convert(arguments: Sequence[str]) -> int:
    """Convert, and say what became of every episode."""
    config = parse(ConvertArguments, "hlm data convert", arguments)
    from hlm.datasets.convert import convert as converting

    request = converting.Request(
        source=config.path,
        target=config.target,
        to=config.to,
        episodes=config.episodes,
        cameras=config.cameras,
        rate_hz=config.rate_hz,
        source_kind=config.source or "",
    )
    kind = converting.detect(config.path)
    screen = console()
    screen.out(f"{config.path}: {converting.DESCRIPTIONS[kind]}")
    try:
        with progress("steps") as show:
            conversion = converting.convert(request, show)
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(f"{config.target} was not made") from interrupt
    if conversion.imperfect:
        screen.print(_losses(conversion))
    if conversion.left_out:
        screen.out(f"left out: {', '.join(conversion.left_out)}")
    steps = sum(episode.steps for episode in conversion.kept)
    screen.out(f"{len(conversion.kept)} of {len(conversion.episodes)} episodes, {steps} steps in {config.target}")
    return EXIT_REJECTED if len(conversion.kept) < len(conversion.episodes) else 0


def _losses(conversion: Conversion) -> Table:
    table = Table("source", "episode", "steps", "why")
    for episode in conversion.imperfect:
        became = "rejected" if episode.episode is None else str(episode.episode)
        found = str(episode.found) if episode.found else "?"
        table.add_row(episode.name, became, f"{episode.steps} of {found}", episode.reason)
    return table
