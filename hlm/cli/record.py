"""`hlm record`: demonstrations of a task into a dataset."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hlm.cli.arguments import parse
from hlm.cli.command_interfaces import operator_name
from hlm.cli.live.people import PEOPLE, PersonConfig
from hlm.cli.live.takeover import TAKEOVER_PEOPLE, TakeoverConfig, open_taker
from hlm.cli.progress import progress
from hlm.cli.record_arguments import SOURCES, RecordArguments
from hlm.cli.recorded_seeds import recorded_seeds
from hlm.cli.rendering import load_simulator
from hlm.cli.sources import EMBODIMENT, LocalPolicy, Replay, Scripted, SourceConfig, TakenOver, recorded_episode
from hlm.cli.stations import SimulatedStation, StationConfig, open_station
from hlm.cli.tables import console, duration
from hlm.cli.trackers import must_have_tracker
from hlm.core.clock import STEP_HZ, MonotonicClock
from hlm.core.errors import ExistsError, HlmError, InputError, MismatchError, UnknownNameError
from hlm.core.seeds import LAST_SEED
from hlm.core.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

    from hlm.cli.live.record_seat import RecordSeat
    from hlm.cli.live.takeover import Taker
    from hlm.core.task import Task, TaskInstance
    from hlm.datasets.schema import DatasetSpec
    from hlm.runtime.recording import RecordedEpisode
    from hlm.runtime.station import ScoredStep, Station
    from hlm.teleop.session.takes import Kept


def run(arguments: Sequence[str]) -> int:
    """Record, and say what was recorded; `kill`, and a terminal that is closed, end it as Ctrl+C does."""
    from hlm.cli.eval_run import TerminatedError, termination_as_exception

    config = parse(RecordArguments, "hlm record", arguments)
    out = Path("runs") / f"{config.task}.zarr" if config.out is None else config.out
    with termination_as_exception():
        try:
            return (_with_person if config.source in PEOPLE else _by_itself)(config, out)
        except TerminatedError as error:
            with suppress(OSError):  # of a terminal that is closed
                sys.stderr.write(f"hlm: {error}\n")
            return error.exit_code


def _with_person(config: RecordArguments, out: Path) -> int:
    """Let a person record."""
    from hlm.cli.record_live import live_plan, record_live

    return record_live(live_plan(config, out))


def _by_itself(config: RecordArguments, out: Path) -> int:
    """Record what a source does, from which a person may take over."""
    station_config = StationConfig(
        task=config.task,
        source=_source(config),
        cameras=config.cameras,
        image_size=config.image_size,
        tracker=config.tracker,
        command_interface=config.command_interface,
    )
    must_have_tracker(config.tracker)
    from hlm.datasets.store.swap import is_there

    if is_there(out) and not config.append:
        raise ExistsError(f"{out} is already there. Name another --out, or add to it with --append.")
    origin = _origin(config, station_config.source, out)
    load_simulator()
    done: list[RecordedEpisode] = []
    try:
        with _seated(config) as taker, open_station(_taken_by(taker, station_config)) as (station, task):
            station = _paced(station, taker)
            seat = None if taker is None else _seat(config, taker, SimulatedStation(station, task), out)
            _record(config, station, _Plan(task, origin, out), done, seat)
    except KeyboardInterrupt as interrupt:
        kept = f"{counted(len(done), 'finished episode')} in {out}"
        if any(out.glob("*.partial")):
            kept += f"; `hlm data recover {out}` keeps the open one"
        interrupt.args = ("; ".join((*interrupt.args, kept)),)
        raise
    _summary(console(), done, out)
    return 0


def _source(config: RecordArguments) -> SourceConfig:
    if config.source not in SOURCES:
        raise UnknownNameError("source", config.source, SOURCES)
    if config.source == "policy" and config.what is not None:
        return _policy(config, LocalPolicy(checkpoint=config.what))
    if config.source == "policy":
        raise InputError("`--source policy` and the folder of a checkpoint go together: --source policy CHECKPOINT.")
    if config.source == "scripted" and config.what is not None:
        known = "replay for an episode, policy for a checkpoint, motion for a motion file"
        raise InputError(f"{config.what} needs another --source: {known}.")
    if (config.source == "replay") != (config.what is not None):
        raise InputError("`--source replay` and the path of an episode go together: --source replay EPISODE.")
    return Scripted() if config.what is None else Replay(episode=config.what)


def _policy(config: RecordArguments, policy: LocalPolicy) -> SourceConfig:
    """A policy of which all is there, with who takes over.

    Raises:
        HlmError: there is no such checkpoint, it belongs to another robot, or it needs another camera.
    """
    from hlm.cli.policy_specs import policy_spec

    spec = policy_spec(policy)
    if missing := [name for name in spec.cameras if name not in {*config.cameras, *spec.optional_cameras}]:
        raise MismatchError(
            f"the policy at {policy.checkpoint} needs camera '{missing[0]}'; --cameras has {', '.join(config.cameras)}."
        )
    found = replace(policy, digest=spec.digest)
    if config.takeover is None:
        return found
    return TakenOver(policy=found, stall_s=config.stall, hand_back=config.hand_back == "stage")


@contextmanager
def _seated(config: RecordArguments) -> Iterator[Taker | None]:
    """The person who may take over, once they are there; None where nobody may."""
    if config.takeover not in TAKEOVER_PEOPLE:
        yield None
        return
    page = None
    if config.takeover == "page":
        from hlm.teleop.page.page_config import PageConfig

        title = f"hlm record {config.task}"
        page = PageConfig(host=config.host, port=config.port, cameras=config.cameras, title=title)
    person = PersonConfig(source=config.takeover, body=config.body, headset_port=config.headset_port)
    with open_taker(TakeoverConfig(person=person, page=page), EMBODIMENT) as taker:
        for line in taker.invitations:
            _say(console(), line)
        taker.wait(MonotonicClock(), lambda line: _say(console(), line))
        yield taker


def _taken_by(taker: Taker | None, config: StationConfig) -> StationConfig:
    source = config.source
    return replace(config, source=replace(source, taker=taker)) if isinstance(source, TakenOver) else config


def _seat(config: RecordArguments, taker: Taker, place: SimulatedStation, out: Path) -> RecordSeat:
    from hlm.cli.live.record_seat import RecordSeat

    return RecordSeat(taker, place.station, place.task, lambda: _kept(config, out))


def _kept(config: RecordArguments, out: Path) -> tuple[Kept, ...]:
    """The episodes of the dataset, for the page."""
    from hlm.datasets.writer import DEFAULT_FORMAT
    from hlm.teleop.session.takes import Takes

    return Takes(out, _spec(config), DEFAULT_FORMAT).kept()


def _paced(station: Station, taker: Taker | None) -> Station:
    """The station, no faster than a person who may take over."""
    if taker is None:
        return station
    from hlm.sim.paced_clock import PacedClock

    return replace(station, clock=PacedClock(station.clock, MonotonicClock()))


class _Origin(NamedTuple):
    """Where the episodes come from.

    Attributes:
        seeds: one for each episode.
        source: type of the reference source, as datasets name it.
    """

    seeds: list[int]
    source: str


class _Plan(NamedTuple):
    """What is recorded, and where to.

    Attributes:
        task: draws the scenes.
        origin: seeds and source.
        out: dataset to write.
    """

    task: Task
    origin: _Origin
    out: Path


def _origin(config: RecordArguments, source: SourceConfig, out: Path) -> _Origin:
    """A replay happens in the scene of its episode, and counts as what that episode was."""
    if not isinstance(source, Replay):
        return _Origin(_seeds(config, out), config.source)
    episode = recorded_episode(source)
    if episode.info.seed is None or episode.info.task != config.task:
        raise InputError(f"{source.episode} was not recorded on task '{config.task}'; it cannot be replayed there.")
    return _Origin([episode.info.seed] * config.count, episode.info.source)


def _seeds(config: RecordArguments, out: Path) -> list[int]:
    """A seed for each episode; says which, where the dataset has a say in it: the same scene twice teaches little."""
    from hlm.datasets.selection import ranges

    if config.seed is not None:
        seeds = list(range(config.seed, config.seed + config.count))
        with suppress(HlmError):  # a damaged episode is no reason not to add others
            if again := sorted(recorded_seeds(out, config.task).intersection(seeds)):
                _say(console(), f"in {out} already, and recorded again: seeds {ranges(again)} of {config.task}")
        return seeds
    before = recorded_seeds(out, config.task)
    first = 1 + max(before, default=-1)
    if first > LAST_SEED - config.count:
        raise InputError(f"no seeds are left after {first - 1}, the highest in {out}. Give a --seed.")
    seeds = list(range(first, first + config.count))
    if before:
        _say(console(), f"goes on with seeds {ranges(seeds)}; the highest of {config.task} in {out} is {first - 1}")
    return seeds


def _record(
    config: RecordArguments, station: Station, plan: _Plan, done: list[RecordedEpisode], seat: RecordSeat | None
) -> None:
    """Record, show how it goes, and add each finished episode to `done`."""
    from hlm.datasets.store.images import ImageFormat
    from hlm.datasets.writer import DatasetWriter
    from hlm.runtime.recording import record

    seeds, images = plan.origin.seeds, ImageFormat(config.image_codec, config.image_quality)
    with DatasetWriter.open(plan.out, _spec(config), images) as writer, progress("episodes") as show_progress:
        show_progress(0, len(seeds))

        def show(scored: ScoredStep) -> None:
            if seat is not None:
                seat.look_after(scored)
            if scored.step.index % 15 == 0 and scored.progress is not None:
                reached = scored.progress.stage
                name = plan.task.stages[reached - 1] if reached else "start"
                note = f"{scored.step.index / STEP_HZ:5.1f} s  {name}"
                show_progress(len(done), len(seeds), note)

        try:
            instances: Iterable[TaskInstance] = map(plan.task.reset, seeds)
            if seat is not None:
                instances = seat.instances(instances)
            operator = operator_name(config.source, config.command_interface)
            for episode in record(station, writer, instances, plan.origin.source, operator, show):
                done.append(episode)
                show_progress(len(done), len(seeds))
                _report(console(), episode, plan.task.stages)
        except KeyboardInterrupt:
            # The writer would warn of the episode that it leaves open; the line that ends the program says it too.
            logging.getLogger("hlm.datasets.writer").setLevel(logging.ERROR)
            raise


def _spec(config: RecordArguments) -> DatasetSpec:
    from hlm.datasets.schema import DatasetSpec

    height, width = config.image_size
    cameras = {name: (height, width) for name in config.cameras}
    return DatasetSpec(embodiment=EMBODIMENT.name, rate_hz=STEP_HZ, cameras=cameras)


def _report(screen: Console, episode: RecordedEpisode, stages: tuple[str, ...]) -> None:
    stage = 0 if episode.progress is None else episode.progress.stage
    outcome = "success" if episode.success else f"failure after {stages[stage - 1] if stage else 'nothing'}"
    if episode.fault:
        outcome += f" ({episode.fault})"
    if episode.takeovers:
        outcome += ", taken over"
    _say(screen, f"seed {episode.seed}: {outcome}, {episode.steps / STEP_HZ:.1f} s, '{episode.instruction}'")


def _summary(screen: Console, done: list[RecordedEpisode], out: Path) -> None:
    successes = sum(episode.success for episode in done)
    length = duration(sum(episode.steps for episode in done) / STEP_HZ)
    _say(screen, f"{counted(len(done), 'episode')}, {successes} successful, {length} in {out}")
    _say(screen, f"next: hlm data info {out}, then hlm train --datasets {out}")


def _say(screen: Console, text: str) -> None:
    """One line however long: a path that is broken in two cannot be copied."""
    screen.print(text, soft_wrap=True)
