"""`hlm record` with a person: one command, one page, any device."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hlm.cli.deployed_robot import RobotConfig, RobotName
from hlm.cli.live.people import PersonConfig, open_person
from hlm.cli.live.played_motion import PlayedMotion, played_motion
from hlm.cli.live_station import LiveStationConfig, open_live_station
from hlm.cli.recorded_seeds import recorded_seeds
from hlm.cli.rendering import load_simulator
from hlm.cli.sources import EMBODIMENT
from hlm.cli.stations import StationConfig
from hlm.cli.tables import console, duration
from hlm.cli.trackers import must_have_tracker
from hlm.core.clock import STEP_HZ
from hlm.core.errors import ExistsError
from hlm.core.files import must_be_writable
from hlm.core.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

    from hlm.cli.live.front import Front
    from hlm.cli.live.people import Person
    from hlm.cli.live_station import LiveStation
    from hlm.cli.record_arguments import RecordArguments
    from hlm.datasets.store.images import ImageFormat
    from hlm.teleop.page.page_config import PageConfig
    from hlm.teleop.page.page_process import PageProcess
    from hlm.teleop.session.session import SessionConfig, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class LivePlan:
    """A recording session in which nothing is known to be wrong.

    Attributes:
        place: what moves and sees.
        person: who commands.
        page: of the operator; None without one.
        session: timing.
        out: dataset to record into.
        cameras: that are recorded.
        image_size: height and width of their images, px.
        images: how they are stored.
        episodes: ends the session after so many; None for never.
    """

    place: LiveStationConfig
    person: PersonConfig
    page: PageConfig | None
    session: SessionConfig
    out: Path
    cameras: tuple[str, ...]
    image_size: tuple[int, int]
    images: ImageFormat
    episodes: int | None = None


def live_plan(config: RecordArguments, out: Path) -> LivePlan:
    """The plan of a command line.

    Raises:
        HlmError: something is wrong with it.
    """
    from hlm.datasets.store.images import ImageFormat
    from hlm.datasets.store.swap import is_there
    from hlm.teleop.page.page_config import PageConfig
    from hlm.teleop.session.session import SessionConfig

    must_have_tracker(config.tracker)
    if is_there(out) and not config.append:
        raise ExistsError(f"{out} is already there. Name another --out, or add to it with --append.")
    must_be_writable(out, "Choose another --out.")
    if config.source == "motion" and not config.with_page and config.episodes is None:
        config = replace(config, episodes=1)
    page = PageConfig(host=config.host, port=config.port, cameras=config.cameras, title=f"hlm record {config.task}")
    return LivePlan(
        place=_place(config, out),
        person=PersonConfig(source=config.source, motion=_played(config), body=config.body),
        page=page if config.with_page else None,
        session=SessionConfig(countdown_s=config.countdown),
        out=out,
        cameras=config.cameras,
        image_size=config.image_size,
        images=ImageFormat(config.image_codec, config.image_quality),
        episodes=config.episodes,
    )


def record_live(plan: LivePlan) -> int:
    """Let a person record, and say what was recorded.

    Returns:
        Exit code.

    Raises:
        HlmError: something could not be had, or the disk refused.
    """
    load_simulator()
    from hlm.cli.live.fronts import Fronts
    from hlm.cli.live.live_session import LiveSession
    from hlm.datasets.schema import DatasetSpec
    from hlm.teleop.page.page_process import PageProcess
    from hlm.teleop.session.conductor import Conductor
    from hlm.teleop.session.takes import Takes

    screen = console()
    sizes = dict.fromkeys(plan.cameras, plan.image_size)
    takes = Takes(plan.out, DatasetSpec(embodiment=EMBODIMENT.name, rate_hz=STEP_HZ, cameras=sizes), plan.images)
    takes.must_fit()
    with ExitStack() as stack:
        stack.callback(takes.close)
        page = None if plan.page is None else stack.enter_context(PageProcess(plan.page))
        place = stack.enter_context(open_live_station(plan.place))
        person = stack.enter_context(open_person(plan.person, page, EMBODIMENT, place.station.clock))
        conductor = Conductor(person.source, plan.session)

        def kept(path: Path, verdict: Verdict) -> None:
            with suppress(OSError):  # a terminal that is closed is no reason to end
                screen.print(f"{path.name}: {verdict.value}", soft_wrap=True)

        session = LiveSession(
            station=place.station,
            conductor=conductor,
            takes=takes,
            scenes=place.scenes,
            front=Fronts(*_fronts(person, page, place, screen, stack)),
            source="teleop",
            operator=plan.person.source,
            enough=plan.episodes,
            timing=place.timing,
            watches=place.watches,
            on_kept=kept,
        )
        if page is not None:
            screen.print(f"the operator's page: {page.address}", soft_wrap=True)
        if person.invitation:
            screen.print(person.invitation, soft_wrap=True)
        try:
            session.run()
        finally:
            recorded = takes.kept()
            length = duration(sum(one.steps for one in recorded) / STEP_HZ)
            with suppress(OSError):
                screen.print(f"{counted(session.kept, 'episode')} recorded; {plan.out} has {len(recorded)}, {length}")
    return 0


def _place(config: RecordArguments, out: Path) -> LiveStationConfig:
    """Where it is recorded: a simulation that waits for this machine, or a robot in real time."""
    from hlm.teleop.session.instructions import read_instructions

    first = 1 + max(recorded_seeds(out, config.task), default=-1) if config.seed is None else config.seed
    said = () if config.instructions is None else read_instructions(config.instructions)
    if config.robot is None:
        station = StationConfig(
            task=config.task, cameras=config.cameras, image_size=config.image_size, tracker=config.tracker
        )
        return LiveStationConfig(simulation=station, first_seed=first, instructions=said)
    robot = RobotConfig(
        name=cast("RobotName", config.robot),
        task=config.task if config.robot == "mujoco" else None,
        seed=first,
        cameras=config.cameras,
        image_size=config.image_size,
        interface=config.interface,
        tracker=config.tracker,
    )
    return LiveStationConfig(robot=robot, first_seed=first, instructions=said)


def _played(config: RecordArguments) -> PlayedMotion | None:
    return played_motion(
        config.what, config.map, speed=config.speed, unit_m=config.unit_m, up=config.up, fps=config.fps
    )


def _fronts(
    person: Person, page: PageProcess | None, place: LiveStation, screen: Console, stack: ExitStack
) -> list[Front]:
    """What the person sees and presses."""
    from hlm.cli.deploy_signals import StopSignals
    from hlm.cli.live.fronts import DeviceButtons, StopSignalsFront, TerminalFront
    from hlm.cli.live.motion_front import MotionFront
    from hlm.cli.live.page_front import PageFront

    fronts: list[Front] = [TerminalFront(screen)]
    if place.real_time:
        stops = stack.enter_context(StopSignals())
        screen.print(f"to stop: {stops.ways}", soft_wrap=True)
        fronts.append(StopSignalsFront(stops))
    if person.motion is not None:
        fronts.append(MotionFront(person.motion, alone=page is None))
    elif page is None or person.device is not page.device:
        fronts.append(DeviceButtons(person.device))
    if page is not None:
        fronts.append(PageFront(page, person.source, person.device, place.world))
    return fronts
