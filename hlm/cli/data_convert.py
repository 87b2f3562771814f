"""`hlm data convert`: between hlm's datasets and other formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.table import Table

from hlm.cli.arguments import Place, parse
from hlm.cli.progress import progress
from hlm.cli.tables import console
from hlm.core.wording import counted

if TYPE_CHECKING:
    from hlm.datasets.convert.report import Conversion

EXIT_REJECTED = 1
MOST_NOTES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ConvertArguments:
    """Convert a dataset to another format, atomically. The exit code is 1 if an episode was rejected.

    A conversion to hlm that was interrupted goes on when the same command is given again.

    The format of the dataset is detected. Conversions to hlm: from OpenHLM (folders with data.json and videos, of
    teleoperation or HuMI) and from LeRobot (format v3). Conversions from hlm: to LeRobot and to UMI's replay buffer
    (Zarr format 2; a target NAME.zarr.zip is written as a single file).

    Attributes:
        path: path of the dataset.
        target: path of the new dataset; nothing may exist there.
        to: format of the new dataset; hlm by default, unless the dataset already is hlm's.
        episodes: episodes to convert, e.g. "3 5-7"; for hlm datasets also conditions like outcome=success. Episodes of
            other formats are numbered from 0 in the order of their names. All by default.
        cameras: cameras to convert, NAME or OLD=NEW, e.g. "top=head wrist=left_wrist". All by default.
        rate_hz: steps per second that a dataset of another format must have. Steps are never resampled.
        source: source of the references, if the dataset does not name it.
        gripper_range: what a closed and a fully open gripper read in OpenHLM's datasets, e.g. 0 85. By default it is
            found out, where that is unambiguous.
        image_codec: how images are stored in an hlm dataset: jpeg is read fastest, avif takes a third of the space.
        image_quality: quality of the images, 1 to 100; each codec has a default.
    """

    path: Annotated[Path, Place("DATASET")]
    target: Annotated[Path, Place("TARGET")]
    to: Literal["hlm", "lerobot", "umi"] | None = None
    episodes: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    rate_hz: float = 30.0
    source: Literal["teleop", "stationary", "humi", "scripted", "policy"] | None = None
    gripper_range: tuple[float, float] | None = None
    image_codec: Literal["jpeg", "avif"] = "jpeg"
    image_quality: int | None = None


def convert(arguments: Sequence[str]) -> int:
    """Convert a dataset and report what became of its episodes."""
    config = parse(ConvertArguments, "hlm data convert", arguments)
    from hlm.datasets.convert import convert as converting
    from hlm.datasets.store.images import ImageFormat

    request = converting.Request(
        path=config.path,
        target=config.target,
        to=config.to,
        episodes=config.episodes,
        cameras=config.cameras,
        rate_hz=config.rate_hz,
        source=config.source or "",
        gripper_range=config.gripper_range,
        image_format=ImageFormat(config.image_codec, config.image_quality),
    )
    found = converting.detect(config.path)
    screen = console()
    screen.out(f"{config.path}: {converting.DESCRIPTIONS[found]}")
    try:
        with progress("steps") as show:
            conversion = converting.convert(request, show, screen.out)
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(_interrupted(config.target)) from interrupt
    if conversion.imperfect:
        screen.print(_losses(conversion))
    for note in conversion.notes[:MOST_NOTES]:
        screen.out(note)
    if (more := len(conversion.notes) - MOST_NOTES) > 0:
        screen.out(f"and {counted(more, 'note')} more; the dataset's attributes have all, under conversion")
    if conversion.left_out:
        screen.out(f"left out: {', '.join(conversion.left_out)}")
    steps = counted(sum(episode.steps for episode in conversion.kept), "step")
    episodes = f"{len(conversion.kept)} of {counted(len(conversion.episodes), 'episode')}"
    split = f" as {conversion.made}" if conversion.made > len(conversion.kept) else ""
    screen.out(f"{episodes}{split}, {steps} in {config.target}")
    return EXIT_REJECTED if len(conversion.kept) < len(conversion.episodes) else 0


def _interrupted(target: Path) -> str:
    """What an interrupt leaves."""
    from hlm.datasets.convert.staging import stage_folder

    begun = stage_folder(target.absolute())
    rest = f"; the same command goes on with what is in {begun.name}" if begun.exists() else ""
    return f"{target} was not written{rest}"


def _losses(conversion: Conversion) -> Table:
    from hlm.datasets.selection import ranges

    table = Table("recording", "episode", "steps", "reason")
    for episode in conversion.imperfect:
        became = ranges(episode.episodes) if episode.episodes else "rejected"
        found = str(episode.found) if episode.found else "?"
        table.add_row(episode.name, became, f"{episode.steps} of {found}", episode.reason)
    return table
