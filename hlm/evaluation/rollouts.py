"""Rollouts over seeds, in parallel processes; the same seed gives the same result."""

from __future__ import annotations

import atexit
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, nullcontext
from multiprocessing import get_context
from pathlib import Path

from hlm.core.arrays import ByteArray
from hlm.core.clock import STEP_HZ
from hlm.core.errors import InputError, WorkerDiedError
from hlm.core.task import Progress
from hlm.core.values import Observation
from hlm.evaluation.results import RolloutResult
from hlm.evaluation.video import VideoWriter
from hlm.runtime.station import Station, episode

type Rollout = Callable[[int], RolloutResult]
type Look = Callable[[Observation], ByteArray]  # [height, width, 3] uint8 RGB for a film, of what the source just saw
type OpenRollouts = Callable[[], AbstractContextManager[Rollout]]

_FILM_STEPS = 2  # every second step is filmed


def rollout(station: Station, seed: int, video: Path | None = None, look: Look | None = None) -> RolloutResult:
    """Run one episode from a seed and score it.

    A body that stopped following references makes the rollout a failure; the result says why.

    Args:
        station: with a task; entered.
        seed: of the scene.
        video: file to write a film to; None for no film.
        look: takes the film's images.

    Raises:
        InputError: the station has no task to score.
    """
    task = station.task
    if task is None:
        raise InputError("a rollout is scored by a task, and the station has none.")
    instance = task.reset(seed)
    progress, steps, first_ns, last_ns = Progress(), 0, None, 0
    with nullcontext() if video is None else VideoWriter(video, STEP_HZ / _FILM_STEPS) as film:
        for scored in episode(station, instance, until_success=True):
            progress, last_ns = scored.progress or progress, scored.step.observation.stamp_ns
            first_ns = last_ns if first_ns is None else first_ns
            if film is not None and look is not None and steps % _FILM_STEPS == 0:
                film.write(look(scored.step.observation))
            steps += 1
    fault = station.body.status.fault
    return RolloutResult(
        seed=seed,
        instruction=instance.instruction,
        success=progress.success and not fault,
        stage=progress.stage,
        stages=tuple(task.stages),
        progress=progress.stage / len(task.stages),
        wrong_object=progress.wrong_object,
        fell=progress.fell,
        duration_s=(last_ns - (first_ns or 0)) * 1e-9,
        steps=steps,
        fault=fault,
        video=None if film is None or video is None or not steps else video.name,
    )


def in_parallel(open_rollouts: OpenRollouts, seeds: Sequence[int], workers: int) -> Iterator[RolloutResult]:
    """The result of each seed's rollout as it comes, from new processes when `workers` > 1.

    Args:
        open_rollouts: entered once in each process; gives what runs a seed there. Picklable.
        seeds: one rollout each.
        workers: processes.

    Raises:
        WorkerDiedError: a process was killed.
    """
    if workers <= 1:
        with open_rollouts() as run:
            yield from map(run, seeds)
        return
    # Not as a context: leaving that would wait for every rollout that was submitted.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_end_quietly)
    jobs = [pool.submit(_run, open_rollouts, seed) for seed in seeds]
    try:
        for job in as_completed(jobs):
            yield job.result()
    except BrokenProcessPool as error:
        raise WorkerDiedError(
            "a worker process was killed, perhaps because the memory was full; try fewer --workers."
        ) from error
    finally:
        for job in jobs:
            job.cancel()
        pool.shutdown(wait=True, cancel_futures=True)


# What this worker process has opened; at most one.
_OPENED: list[Rollout] = []


def _run(open_rollouts: OpenRollouts, seed: int) -> RolloutResult:
    """Run a seed in a worker process, which opens its station with the first one and leaves it at its end."""
    if not _OPENED:
        stack = ExitStack()
        _OPENED.append(stack.enter_context(open_rollouts()))
        atexit.register(stack.close)
    return _OPENED[0](seed)


def _end_quietly() -> None:
    """Ctrl+C reaches every process of the terminal: the first one reports it, workers just end."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
