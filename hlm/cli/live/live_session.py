"""A recording session: the control loop, run by a person's buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from hlm.cli.live.edits import edit
from hlm.cli.live.errands import Errands
from hlm.cli.live.front import Choose, Delete, GiveUp, Leave, Moment, Redo, Relabel
from hlm.cli.live.rest import Rest
from hlm.cli.live.scene_state import SceneState
from hlm.core.body import BodyState
from hlm.core.errors import HlmError, InputError, StorageError
from hlm.runtime.deployment import Ended
from hlm.runtime.loop import ControlLoop, LoopConfig
from hlm.runtime.recording import Tracking, episode_info, recorded_step
from hlm.runtime.station import ScoredStep
from hlm.teleop.devices.device import Button
from hlm.teleop.session.session import SessionState, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from hlm.cli.live.front import Front, Wish
    from hlm.cli.live.scenes import Scenes
    from hlm.runtime.loop import LoopStep
    from hlm.runtime.station import Station
    from hlm.teleop.session.conductor import Conductor
    from hlm.teleop.session.takes import Takes

_LATE = "not recorded yet: the episode before is still being written"


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
        kept: how many were, and are still there.
        ended: why the session is over: done, stopped by a person, or by a fault.
        trouble: the fault, in one line; empty without one.
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
    ended: Ended = Ended.DONE
    trouble: str = ""
    _scene: SceneState = field(default_factory=SceneState, init=False)
    _message: str = field(default="", init=False)
    _leaving: str = field(default="", init=False)
    _shown: SessionState = field(default=SessionState.IDLE, init=False)

    def run(self) -> None:
        """Run until there are enough episodes, or a robot that nobody can put back has come to rest.

        Raises:
            HlmError: the disk refused; the open episode stays recoverable.
        """
        self.takes.kept()  # read before anything moves
        while not self._enough() and self.ended is Ended.DONE:
            self._play_scene()
        self.errands.finish()

    def _enough(self) -> bool:
        return self.enough is not None and self.kept >= self.enough

    def _play_scene(self) -> None:
        """One scene, from the robot at its start to the episode that was kept or discarded."""
        instance = self.scenes.draw()
        self._scene = scene = SceneState(instruction=instance.instruction)
        station = self.station
        loop = ControlLoop(station.clock, station.body, station.cameras, station.embodiment, self.timing)
        if not self._let_down():
            self._rest()
            return
        for step in loop.steps(self.conductor, scene.instruction):
            scene.step = step
            self._look_after(step)
            if not scene.stands or self._enough():
                return
        self._rest()

    def _let_down(self) -> bool:
        """Wait until the feet of a robot that hangs carry it; whether they do, or it stood from the beginning."""
        if self.hang is None:
            return True
        self.hang()
        self.hang = None
        rest = Rest(self.station, stopped=False)
        while self._hangs and self.conductor.session.state is not SessionState.STOPPED:
            self._message = "the robot hangs: let it down slowly, it balances once its feet carry it"
            rest.wait_a_step()
            self._hear()
            self._show()
        self._message = ""
        return self.station.body.status.tracking

    @property
    def _hangs(self) -> bool:
        return self.station.body.status.state is BodyState.HANGING

    def _look_after(self, step: LoopStep) -> None:
        """Record a step if it is to be, hear the person, and show how things stand."""
        if self.conductor.session.state is not self._shown:
            self._message = ""  # what goes on by itself is news
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
        if state is not SessionState.RECORDING or self.errands.busy:
            return
        station, task = self.station, self.station.task
        if not self.takes.is_open:
            tracking = Tracking(station.preview_s, station.tracker)
            self.takes.begin(episode_info(task, self.scenes.instance, self.source, self.operator, tracking))
        self._scene.progress = None if task is None else task.update()
        self.takes.append(recorded_step(ScoredStep(step, self._scene.progress), task))

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
            case Button.STOP | Leave() | GiveUp():
                self._stop(wish)
            case Button() if not self._hangs:
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
            case _ if self.takes.is_open:
                raise InputError("an episode is being recorded; end it first.")
            case Delete() | Relabel():
                self.errands.run(partial(edit, self.takes, wish, self.kept), self._forget)
            case Redo():
                self._redo()

    def _stop(self, wish: Wish) -> None:
        """Bring the robot to rest, and end the session unless a button was pressed; a second stop brakes at once."""
        why = wish.why if isinstance(wish, Leave | GiveUp) else "stopped by the person"
        if isinstance(wish, GiveUp):
            if self._leaving:
                return
            self.trouble = why
        if isinstance(wish, Leave | GiveUp):
            self._leaving = self._leaving or why
        if not self._scene.resting:
            self._scene.stops += 1
            self.conductor.press(Button.STOP)
        elif not isinstance(wish, GiveUp):
            self.station.body.stop(why)

    def _forget(self, gone: int) -> None:
        """Some of the episodes that this session has kept are gone."""
        self.kept -= gone

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
            self.scenes.again(last.info)
            self._put_back()

        self.errands.run(lambda: self.takes.delete([last.name]), deleted)

    def _end(self, verdict: Verdict) -> None:
        """Keep or discard the open episode, and ask for a new scene."""
        if self.errands.busy:
            self._message = "nothing was recorded: the episode before is still being written"
            return
        ending = self._scene.ending

        def ended(path: Path | None) -> None:
            if path is not None:
                self.kept += 1
                self.on_kept(path, verdict)
                self.scenes.advance()
            self._put_back()

        self.errands.run(lambda: self.takes.end(verdict, ending), ended)

    def _put_back(self) -> None:
        """Ask for a scene that is drawn anew; before a robot, a person puts things back while it stands."""
        scene = self._scene
        scene.instruction, scene.progress = self.scenes.instance.instruction, None
        scene.stands = bool(self._leaving) or not self.scenes.drawn

    def _rest(self) -> None:
        """The body follows no more: move on until the person has said what becomes of the episode, and goes on."""
        body, scene = self.station.body, self._scene
        rest = Rest(self.station, stopped=self.conductor.session.state is SessionState.STOPPED)
        for _ in range(scene.stops):
            body.stop(self._leaving or "stopped by the person")
        scene.fault, is_open = body.status.fault, self.takes.is_open
        self.conductor.end(rest.why(recorded=is_open, put_back=self.scenes.drawn), recorded=is_open)
        scene.resting = True
        while scene.stands:
            rest.wait_a_step()
            scene.step = rest.look(scene.step)
            self._hear()
            self._show()
            scene.stands = scene.stands and not self._goes_on(rest)
        if self._leaving:
            self.ended = Ended.FAULT if self.trouble else Ended.STOPPED
        elif not self.scenes.drawn:
            self.ended, self.trouble = (Ended.STOPPED, "") if rest.stopped else (Ended.FAULT, scene.fault)
        self.errands.finish()
        if self._leaving and self.takes.is_open:
            self._end(Verdict.UNLABELLED)

    def _goes_on(self, rest: Rest) -> bool:
        """Whether a robot that nobody puts back rests, or the person has seen enough of one that is put back."""
        if self._leaving:
            return rest.is_over
        if self.takes.is_open or self.errands.busy:
            return False
        if not self.scenes.drawn:
            return self.station.body.status.at_rest
        return self.conductor.session.follows or rest.was_seen

    def _show(self) -> None:
        conductor, takes, status = self.conductor, self.takes, self.station.body.status
        self._shown, busy = conductor.session.state, self.errands.busy
        late = _LATE if busy and self._shown is SessionState.RECORDING else ""
        moment = Moment(
            session=conductor.session,
            countdown_s=conductor.countdown_s,
            step=self._scene.step,
            status=status,
            fault=self._scene.fault or status.fault,
            message=self._message or late or conductor.session.message,
            instruction=self._scene.instruction,
            proposals=self.scenes.proposals,
            recorded=takes.steps if takes.is_open and not busy else None,
            kept=takes.kept(),
        )
        with suppress(OSError):  # nobody looks any more
            self.front.show(moment)
