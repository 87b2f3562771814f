"""A recording session: the control loop, run by a person's buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from hlm.cli.live.errands import Errands
from hlm.cli.live.front import Choose, Delete, Leave, Moment, Redo, Relabel, edit
from hlm.core.body import BodyState
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.errors import HlmError, InputError, StorageError
from hlm.runtime.loop import ControlLoop, LoopConfig
from hlm.runtime.recording import Tracking, episode_info, recorded_step
from hlm.runtime.station import ScoredStep
from hlm.teleop.devices.device import Button
from hlm.teleop.session.session import SessionState, Verdict
from hlm.teleop.session.takes import Ending

if TYPE_CHECKING:
    from pathlib import Path

    from hlm.cli.live.front import Front, Wish
    from hlm.cli.live.scenes import Scenes
    from hlm.core.task import Progress
    from hlm.runtime.loop import LoopStep
    from hlm.runtime.station import Station
    from hlm.teleop.session.conductor import Conductor
    from hlm.teleop.session.takes import Takes

# For a person to see what has happened before the scene is drawn anew; and a body comes to rest sooner by itself.
_LOOK_S, _LONGEST_REST_S = 3.0, 20.0


@dataclass(kw_only=True, eq=False)
class LiveSession:
    """Runs the control loop for a person who records.

    Attributes:
        station: entered.
        conductor: plays the person to the robot.
        takes: the episodes.
        scenes: what the episodes are about.
        front: what the person sees and presses.
        source: of the episodes, as datasets name it.
        operator: who commands.
        enough: ends the session after so many kept episodes; None for never.
        timing: of the loop.
        watches: what the robot needs besides, see `hlm.runtime.deployment.Watch`.
        hang: arms a robot that hangs from a crane, see `hlm.cli.deployed_robot`; None for one that stands.
        errands: does what takes time.
        on_kept: called with each episode that was kept.
    """

    station: Station
    conductor: Conductor
    takes: Takes
    scenes: Scenes
    front: Front
    source: str
    operator: str
    enough: int | None = None
    timing: LoopConfig = field(default_factory=LoopConfig)
    watches: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    hang: Callable[[], None] | None = None
    errands: Errands = field(default_factory=Errands)
    on_kept: Callable[[Path, Verdict], None] = lambda path, verdict: None
    kept: int = 0
    _step: LoopStep | None = field(default=None, init=False)
    _progress: Progress | None = field(default=None, init=False)
    _message: str = field(default="", init=False)
    _fault: str = field(default="", init=False)
    _drawn: bool = field(default=True, init=False)
    _instruction: str = field(default="", init=False)
    _over: bool = field(default=False, init=False)
    _resting: bool = field(default=False, init=False)
    _leaving: str = field(default="", init=False)

    def run(self) -> None:
        """Run until there are enough episodes, or a robot that nobody can put back has come to rest.

        Raises:
            HlmError: the disk refused; the open episode stays recoverable.
        """
        self.takes.kept()  # read before anything moves
        while not self._enough() and not self._over:
            self._scene()
        self.errands.finish()

    def _enough(self) -> bool:
        return self.enough is not None and self.kept >= self.enough

    def _scene(self) -> None:
        """One scene, from the robot at its start to the episode that was kept or discarded."""
        instance = self.scenes.draw()
        self._instruction, self._step, self._progress, self._fault = instance.instruction, None, None, ""
        self._drawn, self._resting = True, False
        station = self.station
        loop = ControlLoop(station.clock, station.body, station.cameras, station.embodiment, self.timing)
        if not self._let_down():
            self._rest()
            return
        for step in loop.steps(self.conductor, self._instruction):
            self._step = step
            self._look_after(step)
            if not self._drawn or self._enough():
                return
        self._rest()

    def _let_down(self) -> bool:
        """Wait until the feet of a robot that hangs carry it; whether they do, or it stood from the beginning."""
        if self.hang is None:
            return True
        self.hang()
        self.hang = None
        while self._hangs and self.conductor.session.state is not SessionState.STOPPED:
            self._message = "the robot hangs: let it down slowly, it balances once its feet carry it"
            self._wait_a_step()
            self._hear()
            self._show()
        self._message = ""
        return self.station.body.status.tracking

    @property
    def _hangs(self) -> bool:
        return self.station.body.status.state is BodyState.HANGING

    def _look_after(self, step: LoopStep) -> None:
        """Record a step if it is to be, hear the person, and show how things stand."""
        self._note(step)
        self._hear()
        for watch in self.watches.values():
            if why := watch():
                self.station.body.hold(why)
        self._show()

    def _note(self, step: LoopStep) -> None:
        state = self.conductor.session.state
        if state is SessionState.PAUSED:
            self.takes.pause()
        if state is not SessionState.RECORDING:
            return
        if self.errands.busy:
            self._message = "not recorded yet: the episode before is still being written"
            return
        if not self.takes.is_open:
            self._begin()
        task = self.station.task
        self._progress = None if task is None else task.update()
        self.takes.append(recorded_step(ScoredStep(step, self._progress), task))

    def _begin(self) -> None:
        station = self.station
        tracking = Tracking(station.preview_s, station.tracker)
        self.takes.begin(episode_info(station.task, self.scenes.instance, self.source, self.operator, tracking))

    def _hear(self) -> None:
        """Go on after what took time, and do what the person has asked for; what cannot be done is said."""
        asked: list[Callable[[], None]] = [partial(self._do, wish) for wish in self.front.wishes()]
        for do in (self.errands.settle, *asked):
            try:
                do()
            except StorageError:
                raise
            except HlmError as error:
                self._message = str(error)

    def _do(self, wish: Wish) -> None:
        self._message = ""
        match wish:
            case Button.STOP if self._resting:
                self.station.body.stop("stopped by the person again")
            case Leave(why):
                self._leave(why)
            case Button() if wish is Button.STOP or not self._hangs:
                self.conductor.press(wish)
                if (verdict := self.conductor.session.verdict) is not None:
                    self._end(verdict)
            case _ if self.errands.busy:
                raise InputError("the episode before is still being written; ask again in a moment.")
            case Verdict():
                self.conductor.decide(wish)
                self._end(wish)
            case Choose(instruction):
                self._choose(instruction)
            case Delete() | Relabel():
                self.errands.run(partial(edit, self.takes, wish))
            case Redo():
                self._redo()

    def _leave(self, why: str) -> None:
        """End the session as soon as the robot has come to rest."""
        self._leaving = self._leaving or why
        if self._resting:
            self.station.body.stop(why)
        else:
            self.conductor.press(Button.STOP)

    def _choose(self, instruction: str) -> None:
        if self.takes.is_open:
            self._message = "the instruction of an open episode stays; relabel it afterwards"
        else:
            self.scenes.say(" ".join(instruction.split()))
            self._put_back()

    def _redo(self) -> None:
        if not (kept := self.takes.kept()):
            self._message = "there is no episode to redo"
            return
        last = kept[-1]

        def deleted(_: None) -> None:
            self.kept = max(0, self.kept - 1)
            if last.info.seed is not None:
                self.scenes.again(last.info.seed)
            self._put_back()

        self.errands.run(lambda: self.takes.delete([last.name]), deleted)

    def _end(self, verdict: Verdict) -> None:
        """Keep or discard the open episode, and ask for a new scene."""
        if self.errands.busy:
            self._message = "nothing was recorded: the episode before is still being written"
            return
        progress = self._progress
        ending = Ending(
            stage=None if progress is None else progress.stage,
            scored=None if progress is None else progress.success,
            fault=self._fault,
        )

        def ended(path: Path | None) -> None:
            if path is not None:
                self.kept += 1
                self.on_kept(path, verdict)
                self.scenes.advance()
            self._put_back()

        self.errands.run(lambda: self.takes.end(verdict, ending), ended)

    def _put_back(self) -> None:
        """Ask for a scene that is drawn anew; before a robot, a person puts things back while it stands."""
        self._instruction, self._progress = self.scenes.instance.instruction, None
        self._drawn = not self.scenes.drawn

    def _rest(self) -> None:
        """The body follows no more: move on until the person has said what becomes of the episode, and goes on."""
        body, clock = self.station.body, self.station.clock
        stopped = self.conductor.session.state is SessionState.STOPPED
        if stopped:
            body.stop(self._leaving or "stopped by the person")
        self._fault = body.status.fault
        self.conductor.end(self._fault or "the robot does not follow any more", recorded=self.takes.is_open)
        began_ns, self._resting = clock.now_ns(), True
        while self._drawn:
            self._wait_a_step()
            self._hear()
            self._show()
            waited_s = (clock.now_ns() - began_ns) / NS_PER_S
            if self._leaving and (body.status.at_rest or waited_s > _LONGEST_REST_S):
                self._over, self._drawn = True, False
            elif not (self.takes.is_open or self.errands.busy) and self._goes_on(stopped, waited_s):
                self._over, self._drawn = not self.scenes.drawn, False
        self.errands.finish()
        if self._leaving and self.takes.is_open:
            self._end(Verdict.UNLABELLED)

    def _wait_a_step(self) -> None:
        """Let the robot move for a step's time without a reference."""
        clock = self.station.clock
        due_ns = clock.now_ns() + round(NS_PER_S / STEP_HZ)
        self.station.body.advance(due_ns)
        clock.wait_until(due_ns)

    def _goes_on(self, stopped: bool, waited_s: float) -> bool:  # noqa: FBT001 - what has happened, not an option
        """Whether the person has seen enough of a robot that does not follow any more."""
        if not self.scenes.drawn:
            return self.station.body.status.at_rest
        return self.conductor.session.follows or (not stopped and waited_s > _LOOK_S)

    def _show(self) -> None:
        conductor, takes, status = self.conductor, self.takes, self.station.body.status
        moment = Moment(
            session=conductor.session,
            countdown_s=conductor.countdown_s,
            step=self._step,
            status=status,
            fault=self._fault or status.fault,
            message=self._message or conductor.session.message,
            instruction=self._instruction,
            proposals=self.scenes.proposals,
            recorded=takes.steps if takes.is_open and not self.errands.busy else None,
            kept=takes.kept(),
        )
        with suppress(OSError):  # nobody looks any more
            self.front.show(moment)
