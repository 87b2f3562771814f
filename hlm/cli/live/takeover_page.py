"""The operator's page while a policy runs and a person may take over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hlm.cli.live.shown_inputs import ShownInputs
from hlm.cli.live.shown_parts import device_text, episode_card, safety_level, task_counts
from hlm.cli.live.shown_world import ShownWorld
from hlm.core.clock import STEP_HZ
from hlm.teleop.devices.device import Button
from hlm.teleop.devices.presses import Presses
from hlm.teleop.page.page_event import ButtonPressed
from hlm.teleop.page.page_view import PageView, ShownRobot

if TYPE_CHECKING:
    from hlm.cli.live.takeover import Taker
    from hlm.core.arrays import FloatArray
    from hlm.core.body import BodyStatus
    from hlm.runtime.station import ScoredStep
    from hlm.sim.tasks.simulated_task import SimulatedTask
    from hlm.teleop.page.page_process import PageProcess
    from hlm.teleop.session.takes import Kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """How things stand.

    Attributes:
        status: of the body.
        instruction: of the next or the running episode.
        scored: the newest step; None while none is taken.
        buttons: that mean something, besides stop and who is in command.
        message: one line for the person.
        kept: episodes of the dataset.
        state: [34] measured, where no step is taken; None when not known.
    """

    status: BodyStatus
    instruction: str
    scored: ScoredStep | None = None
    buttons: frozenset[Button] = frozenset()
    message: str = ""
    kept: tuple[Kept, ...] = ()
    state: FloatArray | None = None


class TakeoverPage:
    """Shows who is in command, and takes the buttons of the page, those of its gamepad included.

    Args:
        page: entered.
        taker: who may take over, with this page or another device.
        world: task whose world is drawn; None where nobody sees it.
    """

    def __init__(self, page: PageProcess, taker: Taker, world: SimulatedTask | None) -> None:
        self._page = page
        self._taker = taker
        self._inputs = ShownInputs()
        self._world = None if world is None else ShownWorld(world)
        self._gamepad = Presses(page.device)
        self._stops = 0
        self._pressed: list[Button] = []

    def stops(self) -> int:
        """How often a stop was asked for since the last call."""
        self._hear()
        new, self._stops = self._stops, 0
        return new

    def pressed(self) -> list[Button]:
        """Other buttons since the last call, but for the one that takes over, which is heeded by itself."""
        self._hear()
        new, self._pressed = self._pressed, []
        return new

    def show(self, shown: Shown) -> None:
        """Show how things stand; never waits."""
        self._page.publish(self._view(shown))
        if shown.scored is not None:
            frames = shown.scored.step.observation.frames
            self._page.images({name: frame.image for name, frame in frames.items()})

    def _hear(self) -> None:
        clicked = [event.button for event in self._page.events() if isinstance(event, ButtonPressed)]
        for button in (*clicked, *self._gamepad.new()):
            match button:
                case Button.ENGAGE:
                    self._taker.summons.press(button)
                case Button.STOP:
                    self._stops += 1
                case _:
                    self._pressed.append(button)

    def _view(self, shown: Shown) -> PageView:
        summons, scored, tracking = self._taker.summons, shown.scored, shown.status.tracking
        running = tracking and scored is not None
        step = None if scored is None else scored.step
        state = shown.state if step is None else step.observation.state
        in_command = scored.in_command if running and scored is not None else "nobody"
        view = PageView(
            state="running" if running else "idle",
            follows=running and summons.summoned,
            in_command=in_command,
            buttons=shown.buttons | {Button.STOP} | ({Button.ENGAGE} if running else set()),
            recorded_s=None if step is None else step.index / STEP_HZ,
            instruction=shown.instruction,
            instructions=(shown.instruction,),
            message=shown.message or summons.trouble,
            spoken=f"{in_command} in command" if running else "",
            safety=safety_level(shown.status),
            safety_text=shown.status.fault or shown.status.state.value,
            inputs=self._inputs.ages(self._taker.person.source, self._taker.person.device, step),
            device=device_text(self._taker.person.device),
            measured=None if state is None else ShownRobot(vector=state),
            reference=None if step is None else ShownRobot(vector=step.reference.vector),
            counts=task_counts(shown.kept),
            episodes=tuple(episode_card(one) for one in reversed(shown.kept)),
            edits=False,
        )
        return view if self._world is None else self._world.placed(view)
