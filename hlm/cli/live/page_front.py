"""The operator's page as the front of a recording session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hlm.cli.live.front import Choose, Delete, Redo, Relabel
from hlm.cli.live.pace import Pace
from hlm.cli.live.shown_inputs import ShownInputs
from hlm.cli.live.shown_parts import device_text, episode_card, safety_level, task_counts
from hlm.cli.live.shown_world import ShownWorld
from hlm.core.clock import STEP_HZ
from hlm.teleop.devices.device import Button
from hlm.teleop.page.page_event import (
    ButtonPressed,
    EpisodeDeleted,
    EpisodeRelabelled,
    InstructionChosen,
    RedoLast,
)
from hlm.teleop.page.page_view import PageView, ShownRobot
from hlm.teleop.session.agreement import limbs_apart
from hlm.teleop.session.session import SessionState, useful

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hlm.cli.live.front import Moment, Wish
    from hlm.sim.tasks.simulated_task import SimulatedTask
    from hlm.teleop.devices.device import Device
    from hlm.teleop.page.page_process import PageProcess
    from hlm.teleop.person import PersonSource


class PageFront:
    """Shows a session on the operator's page, and takes its buttons; implements `hlm.cli.live.front.Front`.

    Args:
        page: entered.
        person: who commands.
        device: of the person.
        world: task whose world is drawn; None where nobody sees it.
    """

    def __init__(self, page: PageProcess, person: PersonSource, device: Device, world: SimulatedTask | None) -> None:
        self._page = page
        self._person = person
        self._device = device
        self._inputs = ShownInputs()
        self._pace = Pace()
        self._world = None if world is None else ShownWorld(world)

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
                case EpisodeRelabelled(name, instruction, outcome, note):
                    yield Relabel(name, instruction, outcome, note)
                case RedoLast():
                    yield Redo()

    def show(self, moment: Moment) -> None:
        """Show how things stand."""
        self._page.publish(self._view(moment))
        if moment.step is not None:
            frames = moment.step.observation.frames
            self._page.images({name: frame.image for name, frame in frames.items()})

    def _view(self, moment: Moment) -> PageView:
        session, live = moment.session, self._person.live
        question = moment.spoken if session.state is SessionState.REVIEW else ""
        state = None if moment.step is None else moment.step.observation.state
        view = PageView(
            state=session.state.value,
            follows=session.follows,
            buttons=useful(session) | {Button.STOP},
            countdown_s=moment.countdown_s if session.state is SessionState.COUNTDOWN else None,
            recorded_s=None if moment.recorded is None else moment.recorded / STEP_HZ,
            instruction=moment.instruction,
            instructions=moment.proposals,
            message=moment.message or self._person.trouble or self._pace.text(moment.step) or question,
            limbs_apart=() if state is None or live is None else tuple(limbs_apart(state, live)),
            spoken=moment.spoken,
            safety=safety_level(moment.status),
            safety_text=moment.fault or moment.status.state.value,
            inputs=self._inputs.ages(self._person, self._device, moment.step),
            device=device_text(self._device),
            measured=None if state is None else ShownRobot(vector=state),
            reference=None if live is None else ShownRobot(vector=live),
            counts=task_counts(moment.kept),
            episodes=tuple(episode_card(one) for one in reversed(moment.kept)),
        )
        return view if self._world is None else self._world.placed(view)
