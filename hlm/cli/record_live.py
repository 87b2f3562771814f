"""`hlm record` with a person: one command, one page, any device."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hlm.cli.deploy_keys import NoStops
from hlm.cli.deploy_signals import StopSignals
from hlm.cli.deployed_robot import RobotConfig, RobotName
from hlm.cli.live.people import PersonConfig, open_person
from hlm.cli.live.played_motion import PlayedMotion, played_motion
from hlm.cli.live_station import LiveStationConfig, open_live_station
from hlm.cli.patient_writer import patient_console
from hlm.cli.recorded_seeds import recorded_seeds
from hlm.cli.rendering import load_simulator
from hlm.cli.robot_options import CameraWords, camera_words, must_be_fit_for
from hlm.cli.sources import CAMERAS, EMBODIMENT
from hlm.cli.stations import StationConfig
from hlm.cli.tables import duration
from hlm.cli.trackers import must_have_tracker
from hlm.cli.verbs import EXIT_FAILED, EXIT_INTERRUPTED
from hlm.core.clock import STEP_HZ
from hlm.core.errors import ExistsError
from hlm.core.files import must_be_writable
from hlm.core.realtime import LOOP_PRIORITY, preferred
from hlm.core.wording import counted
from hlm.runtime.deployment import Ended

if TYPE_CHECKING:
    from rich.console import Console

    from hlm.cli.live.front import Front
    from hlm.cli.live.live_session import LiveSession
    from hlm.cli.live.people import Person
    from hlm.cli.live_station import LiveStation
    from hlm.cli.record_arguments import RecordArguments
    from hlm.datasets.store.images import ImageFormat
    from hlm.teleop.page.page_config import PageConfig
    from hlm.teleop.page.page_process import PageProcess
    from hlm.teleop.session.session import SessionConfig, Verdict
    from hlm.teleop.session.takes import Takes


@dataclass(frozen=True, kw_only=True, slots=True)
class LivePlan:
    """A recording session in which nothing is known to be wrong.

    Attributes:
        place: what moves and sees.
        person: who commands.
        page: of the operator; None without one.
        session: timing.
        out: dataset to record into.
        images: how images are stored.
        episodes: ends the session after so many; None for never.
    """

    place: LiveStationConfig
    person: PersonConfig
    page: PageConfig | None
    session: SessionConfig
    out: Path
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
    cameras = camera_words(config.cameras, CAMERAS)
    title = config.task if config.robot in (None, "mujoco") else config.robot
    page = PageConfig(host=config.host, port=config.port, cameras=cameras.names, title=f"hlm record {title}")
    place = _place(config, cameras, out)
    if config.robot is not None:
        must_be_fit_for(config.robot, config.interface, out / "next" if is_there(out) else out)
    return LivePlan(
        place=place,
        person=PersonConfig(
            source=config.source, motion=_played(config), body=config.body, headset_port=config.headset_port
        ),
        page=page if config.with_page else None,
        session=SessionConfig(countdown_s=config.countdown),
        out=out,
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
    from hlm.cli.live.errands import Errands
    from hlm.cli.live.fronts import Fronts
    from hlm.teleop.page.page_process import PageProcess

    stops: StopSignals | None = None
    with ExitStack() as last, patient_console() as screen, ExitStack() as stack:
        page = None if plan.page is None else stack.enter_context(PageProcess(plan.page))
        place = stack.enter_context(open_live_station(plan.place))
        person = stack.enter_context(open_person(plan.person, page, EMBODIMENT, place.station.clock))
        if place.real_time:
            stops = stack.enter_context(StopSignals(NoStops() if plan.person.source == "keyboard" else None))
        takes = _takes(plan, place)
        errands = Errands(beside=place.real_time)
        last.callback(takes.close)  # what waits for a disk comes after the robot is at rest
        last.callback(errands.close)
        fronts = Fronts(*_fronts(person, page, place, screen, stops))
        session = _session(plan, place, person, takes, fronts, screen)
        session.errands = errands
        for line in _greeting(page, place, person, stops):
            screen.print(line, soft_wrap=True)
        try:
            with _punctual(place):
                session.run()
        finally:
            recorded = takes.kept()
            length = duration(sum(one.steps for one in recorded) / STEP_HZ)
            screen.print(f"{counted(session.kept, 'episode')} recorded; {plan.out} has {len(recorded)}, {length}")
    if session.trouble:
        with suppress(OSError):  # of a terminal that is closed
            sys.stderr.write(f"hlm: {' '.join(session.trouble.split())}\n")
    return _exit_code(session.ended, stops)


def _exit_code(ended: Ended, stops: StopSignals | None) -> int:
    """What `hlm deploy` returns after such an end."""
    if stops is not None and stops.exit_code:
        return stops.exit_code
    return {Ended.STOPPED: EXIT_INTERRUPTED, Ended.FAULT: EXIT_FAILED}.get(ended, 0)


def _takes(plan: LivePlan, place: LiveStation) -> Takes:
    from hlm.datasets.schema import DatasetSpec
    from hlm.teleop.session.takes import Takes

    spec = DatasetSpec(embodiment=EMBODIMENT.name, rate_hz=STEP_HZ, cameras=place.image_sizes)
    takes = Takes(plan.out, spec, plan.images)
    takes.must_fit()
    return takes


def _session(
    plan: LivePlan, place: LiveStation, person: Person, takes: Takes, front: Front, screen: Console
) -> LiveSession:
    from hlm.cli.live.live_session import LiveSession
    from hlm.teleop.session.conductor import Conductor

    def kept(path: Path, verdict: Verdict) -> None:
        screen.print(f"{path.name}: {verdict.value}", soft_wrap=True)

    return LiveSession(
        station=place.station,
        conductor=Conductor(person.source, plan.session),
        takes=takes,
        scenes=place.scenes,
        front=front,
        source="teleop",
        operator=plan.person.source,
        enough=plan.episodes,
        timing=place.timing,
        watches=place.watches,
        hang=place.hang,
        on_kept=kept,
    )


def _greeting(page: PageProcess | None, place: LiveStation, person: Person, stops: StopSignals | None) -> Iterator[str]:
    """What a person should know before the robot is armed."""
    yield from (f"note: {note}" for note in place.notes)
    if stops is not None:
        yield f"to stop: {stops.ways}"
    if page is not None:
        yield f"the operator's page: {page.address}"
    if person.invitation:
        yield person.invitation


@contextmanager
def _punctual(place: LiveStation) -> Iterator[None]:
    """Before a robot that moves by itself, the loop goes before other programs, and nothing is collected meanwhile."""
    if not place.real_time:
        yield
        return
    gc.collect()
    gc.freeze()  # a collection of everything that was imported would cost a step
    try:
        with preferred(LOOP_PRIORITY):
            yield
    finally:
        gc.unfreeze()


def _place(config: RecordArguments, cameras: CameraWords, out: Path) -> LiveStationConfig:
    """Where it is recorded: a simulation that waits for this machine, or a robot in real time."""
    from hlm.teleop.session.instructions import read_instructions

    first = 1 + max(recorded_seeds(out, config.task), default=-1) if config.seed is None else config.seed
    said = () if config.instructions is None else read_instructions(config.instructions)
    if config.robot is None:
        station = StationConfig(
            task=config.task, cameras=cameras.names, image_size=config.image_size, tracker=config.tracker
        )
        return LiveStationConfig(simulation=station, first_seed=first, instructions=said)
    robot = RobotConfig(
        name=cast("RobotName", config.robot),
        task=config.task if config.robot == "mujoco" else None,
        seed=first,
        cameras=cameras.names,
        said_cameras=cameras.said,
        image_size=config.image_size,
        interface=config.interface,
        grippers=config.grippers,
        sonic=config.sonic,
        start=config.start,
        tracker=config.tracker,
    )
    return LiveStationConfig(robot=robot, first_seed=first, instructions=said)


def _played(config: RecordArguments) -> PlayedMotion | None:
    return played_motion(
        config.what, config.map, speed=config.speed, unit_m=config.unit_m, up=config.up, fps=config.fps
    )


def _fronts(
    person: Person, page: PageProcess | None, place: LiveStation, screen: Console, stops: StopSignals | None
) -> list[Front]:
    """What the person sees and presses."""
    from hlm.cli.live.fronts import DeviceButtons, StopSignalsFront, TerminalFront
    from hlm.cli.live.motion_front import MotionFront
    from hlm.cli.live.page_front import PageFront

    fronts: list[Front] = [TerminalFront(screen)]
    if stops is not None:
        fronts.append(StopSignalsFront(stops))
    if person.motion is not None:
        fronts.append(MotionFront(person.motion, alone=page is None))
    elif page is None or person.device is not page.device:
        fronts.append(DeviceButtons(person.device))
    if page is not None:
        fronts.append(DeviceButtons(page.device))  # of its gamepad; those that are clicked are events
        fronts.append(PageFront(page, person.source, person.device, place.world))
    return fronts
