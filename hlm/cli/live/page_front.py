"""The operator's page as the front of a recording session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hlm.cli.live.live_session import Choose, Delete, Redo, Relabel
from hlm.cli.live.shown_world import ShownWorld
from hlm.core.body import BodyState, BodyStatus
from hlm.core.clock import STEP_HZ
from hlm.teleop.devices.device import Button
from hlm.teleop.freshness import MAX_AGE_S
from hlm.teleop.page.page_event import (
    ButtonPressed,
    EpisodeDeleted,
    EpisodeRelabelled,
    InstructionChosen,
    RedoLast,
)
from hlm.teleop.page.page_view import (
    EpisodeCard,
    InputAge,
    PageView,
    SafetyLevel,
    TaskCount,
)
from hlm.teleop.session.agreement import limbs_apart
from hlm.teleop.session.session import SessionState, useful

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hlm.cli.live.live_session import LiveSession, Moment, Wish
    from hlm.sim.tasks.simulated_task import SimulatedTask
    from hlm.teleop.devices.device import Device
    from hlm.teleop.page.page_process import PageProcess
    from hlm.teleop.person import PersonSource
    from hlm.teleop.session.takes import Kept

_SAID = {
    SessionState.FOLLOWING: "following",
    SessionState.ALIGNING: "stand as the robot does",
    SessionState.COUNTDOWN: "get ready",
    SessionState.RECORDING: "recording",
    SessionState.PAUSED: "paused",
    SessionState.REVIEW: "success, failure, or discard?",
    SessionState.STOPPED: "stopped",
}
_HELD = {BodyState.HOLDING, BodyState.CROUCHING, BodyState.HANGING}


class PageFront:
    """Shows a session on the operator's page, and takes its buttons; implements `hlm.cli.live.live_session.Front`.

    Args:
        page: entered.
        person: who commands.
        device: of the person.
        task: whose world is drawn.
    """

    def __init__(self, page: PageProcess, person: PersonSource, device: Device, task: SimulatedTask) -> None:
        self._page = page
        self._person = person
        self._device = device
        self._world = ShownWorld(task)
        self._session: LiveSession | None = None
        self._version = -1
        self._kept: list[Kept] = []

    def attach(self, session: LiveSession) -> None:
        """Show this session."""
        self._session = session

    def wishes(self) -> Iterator[Wish]:
        """What was asked on the page since the last call."""
        for event in self._page.events():
            match event:
                case ButtonPressed(button):
                    yield button
                case InstructionChosen(instruction):
                    yield Choose(instruction)
                case EpisodeDeleted(name):
                    yield Delete(name)
                case EpisodeRelabelled(name, instruction, outcome):
                    yield Relabel(name, instruction, outcome)
                case RedoLast():
                    yield Redo()

    def show(self, moment: Moment) -> None:
        """Show how things stand."""
        if self._session is None:
            return
        self._page.publish(self._view(self._session, moment))
        if moment.step is not None:
            frames = moment.step.observation.frames
            self._page.images({name: frame.image for name, frame in frames.items()})

    def _view(self, live: LiveSession, moment: Moment) -> PageView:
        session, takes = live.conductor.session, live.takes
        if takes.version != self._version:
            self._version, self._kept = takes.version, takes.kept()
        counting = session.state is SessionState.COUNTDOWN
        status = live.station.body.status
        return PageView(
            state=session.state.value,
            follows=session.follows,
            buttons=useful(session) | {Button.STOP},
            countdown_s=live.conductor.countdown_s if counting else None,
            recorded_s=takes.steps / STEP_HZ if takes.is_open else None,
            instruction=moment.instruction,
            instructions=live.scenes.proposals,
            message=moment.message or self._person.trouble,
            limbs_apart=self._limbs_apart(moment),
            spoken=_SAID.get(session.state, session.message),
            safety=_safety(status),
            safety_text=moment.fault or status.state.value,
            inputs=self._inputs(moment),
            device=_device_text(self._device),
            measured=None if moment.step is None else self._world.measured(moment.step.observation.state),
            reference=None if self._person.live is None else self._world.wanted(self._person.live),
            pose_world_from_stance=self._world.pose_world_from_stance(),
            shapes=self._world.shapes(),
            counts=_counts(self._kept),
            episodes=tuple(_card(one) for one in reversed(self._kept)),
        )

    def _limbs_apart(self, moment: Moment) -> tuple[str, ...]:
        live = self._person.live
        if moment.step is None or live is None:
            return ()
        return tuple(limbs_apart(moment.step.observation.state, live))

    def _inputs(self, moment: Moment) -> tuple[InputAge, ...]:
        """The person's device, and what was seen of the robot."""
        age_s = self._person.age_s
        device = InputAge(name=self._device.name, age_s=age_s if np.isfinite(age_s) else None, limit_s=MAX_AGE_S)
        if moment.step is None:
            return (device,)
        seen = moment.step.age_s.items()
        return device, *(InputAge(name=name, age_s=age_s, limit_s=0.1) for name, age_s in seen)


def _device_text(device: Device) -> str:
    return device.name + (f"; cannot command {', '.join(device.cannot)}" if device.cannot else "")


def _safety(status: BodyStatus) -> SafetyLevel:
    if status.braking:
        return SafetyLevel.FAULT
    return SafetyLevel.HELD if status.state in _HELD else SafetyLevel.OK


def _counts(kept: list[Kept]) -> tuple[TaskCount, ...]:
    words = dict.fromkeys(one.info.instruction for one in kept)
    outcomes = [(one.info.instruction, one.info.outcome) for one in kept]
    return tuple(
        TaskCount(
            instruction=word, successes=outcomes.count((word, "success")), failures=outcomes.count((word, "failure"))
        )
        for word in words
    )


def _card(one: Kept) -> EpisodeCard:
    stage, stages = one.info.stage, one.info.stages
    return EpisodeCard(
        name=one.name,
        instruction=one.info.instruction,
        outcome=one.info.outcome,
        duration_s=one.steps / STEP_HZ,
        stage=stages[stage - 1] if stage and stage <= len(stages) else "",
        note=str(one.info.extra.get("note", "")),
        folder=one.path,
    )
