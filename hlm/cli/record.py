"""`hlm record`: demonstrations of a task into a dataset."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tyro.conf import Positional

from hlm.cli.arguments import parse
from hlm.cli.rendering import load_simulator
from hlm.cli.stations import CAMERAS, EMBODIMENT, ROW_HZ, StationConfig, make_station, recorded_episode
from hlm.cli.tables import console, duration
from hlm.core.errors import ExistsError, InputError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from hlm.datasets.schema import DatasetSpec
    from hlm.runtime.recording import RecordedEpisode
    from hlm.runtime.station import ScoredRow, Station


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordArguments:
    """Record demonstrations of a task into a Zarr dataset.

    Finished episodes are safe at once. After Ctrl+C or a crash the open one is kept by `hlm data recover`.

    Attributes:
        episode: what to play, for `--source replay`: an episode's folder, e.g. demos.zarr/episode_000003.
        task: what to demonstrate.
        source: who acts: "scripted" stands in for a person, "replay" plays an episode's actions in its own scene.
        episodes: how many; seeds 2 k and 2 k + 1 share a scene and name another object.
        seed: of the first scene; each further episode takes the next.
        out: dataset to write; by default runs/TASK.zarr.
        append: add to the dataset if it is there.
        cameras: which of the robot's cameras to record.
        image_size: height and width of the pictures, px.
    """

    episode: Positional[Path | None] = None
    task: str = "shelf_cup_transfer"
    source: str = "scripted"
    episodes: int = 1
    seed: int = 0
    out: Path | None = None
    append: bool = False
    cameras: tuple[str, ...] = CAMERAS
    image_size: tuple[int, int] = (128, 128)

    def __post_init__(self) -> None:
        """Check what needs no simulation."""
        if self.episodes < 1:
            raise InputError(f"--episodes must be at least 1, got {self.episodes}.")
        if self.seed < 0:
            raise InputError(f"--seed must not be negative, got {self.seed}.")
        if not self.cameras:
            raise InputError(f"--cameras needs at least one of {', '.join(CAMERAS)}.")
        if (self.source == "replay") != (self.episode is not None):
            raise InputError("`--source replay` and the path of an episode go together: --source replay EPISODE.")


def run(arguments: Sequence[str]) -> int:
    """Record, and say what was recorded."""
    config = parse(RecordArguments, "hlm record", arguments)
    if config.source == "policy":
        raise InputError("a policy is scored by `hlm eval CHECKPOINT`; `hlm record` takes scripted or replay.")
    out = Path("runs") / f"{config.task}.zarr" if config.out is None else config.out
    station_config = StationConfig(
        task=config.task,
        source=config.source,
        cameras=config.cameras,
        image_size=config.image_size,
        episode=config.episode,
    )
    origin = _origin(config, station_config, out)
    if out.exists() and not config.append:
        raise ExistsError(f"{out} is already there. Name another --out, or add to it with --append.")
    load_simulator()
    station = make_station(station_config)
    done: list[RecordedEpisode] = []
    try:
        _record(config, station, origin, done)
    except KeyboardInterrupt as interrupt:
        kept = f"{len(done)} finished episodes are in {out}, `hlm data recover {out}` keeps the open one"
        raise KeyboardInterrupt(kept) from interrupt
    _summary(console(), done, out)
    return 0


class _Origin(NamedTuple):
    """Where episodes come from.

    Attributes:
        seeds: of the scenes.
        source: kind of source.
        out: dataset to write.
    """

    seeds: list[int]
    source: str
    out: Path


def _origin(config: RecordArguments, station: StationConfig, out: Path) -> _Origin:
    """A replay happens in the scene of its episode, and is of its kind."""
    if config.source != "replay":
        return _Origin(list(range(config.seed, config.seed + config.episodes)), config.source, out)
    episode = recorded_episode(station)
    if episode.info.seed is None or episode.info.task != config.task:
        raise InputError(f"{config.episode} was not recorded on task '{config.task}'; it cannot be replayed there.")
    return _Origin([episode.info.seed] * config.episodes, episode.info.source, out)


def _record(config: RecordArguments, station: Station, origin: _Origin, done: list[RecordedEpisode]) -> None:
    """Record, show how it goes, and add each finished episode to `done`."""
    from hlm.datasets.writer import DatasetWriter
    from hlm.runtime.recording import record

    with DatasetWriter.open(origin.out, _spec(config)) as writer, _progress() as progress:
        bar = progress.add_task("episodes", total=len(origin.seeds), stage="")

        def show(scored: ScoredRow) -> None:
            if scored.row.index % 15 == 0:
                reached = scored.progress.stage
                name = station.task.stages[reached - 1] if reached else "start"
                progress.update(bar, stage=f"{scored.row.index / ROW_HZ:5.1f} s  {name}")

        try:
            for episode in record(station, writer, origin.seeds, origin.source, config.source, show):
                done.append(episode)
                progress.update(bar, advance=1, stage="")
                _report(progress.console, episode, station.task.stages)
        except KeyboardInterrupt:
            # The writer would warn of the episode that it leaves open; the line that ends the program says it too.
            logging.getLogger("hlm.datasets.writer").setLevel(logging.ERROR)
            raise


def _spec(config: RecordArguments) -> DatasetSpec:
    from hlm.datasets.schema import DatasetSpec

    height, width = config.image_size
    cameras = {name: (height, width) for name in config.cameras}
    return DatasetSpec(embodiment=EMBODIMENT.name, rate_hz=ROW_HZ, cameras=cameras)


def _progress() -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[stage]}"),
        console=console(),
    )


def _report(screen: Console, episode: RecordedEpisode, stages: tuple[str, ...]) -> None:
    progress = episode.progress
    reached = stages[progress.stage - 1] if progress.stage else "nothing"
    outcome = "success" if progress.success else f"failure after {reached}"
    _say(screen, f"seed {episode.seed}: {outcome}, {episode.rows / ROW_HZ:.1f} s, '{episode.instruction}'")


def _summary(screen: Console, done: list[RecordedEpisode], out: Path) -> None:
    successes = sum(episode.progress.success for episode in done)
    length = duration(sum(episode.rows for episode in done) / ROW_HZ)
    _say(screen, f"{len(done)} episodes, {successes} successful, {length} in {out}")
    _say(screen, f"next: hlm data info {out}, then hlm train --datasets {out}")


def _say(screen: Console, text: str) -> None:
    """One line however long: a path that is broken in two cannot be copied."""
    screen.print(text, soft_wrap=True)
