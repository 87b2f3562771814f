"""Cases on worker processes, with their progress; Ctrl+C keeps what is done."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing import get_context

from tracker_parts.cases import Case, Source
from tracker_parts.clips import Clip
from tracker_parts.real_motion import clip_trajectory
from tracker_parts.results import Result
from tracker_parts.rollout import Look, Rollout

from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.realtime import single_threaded
from hlm.core.wording import counted

EMBODIMENT = find_embodiment("unitree_g1")
_SHOW_EVERY_S = 10.0


@contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes leave Ctrl+C to this one, and which drops what it has not begun."""
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with single_threaded():
        pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=signal.signal, initargs=ignore)
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def read_sources(pool: ProcessPoolExecutor, clips: Sequence[Clip]) -> list[Source]:
    """The clips with what they ask of the robot."""
    return [Source(clip, rows) for clip, rows in zip(clips, pool.map(_trajectory, clips), strict=True)]


def performed(pool: ProcessPoolExecutor, cases: Sequence[Case], done: list[Result]) -> bool:
    """Run cases and add their results to `done` as they come; whether all were run.

    Args:
        pool: of worker processes.
        cases: what to run; the first seeds of all rows come first, so that an interrupted table is an even one.
        done: takes the results; whole even after Ctrl+C.
    """
    begin_s = shown_s = time.monotonic()
    waiting: set[Future[Result]] = {pool.submit(perform, case) for case in sorted(cases, key=lambda case: case.seed)}
    try:
        while waiting:
            ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            done += [future.result() for future in ready]
            if time.monotonic() - shown_s > _SHOW_EVERY_S or not waiting:
                shown_s = time.monotonic()
                _show(done, len(cases), shown_s - begin_s)
    except KeyboardInterrupt:
        print("\ninterrupted: the runs that have begun are finished, the others left out", file=sys.stderr)
        for future in waiting:
            future.cancel()
        done += [future.result() for future in waiting if not future.cancelled()]
        return False
    return True


def perform(case: Case, look: Look | None = None) -> Result:
    """Run a case."""
    begin_s = time.monotonic()
    stream = case.recipe.make(body_model(), case.random)
    outcome = Rollout(stream, case.around, EMBODIMENT, case.tracker, look).run()
    return Result(
        group=case.group,
        row=case.row,
        name=case.recipe.name,
        seed=case.seed,
        held_out=case.held_out,
        outcome=outcome,
        wall_s=time.monotonic() - begin_s,
    )


def _trajectory(clip: Clip) -> FloatArray:
    return clip_trajectory(body_model(), clip)


@lru_cache(maxsize=1)
def body_model() -> BodyModel:
    """The model of the robot, one in each process."""
    return BodyModel(EMBODIMENT)


def _show(done: Sequence[Result], total: int, passed_s: float) -> None:
    falls = sum(result.outcome.fell for result in done)
    left_s = passed_s / max(1, len(done)) * (total - len(done))
    text = f"{len(done)} of {counted(total, 'run')}, {counted(falls, 'fall')}, {passed_s:.0f} s, {left_s:.0f} s left"
    alive = sys.stderr.isatty() and len(done) < total
    print(f"\r{text:<79}" if sys.stderr.isatty() else text, end="" if alive else "\n", file=sys.stderr, flush=True)
