"""`hlm record` with a person: one command, one page, any device."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.cli.live.people import PersonConfig, open_person
from hlm.cli.recorded_seeds import recorded_seeds
from hlm.cli.rendering import load_simulator
from hlm.cli.sources import EMBODIMENT
from hlm.cli.stations import StationConfig, open_station
from hlm.cli.tables import console, duration
from hlm.cli.trackers import must_have_tracker
from hlm.core.clock import STEP_HZ, MonotonicClock
from hlm.core.errors import ExistsError
from hlm.core.files import must_be_writable
from hlm.core.wording import counted

if TYPE_CHECKING:
    from hlm.cli.live.live_session import Front
    from hlm.cli.record_arguments import RecordArguments
    from hlm.datasets.store.images import ImageFormat
    from hlm.teleop.page.page_config import PageConfig
    from hlm.teleop.session.session import SessionConfig, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class LivePlan:
    """A recording session in which nothing is known to be wrong.

    Attributes:
        station: what moves and sees.
        person: who commands.
        page: of the operator; None without one.
        session: timing.
        out: dataset to record into.
        images: how images are stored.
        first_seed: of the first scene.
        instructions: proposed one after the other; empty for the task's own.
        episodes: ends the session after so many; None for never.
    """

    station: StationConfig
    person: PersonConfig
    page: PageConfig | None
    session: SessionConfig
    out: Path
    images: ImageFormat
    first_seed: int
    instructions: tuple[str, ...] = ()
    episodes: int | None = None


def live_plan(config: RecordArguments, out: Path) -> LivePlan:
    """The plan of a command line.

    Raises:
        HlmError: something is wrong with it.
    """
    from hlm.datasets.store.images import ImageFormat
    from hlm.datasets.store.swap import is_there
    from hlm.teleop.page.page_config import PageConfig
    from hlm.teleop.session.instructions import read_instructions
    from hlm.teleop.session.session import SessionConfig

    must_have_tracker(config.tracker)
    if is_there(out) and not config.append:
        raise ExistsError(f"{out} is already there. Name another --out, or add to it with --append.")
    must_be_writable(out, "Choose another --out.")
    first = config.seed
    if first is None:
        first = 1 + max(recorded_seeds(out, config.task), default=-1)
    page = PageConfig(host=config.host, port=config.port, cameras=config.cameras, title=f"hlm record {config.task}")
    return LivePlan(
        station=StationConfig(
            task=config.task, cameras=config.cameras, image_size=config.image_size, tracker=config.tracker
        ),
        person=PersonConfig(source=config.source, motion=config.what),
        page=page if config.with_page else None,
        session=SessionConfig(countdown_s=config.countdown),
        out=out,
        images=ImageFormat(config.image_codec, config.image_quality),
        first_seed=first,
        instructions=() if config.instructions is None else read_instructions(config.instructions),
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
    from dataclasses import replace

    from hlm.cli.live.fronts import DeviceButtons, Fronts, TerminalFront
    from hlm.cli.live.live_session import LiveSession
    from hlm.cli.live.page_front import PageFront
    from hlm.cli.live.scenes import DrawnScenes
    from hlm.datasets.schema import DatasetSpec
    from hlm.sim.paced_clock import PacedClock
    from hlm.teleop.page.page_process import PageProcess
    from hlm.teleop.session.conductor import Conductor
    from hlm.teleop.session.takes import Takes

    screen = console()
    height, width = plan.station.image_size
    spec = DatasetSpec(
        embodiment=EMBODIMENT.name,
        rate_hz=STEP_HZ,
        cameras={name: (height, width) for name in plan.station.cameras},
    )
    with ExitStack() as stack:
        takes = Takes(plan.out, spec, plan.images)
        stack.callback(takes.close)
        page = None if plan.page is None else stack.enter_context(PageProcess(plan.page))
        person = stack.enter_context(open_person(plan.person, page, EMBODIMENT))
        station, task = stack.enter_context(open_station(plan.station))
        conductor = Conductor(person.source, plan.session)
        fronts: list[Front] = [TerminalFront(conductor, screen)]
        shown = None
        if person.device is not getattr(page, "device", None):
            fronts.append(DeviceButtons(person.device))
        if page is not None:
            shown = PageFront(page, person.source, person.device, task)
            fronts.append(shown)
            screen.print(f"the operator's page: {page.address}", soft_wrap=True)

        def kept(path: Path, verdict: Verdict) -> None:
            screen.print(f"{path.name}: {verdict.value}", soft_wrap=True)

        session = LiveSession(
            station=replace(station, clock=PacedClock(station.clock, MonotonicClock())),
            conductor=conductor,
            takes=takes,
            scenes=DrawnScenes(task, plan.first_seed, plan.instructions),
            front=Fronts(*fronts),
            source="teleop",
            operator=plan.person.source,
            enough=plan.episodes,
            on_kept=kept,
        )
        if shown is not None:
            shown.attach(session)
        try:
            session.run()
        finally:
            recorded = takes.kept()
            length = duration(sum(one.steps for one in recorded) / STEP_HZ)
            screen.print(f"{counted(session.kept, 'episode')} recorded; {plan.out} has {len(recorded)}, {length}")
    return 0
