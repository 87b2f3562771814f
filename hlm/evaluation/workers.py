"""Processes that run rollouts side by side, and that never outlive the one that started them."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from hlm.core.errors import HlmError, WorkerDiedError
from hlm.core.processes import deaf
from hlm.evaluation.results import RolloutResult

type Rollout = Callable[[int], RolloutResult]
type OpenRollouts = Callable[[], AbstractContextManager[Rollout]]

_LEAVE_S = 5.0  # for a worker to put its station away once there is nothing left to do


def in_parallel(open_rollouts: OpenRollouts, seeds: Sequence[int], workers: int) -> Generator[RolloutResult]:
    """The result of each seed's rollout as it comes, from new processes when `workers` > 1.

    An exception, or closing the iterator, ends the processes at once and loses the rollouts that they were at. Results
    that have arrived by then are yielded before the exception goes on.

    Args:
        open_rollouts: entered once in each process; gives what runs a seed there. Picklable.
        seeds: one rollout each.
        workers: processes.

    Raises:
        WorkerDiedError: a process was killed.
        Exception: what opening or a rollout raised.
    """
    if workers <= 1:
        with open_rollouts() as run:
            yield from map(run, seeds)
        return
    team: list[_Worker] = []
    orderly = False
    try:
        waiting = list(reversed(seeds))
        for _ in range(min(workers, len(seeds))):
            # In the team before it is started, so that an interrupt in between cannot leave it behind.
            team.append(_Worker.of(open_rollouts))
            team[-1].start()
            team[-1].give(waiting.pop())
        while busy := {worker.line: worker for worker in team if worker.seed is not None}:
            for line in wait(list(busy)):
                worker = busy[line]  # type: ignore[index]
                yield worker.take()
                if waiting:
                    worker.give(waiting.pop())
        orderly = True
    except GeneratorExit:
        raise
    except BaseException:
        yield from (result for worker in team if (result := worker.arrived()) is not None)
        raise
    finally:
        _end(team, orderly=orderly)


@dataclass(slots=True, eq=False)
class _Worker:
    """A process that runs one seed at a time.

    Attributes:
        process: the process.
        line: seeds go out, results and errors come in; it ends when the process does.
        far_end: of the line, until the process has it.
        seed: what it is at; None when it has nothing to do.
    """

    process: BaseProcess
    line: Connection
    far_end: Connection
    seed: int | None = None

    @classmethod
    def of(cls, open_rollouts: OpenRollouts) -> _Worker:
        """A worker that is yet to be started."""
        context = get_context("spawn")
        line, far_end = context.Pipe()
        return cls(context.Process(target=_work, args=(far_end, open_rollouts), daemon=True), line, far_end)

    def start(self) -> None:
        """Start the process."""
        resource_tracker.ensure_running()  # starting it hears all signals again
        atexit.register(self.kill)  # at exit, Python waits for a process that interrupts have kept from being ended
        with deaf():
            self.process.start()
        self.far_end.close()

    def give(self, seed: int) -> None:
        """Let it run a seed."""
        self.seed = seed
        with suppress(OSError):  # it has died: `take` says so
            self.line.send(seed)

    def take(self) -> RolloutResult:
        """The result of its seed; waits for it.

        Raises:
            WorkerDiedError: the process is gone.
            Exception: what opening or the rollout raised.
        """
        seed, self.seed = self.seed, None
        try:
            answer: RolloutResult | Exception = self.line.recv()
        except (EOFError, OSError):
            raise self._death(seed) from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def arrived(self) -> RolloutResult | None:
        """The result of its seed, if that has arrived."""
        if self.seed is None or not self.line.poll():
            return None
        try:
            return self.take()
        except Exception:  # noqa: BLE001 - another one ends everything already
            return None

    def leave(self) -> None:
        """Wait until the process has put its station away; it does so once the line is closed."""
        self.line.close()
        self.process.join(_LEAVE_S)

    def kill(self) -> None:
        """End the process at once."""
        self.line.close()
        if self.process.pid is not None:  # it was started
            self.process.kill()
            self.process.join()
        atexit.unregister(self.kill)

    def _death(self, seed: int | None) -> WorkerDiedError:
        self.process.join(_LEAVE_S)
        code = self.process.exitcode or 0
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"
        advice = ", perhaps because the memory was full; try fewer --workers" if code == -signal.SIGKILL else ""
        return WorkerDiedError(f"the worker process at seed {seed} {how}{advice}.")


def _end(team: Sequence[_Worker], *, orderly: bool) -> None:
    """End all processes, however often somebody presses Ctrl+C meanwhile."""
    try:
        if orderly:
            for worker in team:
                worker.leave()
    finally:
        with deaf():
            for worker in team:
                worker.kill()


def _work(line: Connection, open_rollouts: OpenRollouts) -> None:
    """Run the seeds that come, until there are no more."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with open_rollouts() as run:
            while (seed := _next_seed(line)) is not None:
                line.send(run(seed))
    except Exception as error:  # noqa: BLE001 - the parent decides what becomes of it
        if not isinstance(error, HlmError):
            error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        with suppress(OSError):
            line.send(error)


def _next_seed(line: Connection) -> int | None:
    """What the parent gives; None once it has closed the line."""
    try:
        seed: int = line.recv()
    except (EOFError, OSError):
        return None
    return seed


def _end_with_parent() -> None:
    """End this process, whatever it is at, when the one that started it is gone."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
