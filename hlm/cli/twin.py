"""`hlm twin`: the simulated robot behind the topics of the real one."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Literal

from hlm.cli.arguments import parse
from hlm.cli.progress import waiting
from hlm.cli.rendering import load_simulator
from hlm.cli.sources import EMBODIMENT
from hlm.cli.tables import console
from hlm.core.clock import MonotonicClock
from hlm.core.errors import ExistsError, InputError
from hlm.core.seeds import LAST_SEED

if TYPE_CHECKING:
    from hlm.core.task import Progress
    from hlm.evaluation.results import RolloutResult
    from hlm.twin.config import TwinPorts
    from hlm.twin.twin import Twin, TwinMoment

_DEFAULT_TASK = "shelf_cup_transfer"
# A scored twin leaves when its commander has rested, or said nothing new, for so long, and at the latest after so long.
_REST_S, _SILENT_S, _LINGER_S = 2.0, 2.0, 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TwinArguments:
    """MuJoCo behind the topics of a Unitree G1, its grippers and its cameras, in real time, for this machine only.

    `hlm deploy ... --robot unitree --interface lo` moves it like the robot. Its time stands still until the first
    command with stiffness. It scores itself with the task. Faults are switched by
    lines, such as `push 0 60 0`, at the option --fault, in its terminal, and at its control port; `help` lists them.

    After the episode it serves on until whoever commands it lets it rest or falls silent, for five minutes at most.

    Attributes:
        task: task whose world it is.
        seed: of the scene.
        interface: network interface, or `INTERFACE:PORT` for another DDS port base than 7400.
        start: `standing` on its feet, or `hanging` from a rope.
        controller: own controller, such as `ai`, that has the motors until it is told to release them; none by default.
        json: write the result of the episode to this JSON file, as hlm eval does.
        keep: go on after the episode.
        fault: a fault from the start, or `LINE at SECONDS`; may be given more than once.
        image_size: height and width of the cameras' images, px.
        noise: scale of the sensors' noise; 0 for none.
        delay_ms: age of measurements, ms.
        first_port: of cameras, grippers and faults; OpenHLM's is 5554.
    """

    task: str = _DEFAULT_TASK
    seed: int = 0
    interface: str = "lo"
    start: Literal["standing", "hanging"] = "standing"
    controller: str = ""
    json: Path | None = None
    keep: bool = False
    fault: tuple[str, ...] = ()
    image_size: tuple[int, int] = (128, 128)
    noise: float = 1.0
    delay_ms: float = 0.0
    first_port: int = 5554

    def __post_init__(self) -> None:
        """Check ranges."""
        if not 0 <= self.seed <= LAST_SEED:
            raise InputError(f"--seed must be from 0 to {LAST_SEED}, got {self.seed}.")
        if not all(16 <= side <= 480 for side in self.image_size):
            raise InputError(f"--image-size must lie between 16 and 480 px, got {self.image_size}.")


def run(arguments: Sequence[str]) -> int:
    """Be a robot until the episode has ended; exit code 0 for success, 1 for failure."""
    config = parse(TwinArguments, "hlm twin", arguments)
    from hlm.core.files import must_be_writable
    from hlm.robots.unitree_link import DdsAddress, binding
    from hlm.sim.tasks.catalog import find_task

    find_task(config.task)
    DdsAddress.parse(config.interface)
    binding()
    if config.json is not None:
        if config.json.exists() or config.json.is_symlink():
            raise ExistsError(f"{config.json} is already there. Name another one.")
        must_be_writable(config.json, "Choose another --json.")
    load_simulator()
    twin = _twin(config)
    with _sigterm_interrupts():
        with waiting("starting"):
            twin.__enter__()
        try:
            return _be(twin, config)
        finally:
            twin.__exit__(None, None, None)


def _twin(config: TwinArguments) -> Twin:
    from hlm.twin.config import TwinConfig, TwinPorts
    from hlm.twin.control import Planned
    from hlm.twin.twin import Twin

    planned = [Planned.parse(text) for text in config.fault]
    twin = TwinConfig(
        interface=config.interface,
        start=config.start,
        controller=config.controller,
        ports=TwinPorts(first=config.first_port),
        image_size=config.image_size,
        noise=config.noise,
        delay_ms=config.delay_ms,
        seed=config.seed,
    )
    return Twin(twin, config.task, config.seed, EMBODIMENT, planned)


def _be(twin: Twin, config: TwinArguments) -> int:
    """Run the episode, and write its result."""
    out = console()
    for note in twin.notes:
        out.print(f"note: {note}", soft_wrap=True)
    out.print(
        f"twin of {EMBODIMENT.name} on '{config.interface}', {config.start}: {config.task}, seed {config.seed}: "
        f'"{twin.instance.instruction}". {_addresses(twin.config.ports)}',
        soft_wrap=True,
    )
    sys.stdout.flush()  # a parent process may be waiting for this line
    course = _Course()
    clock = MonotonicClock()
    leaving = Leaving()
    result: RolloutResult | None = None
    for moment in twin.moments(clock):
        _show(moment)
        if result is None:
            result = course.add(twin, moment)
            if result is not None:
                _tell(result, config)
        elif not config.keep and leaving.now(moment):
            break
    return 0 if result is not None and result.success else 1


def _addresses(ports: TwinPorts) -> str:
    return f"Cameras {ports.head} and {ports.wrists}, grippers {ports.gripper_state}, faults at port {ports.control}."


class Leaving:
    """When a twin leaves whose episode was scored: not before whoever commands it needs it no more."""

    def __init__(self) -> None:
        self._scored_s: float | None = None
        self._resting_s: float | None = None

    def now(self, moment: TwinMoment) -> bool:
        """Whether it may leave at this moment after the episode."""
        if self._scored_s is None:
            self._scored_s = moment.time_s
        if moment.commanded:
            self._resting_s = None
        elif self._resting_s is None:
            self._resting_s = moment.time_s
        rested = self._resting_s is not None and moment.time_s - self._resting_s >= _REST_S
        return rested or moment.silent_s >= _SILENT_S or moment.time_s - self._scored_s >= _LINGER_S


class _Course:
    """An episode that is being scored."""

    def __init__(self) -> None:
        self.ended_s = 0.0
        self._steps = 0
        self._moved = False

    def add(self, twin: Twin, moment: TwinMoment) -> RolloutResult | None:
        """One more step; the result once the episode has ended."""
        if not moment.time_s:
            return None
        self._steps += 1
        self._moved = self._moved or moment.commanded
        progress = moment.progress
        gone = self._moved and not moment.commanded
        late = moment.time_s >= twin.task.time_limit_s
        if not (progress.success or progress.fell or late or gone):
            return None
        self.ended_s = moment.time_s
        fault = "" if progress.success or not gone else "whoever commanded the robot let go of it"
        return self._result(twin, progress, fault)

    def _result(self, twin: Twin, progress: Progress, fault: str) -> RolloutResult:
        from hlm.evaluation.results import RolloutResult, progress_of

        stages = tuple(twin.task.stages)
        return RolloutResult(
            seed=twin.instance.seed or 0,
            instruction=twin.instance.instruction,
            success=progress.success,
            stage=progress.stage,
            stages=stages,
            progress=progress_of(progress.stage, len(stages), success=progress.success),
            wrong_object=progress.wrong_object,
            fell=progress.fell,
            duration_s=self.ended_s,
            steps=self._steps,
            fault=fault,
        )


def _tell(result: RolloutResult, config: TwinArguments) -> None:
    """Print the result, and write it."""
    from hlm.core.files import storage_errors, write_atomic
    from hlm.evaluation.results import EvalResult

    words = "success" if result.success else f"failure after stage '{result.stage_name or 'none'}'"
    why = "; fell" if result.fell else "; wrong object" if result.wrong_object else ""
    console().print(f"{words} after {result.duration_s:.1f} s{why}{f': {result.fault}' if result.fault else ''}")
    sys.stdout.flush()
    if config.json is not None:
        whole = EvalResult(task=config.task, policy="dds", first_seed=result.seed, rollouts=(result,))
        with storage_errors("write", config.json):
            config.json.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(config.json, whole.to_json().encode())


def _show(moment: TwinMoment) -> None:
    """One line that is written over, on a terminal."""
    if not sys.stderr.isatty():
        return
    stage = f"stage {moment.progress.stage}" if moment.time_s else "waits for the first stiff command"
    line = (
        f"{moment.time_s:6.1f} s  {stage}  {'in command' if moment.commanded else 'nobody commands'}  "
        f"{moment.commands} commands  {moment.steps_hz:.0f} Hz  {moment.late_steps} late"
    )
    sys.stderr.write(
        "\r" + line.ljust(shutil.get_terminal_size().columns - 1)[: shutil.get_terminal_size().columns - 1]
    )
    sys.stderr.flush()


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Within, `kill PID` ends the twin as Ctrl+C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
