"""One rollout: an episode from a seed, scored; whatever breaks in it, there is a result."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from hlm.core.errors import HlmError, InputError, LostError, StorageError, WorkerDiedError
from hlm.core.task import Progress, Task, TaskInstance
from hlm.evaluation.film import Film, Look
from hlm.evaluation.results import RolloutResult, progress_of
from hlm.runtime.station import Station, episode

_LOG = logging.getLogger(__name__)

# These end an evaluation: the next rollout would meet the same. Everything else breaks one rollout.
_ENDS_ALL = (LostError, StorageError, WorkerDiedError, MemoryError, OSError)


def rollout(station: Station, seed: int, video: Path | None = None, look: Look | None = None) -> RolloutResult:
    """Run one episode from a seed and score it.

    An episode that breaks is a failure whose result says why: the body stopped following references, the policy gave
    no usable chunk, or the world came apart. A film that breaks costs the film.

    Args:
        station: with a task; entered.
        seed: of the scene.
        video: file to write a film to; None for no film.
        look: takes the film's images.

    Raises:
        InputError: the station has no task to score.
        LostError, OSError, MemoryError: nothing that says anything of this rollout, such as a lost policy server.
    """
    task = station.task
    if task is None:
        raise InputError("a rollout is scored by a task, and the station has none.")
    instance = task.reset(seed)
    course, fault = _Course(), ""
    with Film(video, look) as film:
        try:
            for scored in episode(station, instance, until_success=True):
                film.show(course.steps, scored.step.observation)
                course.add(scored.step.observation.stamp_ns, scored.progress)
        except _ENDS_ALL:
            raise
        except HlmError as error:
            fault = " ".join(str(error).split())
        except Exception as error:  # noqa: BLE001 - whatever a policy, a task or a simulator raises
            _LOG.exception("the rollout of seed %d broke", seed)
            fault = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return course.result(task, instance, seed, fault or station.body.status.fault, film.name)


@dataclass(slots=True)
class _Course:
    """How an episode has gone so far."""

    progress: Progress = field(default_factory=Progress)
    steps: int = 0
    first_ns: int = 0
    last_ns: int = 0

    def add(self, stamp_ns: int, progress: Progress | None) -> None:
        """Add a step."""
        self.progress, self.last_ns = progress or self.progress, stamp_ns
        self.first_ns = self.first_ns if self.steps else stamp_ns
        self.steps += 1

    def result(self, task: Task, instance: TaskInstance, seed: int, fault: str, video: str | None) -> RolloutResult:
        """The score of what there was."""
        progress, success = self.progress, self.progress.success and not fault
        return RolloutResult(
            seed=seed,
            instruction=instance.instruction,
            success=success,
            stage=progress.stage,
            stages=tuple(task.stages),
            progress=progress_of(progress.stage, len(task.stages), success=success),
            wrong_object=progress.wrong_object,
            fell=progress.fell,
            duration_s=(self.last_ns - self.first_ns) * 1e-9,
            steps=self.steps,
            fault=fault,
            video=video,
        )
