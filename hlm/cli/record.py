"""`hlm record`: demonstrations of a task into a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from hlm.cli.arguments import parse
from hlm.cli.rendering import use_headless_rendering
from hlm.cli.stations import CAMERAS, StationConfig, make_station, recorded_episode
from hlm.cli.tables import console, duration
from hlm.core.errors import ExistsError, InputError
from hlm.core.unitree_g1 import UNITREE_G1

if TYPE_CHECKING:
    from rich.console import Console

    from hlm.runtime.recording import RecordedEpisode
    from hlm.runtime.station import ScoredRow

ROW_HZ = 30.0


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
    seeds = _seeds(config, station_config)
    if out.exists() and not config.append:
        raise ExistsError(f"{out} is already there. Name another --out, or add to it with --append.")
    use_headless_rendering()
    return _record(config, station_config, seeds, out)


def _seeds(config: RecordArguments, station: StationConfig) -> list[int]:
    """Seeds of the scenes: a replay happens in the scene of its episode."""
    if config.source != "replay":
        return list(range(config.seed, config.seed + config.episodes))
    episode = recorded_episode(station)
    if episode.info.seed is None or episode.info.task != config.task:
        raise InputError(f"{config.episode} was not recorded on task '{config.task}'; it cannot be replayed there.")
    return [episode.info.seed] * config.episodes


def _record(config: RecordArguments, station_config: StationConfig, seeds: list[int], out: Path) -> int:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from hlm.datasets.schema import DatasetSpec
    from hlm.datasets.writer import DatasetWriter
    from hlm.runtime.recording import record

    station = make_station(station_config)
    height, width = config.image_size
    spec = DatasetSpec(
        embodiment=UNITREE_G1.name, rate_hz=ROW_HZ, cameras={name: (height, width) for name in config.cameras}
    )
    screen = console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[stage]}"),
    )
    done: list[RecordedEpisode] = []
    with DatasetWriter.open(out, spec) as writer, Progress(*columns, console=screen) as progress:
        bar = progress.add_task("episodes", total=len(seeds), stage="")

        def show(scored: ScoredRow) -> None:
            if scored.row.index % 15 == 0:
                reached = scored.progress.stage
                name = station.task.stages[reached - 1] if reached else "start"
                progress.update(bar, stage=f"{scored.row.index / ROW_HZ:5.1f} s  {name}")

        for episode in record(station, writer, seeds, "scripted", show):
            done.append(episode)
            progress.update(bar, advance=1, stage="")
            _report(progress.console, episode, station.task.stages)
    _summary(screen, done, out)
    return 0


def _report(screen: Console, episode: RecordedEpisode, stages: tuple[str, ...]) -> None:
    progress = episode.progress
    outcome = "success" if progress.success else f"failure after {stages[progress.stage - 1] if progress.stage else 'nothing'}"
    screen.print(f"seed {episode.seed}: {outcome}, {episode.rows / ROW_HZ:.1f} s, \"{episode.instruction}\"")


def _summary(screen: Console, done: list[RecordedEpisode], out: Path) -> None:
    successes = sum(episode.progress.success for episode in done)
    length = duration(sum(episode.rows for episode in done) / ROW_HZ)
    screen.print(f"{len(done)} episodes, {successes} successful, {length} in {out}")
    screen.print(f"next: hlm data info {out}, then hlm train --datasets {out}")
