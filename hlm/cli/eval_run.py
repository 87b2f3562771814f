"""An evaluation as it is carried out: rollouts into the journal, then the figures, whatever has happened meanwhile."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from hlm.cli.eval_folder import clear, remove_half_films, resuming
from hlm.cli.figures import figures, success
from hlm.cli.process import postponed
from hlm.cli.progress import progress
from hlm.cli.rollouts import open_rollouts
from hlm.cli.tables import console
from hlm.cli.verbs import EXIT_ERROR, EXIT_INTERRUPTED
from hlm.core.errors import HlmError

if TYPE_CHECKING:
    from hlm.cli.stations import StationConfig
    from hlm.evaluation.plan import Plan
    from hlm.evaluation.results import RolloutResult

type Results = dict[int, RolloutResult]

_HEARD = (signal.SIGTERM, signal.SIGHUP)
# So many rollouts that break before their first step, and none that does not, are no failures of the policy.
_FIRST = 3


class TerminatedError(KeyboardInterrupt):
    """A signal that ends programs, other than Ctrl+C.

    Attributes:
        exit_code: as shells have it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


class NoBeginningError(HlmError):
    """Rollouts that break before their first step: something is wrong that has nothing to do with their seeds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """All that carrying out needs.

    Attributes:
        plan: what to do.
        station: to do it on.
        folder: locked by this process.
        workers: processes.
        resumed: whether it was begun earlier.
        table: folder of the table that it is a cell of; None when it is none.
    """

    plan: Plan
    station: StationConfig
    folder: Path
    workers: int
    resumed: bool = False
    table: Path | None = None


def carry_out(evaluation: Evaluation) -> int:
    """Run what is missing, print the figures of all that was done, and return the exit code.

    Raises:
        KeyboardInterrupt, Exception: it ended before any rollout was finished; nothing is kept, except for the plan of
            one that was begun earlier. An error that no user can fix is raised after the figures too.
    """
    from hlm.evaluation import journal

    folder = evaluation.folder
    results = {seed: _with_film(one, folder) for seed, one in journal.read(folder, evaluation.plan).items()}
    stop: BaseException | None = None
    try:
        _run_missing(evaluation, results)
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - what was done is kept whatever happens
        stop = error
    remove_half_films(folder)
    if stop is not None and (not results or isinstance(stop, NoBeginningError)):
        clear(folder, plan=not evaluation.resumed)
        raise stop
    code = _finish(evaluation, results, stop)
    if stop is not None and not isinstance(stop, KeyboardInterrupt | HlmError | OSError | MemoryError):
        raise stop
    return code


@contextmanager
def termination_as_exception() -> Iterator[None]:
    """Within the context, SIGTERM and SIGHUP raise a `TerminatedError`; ignored ones, as under `nohup`, stay so."""

    def stop(number: int, frame: FrameType | None) -> None:
        if not postponed(number, frame):
            raise TerminatedError(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _HEARD}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_missing(evaluation: Evaluation, results: Results) -> None:
    """Run the seeds that have no result, and add each to `results` and to the journal as it comes."""
    from hlm.evaluation import journal
    from hlm.evaluation.workers import in_parallel

    plan, folder = evaluation.plan, evaluation.folder
    missing = [seed for seed in plan.seeds if seed not in results]
    opened = partial(open_rollouts, evaluation.station, plan.filmed, folder)
    if not missing:
        return
    # Closed, so that after a full disk no worker goes on while the figures are written.
    with progress("rollouts") as show, closing(in_parallel(opened, missing, evaluation.workers)) as found:
        show(len(results), plan.rollouts)
        for result in found:
            results[result.seed] = result
            journal.append(folder, result)
            _must_begin(plan, results)
            successes = sum(one.success for one in results.values())
            show(len(results), plan.rollouts, f"{successes} successful")


def _must_begin(plan: Plan, results: Mapping[int, RolloutResult]) -> None:
    """Raise NoBeginningError when the first rollouts all broke before their first step."""
    faults = [one.fault for one in results.values() if one.fault and not one.steps]
    if len(faults) == len(results) == min(_FIRST, plan.rollouts):
        raise NoBeginningError(f"no rollout came as far as its first step: {faults[-1].rstrip('.')}.")


def _finish(evaluation: Evaluation, results: Results, stop: BaseException | None) -> int:
    """Write and print the figures; what cannot be written costs itself alone."""
    from hlm.core.files import write_atomic
    from hlm.evaluation import journal
    from hlm.evaluation.plan import PLAN_FILE
    from hlm.evaluation.report import write_evaluation
    from hlm.evaluation.results import write_result

    plan, folder = evaluation.plan, evaluation.folder
    result = plan.result(results.values(), "" if stop is None else reason(stop))
    failed: dict[str, BaseException] = {}
    page: Path | None = None
    try:
        with collecting(failed, "the figures are not kept"):
            write_result(folder, result)
        if plan.json is not None:
            with collecting(failed, f"no {plan.json}"):
                plan.json.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(plan.json, result.to_json().encode())
        with collecting(failed, "no page"):
            page = write_evaluation(folder, result, plan.command)
    finally:
        screen = console()
        if evaluation.table is None:
            screen.print(figures(result))
            screen.print(f"report: {page or folder}", soft_wrap=True)
        else:
            screen.print(f"{folder.name}: {success(result)}", soft_wrap=True)
    if stop is None and not failed:
        return 0
    kept = f"{journal.finished(folder)} of {plan.rollouts} rollouts are kept"
    troubles = [] if stop is None else [f"{reason(stop)}; {kept}"]
    troubles += [f"{what}: {reason(error)}" for what, error in failed.items()]
    if (folder / PLAN_FILE).is_file():
        troubles.append(f"go on with `{resuming(evaluation.table or folder)}`")
    sys.stdout.flush()
    sys.stderr.write(f"hlm: {'; '.join(troubles)}\n")
    return exit_code(stop, *failed.values())


def _with_film(result: RolloutResult, folder: Path) -> RolloutResult:
    """The result, without the name of a film that was deleted since."""
    if result.video is None or (folder / result.video).is_file():
        return result
    return replace(result, video=None)


@contextmanager
def collecting(failed: dict[str, BaseException], what: str) -> Iterator[None]:
    """Note an error, and go on; a second Ctrl+C costs what is being written alone, too."""
    try:
        yield
    except (HlmError, OSError, KeyboardInterrupt) as error:
        failed[what] = error


def reason(error: BaseException) -> str:
    """Why something ended, on one line without a full stop."""
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted"
    if isinstance(error, MemoryError):
        return "the memory is full; try fewer --workers"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror.lower()}{f': {error.filename}' if error.filename else ''}"
    text = " ".join(str(error).split()).rstrip(".")
    return text if isinstance(error, HlmError) else f"{type(error).__name__}: {text}"


def exit_code(*errors: BaseException | None) -> int:
    """Of a program that these errors ended: a signal's, if there is one."""
    for error in errors:
        if isinstance(error, KeyboardInterrupt):
            return error.exit_code if isinstance(error, TerminatedError) else EXIT_INTERRUPTED
    return EXIT_ERROR
