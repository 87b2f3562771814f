"""Scoring whoever acts: rollouts over seeds, in parallel processes, the same result for the same seed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path

from hlm.core.arrays import ByteArray
from hlm.core.task import Progress
from hlm.evaluation.results import RolloutResult
from hlm.evaluation.video import VideoWriter
from hlm.runtime.station import Station, episode

type Rollout = Callable[[int], RolloutResult]

# Every second row of the 30 Hz grid.
_FILM_HZ, _FILM_ROWS = 15, 2


def rollout(station: Station, seed: int, video: Path | None, look: Callable[[], ByteArray] | None) -> RolloutResult:
    """Run one episode from a seed and score it.

    Args:
        station: the task and who does it.
        seed: of the scene.
        video: where to write a film; None for none.
        look: gives [height, width, 3] pictures for the film.
    """
    instance = station.task.reset(seed)
    progress, rows, first_ns, last_ns = Progress(), 0, None, 0
    with nullcontext() if video is None or look is None else VideoWriter(video, _FILM_HZ, _size(look())) as film:
        for scored in episode(station, instance, until_success=True):
            progress, last_ns = scored.progress, scored.row.observation.stamp_ns
            first_ns = last_ns if first_ns is None else first_ns
            if film is not None and look is not None and rows % _FILM_ROWS == 0:
                film.write(look())
            rows += 1
    stages = tuple(station.task.stages)
    return RolloutResult(
        seed=seed,
        instruction=instance.instruction,
        success=progress.success,
        stage=progress.stage,
        stages=stages,
        progress=progress.stage / len(stages),
        wrong_object=progress.wrong_object,
        fell=progress.fell,
        duration_s=(last_ns - (first_ns or 0)) * 1e-9,
        steps=rows,
        video=None if film is None or video is None or not rows else video.name,
    )


def in_parallel(run: Rollout, seeds: Sequence[int], workers: int) -> Iterator[RolloutResult]:
    """Results of `run` for each seed as they come; in fresh processes when `workers` > 1.

    Args:
        run: picklable; makes its own world in the process that it runs in.
        seeds: one rollout each.
        workers: processes.
    """
    if workers <= 1:
        yield from map(run, seeds)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_end_quietly) as pool:
        jobs = [pool.submit(run, seed) for seed in seeds]
        try:
            for job in as_completed(jobs):
                yield job.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _end_quietly() -> None:
    """Ctrl+C reaches every process of the terminal: the first one reports it, workers just end."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _size(picture: ByteArray) -> tuple[int, int]:
    return picture.shape[0], picture.shape[1]
