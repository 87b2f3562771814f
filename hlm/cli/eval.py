"""`hlm eval`: rollouts on unseen seeds, scored, filmed and reported."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.cli.arguments import Positional, parse
from hlm.cli.eval_folder import claim, must_be_new
from hlm.cli.eval_run import Evaluation, TerminatedError, carry_out, termination_as_exception
from hlm.cli.eval_schedule import schedulings
from hlm.cli.eval_subject import FIRST_UNSEEN_SEED, Evaluated, must_be_the_same, must_compare, packages, who_is
from hlm.cli.eval_table import begin_table, resume_table
from hlm.cli.tables import console
from hlm.cli.trackers import WHOLE_BODY, must_be_tracker
from hlm.cli.worker_count import workers_told
from hlm.core.errors import ExistsError, InputError, MissingFileError, UnknownNameError
from hlm.core.policy import UNKNOWN_POLICY
from hlm.core.seeds import LAST_SEED

if TYPE_CHECKING:
    from hlm.evaluation.plan import Plan
    from hlm.evaluation.results import Scheduling

SOURCES = ("policy", "scripted")
MOST_ROLLOUTS = 1_000_000
MOST_EULER_STEPS = 1000
# All that may be said when an evaluation is resumed; the rest was decided when it began.
_OF_RESUMING = ("resume", "workers")


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalArguments:
    """Evaluate a checkpoint, a policy server or the scripted operator on a task, and write a report.

    The same seed gives the same rollout. By default, seeds from 100000 on are never recorded.

    Each finished rollout is on disk at once. After Ctrl+C, a crash or a full disk, --resume OUT runs the missing ones.

    Several delays or schedulers, separated by commas, make a table and a plot of all their pairs.

    Attributes:
        checkpoint: checkpoint folder of the policy.
        server: policy server to evaluate instead, e.g. ws://127.0.0.1:8000; the API key is read from HLM_API_KEY.
        task: name of the task.
        source: "policy", or "scripted" for the task's scripted operator.
        rollouts: number of rollouts.
        seed: seed of the first rollout.
        json: also write the figures and the result of each seed to this JSON file.
        out: folder for the report; a new one in runs/eval by default.
        resume: folder of an evaluation to go on with, as it was begun; only --workers may be given with it.
        workers: parallel processes; one per core by default, fewer if the memory is short, at most eight with a server.
        videos: number of rollouts to film.
        euler_steps: flow integration steps per chunk; the checkpoint's by default.
        execution_horizon: actions of each chunk to execute; the checkpoint's by default.
        delay_ms: simulated time from asking the policy to its answer; 0 by default.
        scheduler: "synchronous" (wait for each chunk; the default), "asynchronous" (ask early, join by due time), or
            "ensemble" (mean of all chunks).
        tracker: whole_body, guarded (the same, and a learned policy catches what would fall), learned_legs (walks by
            that policy), or learned:FILE.onnx (a network of your own, see docs/learn_tracker.md); all but the first
            need the extra `learned`.
    """

    checkpoint: Positional[Path | None] = None
    server: str | None = None
    task: str = "shelf_cup_transfer"
    source: str = "policy"
    rollouts: int = 20
    seed: int = FIRST_UNSEEN_SEED
    json: Path | None = None
    out: Path | None = None
    resume: Path | None = None
    workers: int | None = None
    videos: int = 6
    euler_steps: int | None = None
    execution_horizon: int | None = None
    delay_ms: str | None = None
    scheduler: str | None = None
    tracker: str = WHOLE_BODY

    def __post_init__(self) -> None:
        """Check what needs no simulation."""
        if self.workers is not None and self.workers < 1:
            raise InputError(f"--workers must be at least 1, got {self.workers}.")
        if self.resume is not None:
            self._must_only_resume()
            return
        must_be_tracker(self.tracker)
        self._check_numbers()
        self._check_source()
        self.schedulings()  # says what is wrong with it
        for option, target in (("--out", self.out), ("--json", self.json)):
            if target == Path():
                raise InputError(f"{option} is the folder that you are in, or empty. Name another one.")

    def schedulings(self) -> tuple[Scheduling, ...]:
        """The ways to schedule chunks that were asked for, delay by delay; none when nobody asked.

        Raises:
            InputError: a delay that is no number, or out of range.
            UnknownNameError: a scheduler that does not exist.
        """
        if self.delay_ms is None and self.scheduler is None:
            return ()
        return schedulings(self.scheduler or "synchronous", self.delay_ms or "0")

    def _must_only_resume(self) -> None:
        for item in fields(self):
            if item.name not in _OF_RESUMING and getattr(self, item.name) != item.default:
                name = "CHECKPOINT" if item.name == "checkpoint" else f"--{item.name.replace('_', '-')}"
                raise InputError(f"{name} does nothing with --resume: everything is as when the evaluation was begun.")

    def _check_numbers(self) -> None:
        for name, least, most in (
            ("rollouts", 1, MOST_ROLLOUTS),
            ("seed", 0, LAST_SEED - self.rollouts),
            ("videos", 0, MOST_ROLLOUTS),
            ("euler_steps", 1, MOST_EULER_STEPS),
            ("execution_horizon", 1, LAST_SEED),
        ):
            value, option = getattr(self, name), f"--{name.replace('_', '-')}"
            if value is None:
                continue
            if value < least:
                wanted = "must not be negative" if least == 0 else f"must be at least {least}"
                raise InputError(f"{option} {wanted}, got {value}.")
            if value > most:
                raise InputError(f"{option} must be at most {most}, got {value}.")

    def _check_source(self) -> None:
        if self.source not in SOURCES:
            raise UnknownNameError("source", self.source, SOURCES)
        if (self.checkpoint is not None) + (self.server is not None) != (self.source == "policy"):
            raise InputError("give a CHECKPOINT, --server URL or --source scripted; exactly one of them.")
        for name in ("euler_steps", "execution_horizon", "delay_ms", "scheduler"):
            if self.source == "scripted" and getattr(self, name) is not None:
                option = f"--{name.replace('_', '-')}"
                raise InputError(f"{option} does nothing with --source scripted, which samples no chunks.")
        if self.server is not None and self.euler_steps is not None:
            raise InputError("--euler-steps belong to the server: give them to `hlm serve`.")


def run(arguments: Sequence[str]) -> int:
    """Score, report, and print the figures."""
    config = parse(EvalArguments, "hlm eval", arguments)
    try:
        with termination_as_exception():
            if config.resume is not None:
                return _resume(config.resume, config.workers)
            return _begin(config, shlex.join(["hlm", "eval", *arguments]))
    except TerminatedError as error:  # before there was a result
        sys.stderr.write(f"hlm: {error}\n")
        return error.exit_code


def _begin(config: EvalArguments, command: str) -> int:
    from hlm.core.files import write_atomic
    from hlm.datasets.store.lock import FolderLock
    from hlm.evaluation.plan import PLAN_FILE, plan_bytes

    if config.out is not None:
        must_be_new(config.out)
    if config.json is not None:
        _must_be_new_file(config.json)
        _must_be_apart(config.json, config.out)
    plan = _plan(config, command)
    who = who_is(plan)
    plan = replace(plan, identity=who.identity, unseen=who.unseen)
    if who.seen:
        seen = f"{len(who.seen)} of the {plan.rollouts} seeds"
        console().print(f"note: the policy was trained on {seen}, such as {who.seen[0]}", soft_wrap=True)
    if who.identity.policy_type == UNKNOWN_POLICY:
        console().print(f"note: {_assumptions(who)}", soft_wrap=True)
    folder = claim(config.out)
    if len(config.schedulings()) > 1:
        return begin_table(folder, plan, config.schedulings())
    try:
        with FolderLock(folder):
            write_atomic(folder / PLAN_FILE, plan_bytes(plan))
            return _carry_out(plan, who, folder, resumed=False)
    finally:
        with suppress(OSError):
            folder.rmdir()  # refused unless nothing is kept


def _resume(folder: Path, workers: int | None) -> int:
    from hlm.datasets.store.lock import FolderLock
    from hlm.evaluation.delay_table import TABLE_FILE
    from hlm.evaluation.plan import read_plan

    if not folder.is_dir():
        raise MissingFileError(f"no folder {folder}, so there is no evaluation to go on with.")
    if (folder / TABLE_FILE).is_file():
        return resume_table(folder, workers)
    plan = read_plan(folder)
    plan = replace(plan, workers=workers or plan.workers)
    must_compare(folder, plan)
    with FolderLock(folder):
        who = who_is(plan)
        must_be_the_same(folder, plan, who.identity)
        return _carry_out(plan, who, folder, resumed=True)


def _plan(config: EvalArguments, command: str) -> Plan:
    import hlm
    from hlm.evaluation.plan import Plan

    kind, policy, address = "scripted", "scripted", ""
    if config.checkpoint is not None:
        kind, policy, address = "checkpoint", str(config.checkpoint), str(config.checkpoint.absolute())
    elif config.server is not None:
        kind, policy, address = "server", config.server, config.server
    return Plan(
        task=config.task,
        policy=policy,
        kind=kind,  # type: ignore[arg-type]
        address=address,
        first_seed=config.seed,
        rollouts=config.rollouts,
        videos=min(config.videos, config.rollouts),
        euler_steps=config.euler_steps,
        execution_horizon=config.execution_horizon,
        scheduling=asked[0] if len(asked := config.schedulings()) == 1 else None,
        workers=config.workers,
        json=None if config.json is None else config.json.absolute(),
        command=command,
        hlm=hlm.__version__,
        packages=packages(config.tracker),
        tracker=config.tracker,
    )


def _assumptions(who: Evaluated) -> str:
    """What is assumed of a server that says nothing of its policy."""
    height, width = who.station.image_size
    return (
        f"{who.identity.origin} does not say what it serves: it is asked as OpenHLM's server is, with "
        f"{', '.join(who.station.cameras)} in {width} x {height}, and {who.identity.execution_horizon} actions of each "
        "chunk are executed; --execution-horizon changes that."
    )


def _carry_out(plan: Plan, who: Evaluated, folder: Path, *, resumed: bool) -> int:
    workers = workers_told(plan, who.station)
    return carry_out(Evaluation(plan=plan, station=who.station, folder=folder, workers=workers, resumed=resumed))


def _must_be_apart(path: Path, out: Path | None) -> None:
    """Raise InputError if a file would take the place of the report's folder, of one above it, or of its files."""
    if out is not None:
        path, out = path.absolute(), out.absolute()
        if path == out or path in out.parents or path.parent == out:
            raise InputError(f"--json {path} and --out {out} are in each other's way: {out} has a results.json anyway.")


def _must_be_new_file(path: Path) -> None:
    """Refuse a file that is there already or could not be written, now rather than after an hour."""
    from hlm.core.files import must_be_writable

    if path.exists() or path.is_symlink():
        raise ExistsError(f"{path} is already there. Name another one.")
    must_be_writable(path, "Choose another --json.")
