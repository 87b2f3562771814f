"""Results of an evaluation: one frozen value per rollout, and the figures that follow from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from hlm.core.documents import from_document
from hlm.core.errors import CorruptError, HlmError, InputError, MissingFileError
from hlm.core.files import write_atomic
from hlm.evaluation.chunk_figures import ChunkFigures
from hlm.runtime.chunks.schedulers import SchedulerName

FILE_NAME = "results.json"
MAX_DELAY_MS = 10_000.0
USUAL_TRACKER = "whole_body"
"""What turns references into joint commands unless another tracker is asked for."""
SCHEMA = 3  # 2 knew of no evaluations that were stopped, and of the policy its name; 1 had no faults, and a "source"


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutResult:
    """One attempt.

    Attributes:
        seed: seed of the scene.
        instruction: the instruction that was given.
        success: whether all stages were reached and the goal state held at the end.
        stage: number of `stages` that were reached, 0 to len(stages).
        stages: names of the stages in order.
        progress: fraction of the stages that were reached, 0 (nothing) to 1 (success); see `progress_of`.
        wrong_object: whether an object that the instruction does not name was lifted.
        fell: whether the robot fell.
        duration_s: simulated time.
        steps: number of 30 Hz steps.
        fault: why the rollout broke: the body stopped following references, or the policy failed; empty when neither.
        video: path relative to the report's folder; None when none was recorded.
        chunks: what became of the policy's chunks; None when nobody asked how they are scheduled.
    """

    seed: int
    instruction: str
    success: bool
    stage: int
    stages: tuple[str, ...]
    progress: float
    wrong_object: bool
    fell: bool
    duration_s: float
    steps: int
    fault: str = ""
    video: str | None = None
    chunks: ChunkFigures | None = None

    def __post_init__(self) -> None:
        """Check ranges."""
        if not 0 <= self.stage <= len(self.stages):
            raise InputError(f"stage {self.stage} of seed {self.seed} is not within 0..{len(self.stages)}")
        if not 0.0 <= self.progress <= 1.0:
            raise InputError(f"progress {self.progress} of seed {self.seed} is not within 0..1")

    @property
    def stage_name(self) -> str:
        """The last stage that was reached; empty when none was."""
        return self.stages[self.stage - 1] if self.stage else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyIdentity:
    """Which policy it was, as the checkpoint or the server said; all empty for the scripted operator.

    Attributes:
        policy_type: name of the policy type.
        origin: where the policy came from, such as the path of the checkpoint that a server loaded.
        digest: of weights, statistics and sampling; empty when it was not told.
        trained_on: a line for each dataset that it was trained on; empty when that is not known.
        horizon: actions of a chunk; 0 when not known.
        execution_horizon: actions of a chunk that were executed before the next was asked for; 0 when not known.
    """

    policy_type: str = ""
    origin: str = ""
    digest: str = ""
    trained_on: tuple[str, ...] = ()
    horizon: int = 0
    execution_horizon: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduling:
    """How action chunks are scheduled.

    Attributes:
        scheduler: one of `hlm.runtime.chunks.schedulers.SCHEDULERS`.
        delay_ms: simulated time from a request to its answer.
    """

    scheduler: SchedulerName = "synchronous"
    delay_ms: float = 0.0

    def __post_init__(self) -> None:
        """Check the delay."""
        if not 0.0 <= self.delay_ms <= MAX_DELAY_MS:
            raise InputError(f"a delay must be 0 to {MAX_DELAY_MS:g} ms, got {self.delay_ms:g}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalResult:
    """The rollouts of one evaluation.

    Attributes:
        task: name.
        policy: what was evaluated: a checkpoint's path, a server's URL, or `scripted`.
        first_seed: seed of the first rollout.
        rollouts: in the order of their seeds, at least one.
        planned: rollouts that were asked for; fewer were done when the evaluation was stopped. 0 stands for all.
        identity: which policy answered.
        unseen: whether the policy was trained on none of the seeds; None when that is not known.
        stopped: why rollouts are missing; empty when none are, or when that is not known.
        scheduling: how chunks were scheduled; None when nobody asked.
        tracker: what turned references into joint commands.
    """

    task: str
    policy: str
    first_seed: int
    rollouts: tuple[RolloutResult, ...]
    planned: int = 0
    identity: PolicyIdentity = field(default_factory=PolicyIdentity)
    unseen: bool | None = None
    stopped: str = ""
    scheduling: Scheduling | None = None
    tracker: str = USUAL_TRACKER

    def __post_init__(self) -> None:
        """Check that there is something to count, and that stages agree; fill in `planned`."""
        object.__setattr__(self, "planned", max(self.planned, len(self.rollouts)))
        if not self.rollouts:
            raise InputError(f"an evaluation of '{self.task}' needs at least one rollout")
        if len({rollout.stages for rollout in self.rollouts}) > 1:
            raise InputError(f"the rollouts of '{self.task}' do not name the same stages")

    @property
    def partial(self) -> bool:
        """Whether rollouts are missing because the evaluation was stopped."""
        return len(self.rollouts) < self.planned

    @property
    def successes(self) -> int:
        """Number of successful rollouts."""
        return sum(rollout.success for rollout in self.rollouts)

    @property
    def success_rate(self) -> float:
        """Fraction of rollouts that succeeded."""
        return self.successes / len(self.rollouts)

    @property
    def success_interval(self) -> tuple[float, float]:
        """95 % interval of the success rate; see `wilson_interval`."""
        return wilson_interval(self.successes, len(self.rollouts))

    @property
    def progress(self) -> float:
        """Mean progress, 0..1."""
        return sum(rollout.progress for rollout in self.rollouts) / len(self.rollouts)

    @property
    def wrong_object_rate(self) -> float:
        """Fraction of rollouts in which a wrong object was lifted."""
        return sum(rollout.wrong_object for rollout in self.rollouts) / len(self.rollouts)

    @property
    def fall_rate(self) -> float:
        """Fraction of rollouts in which the robot fell."""
        return sum(rollout.fell for rollout in self.rollouts) / len(self.rollouts)

    @property
    def fault_rate(self) -> float:
        """Fraction of rollouts that broke."""
        return sum(bool(rollout.fault) for rollout in self.rollouts) / len(self.rollouts)

    @property
    def stage_rates(self) -> dict[str, float]:
        """Fraction of rollouts that reached each stage, in order."""
        return {
            name: sum(rollout.stage >= number for rollout in self.rollouts) / len(self.rollouts)
            for number, name in enumerate(self.rollouts[0].stages, start=1)
        }

    def summary(self) -> dict[str, Any]:
        """Figures and rollouts as JSON values."""
        return {
            "schema": SCHEMA,
            "task": self.task,
            "policy": self.policy,
            "identity": asdict(self.identity),
            "unseen": self.unseen,
            "partial": self.partial,
            "planned": self.planned,
            "stopped": self.stopped,
            "first_seed": self.first_seed,
            "rollouts": len(self.rollouts),
            "successes": self.successes,
            "success_rate": self.success_rate,
            "success_interval": list(self.success_interval),
            "progress": self.progress,
            "wrong_object_rate": self.wrong_object_rate,
            "fall_rate": self.fall_rate,
            "fault_rate": self.fault_rate,
            "stage_rates": self.stage_rates,
            **({} if self.scheduling is None else {"scheduling": asdict(self.scheduling)}),
            **({} if self.tracker == USUAL_TRACKER else {"tracker": self.tracker}),
            "results": [values_of(rollout) for rollout in self.rollouts],
        }

    def to_json(self) -> str:
        """Figures and rollouts as text; `from_json` undoes it."""
        return json.dumps(self.summary(), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> EvalResult:
        """The result that `to_json` wrote; figures are recomputed from the rollouts.

        Raises:
            CorruptError: the text is not such a result.
        """
        try:
            values = json.loads(text)
            if values["schema"] > SCHEMA:
                raise CorruptError(f"it has schema {values['schema']}, this hlm reads up to {SCHEMA}")
            return cls(
                task=values["task"],
                policy=values["source"] if values["schema"] == 1 else values["policy"],
                first_seed=int(values["first_seed"]),
                rollouts=tuple(map(rollout_of, values["results"])),
                planned=values.get("planned", 0),
                identity=from_document(PolicyIdentity, values.get("identity", {}), "identity"),
                unseen=values.get("unseen"),
                stopped=values.get("stopped", ""),
                scheduling=from_document(Scheduling, values["scheduling"]) if "scheduling" in values else None,
                tracker=values.get("tracker", USUAL_TRACKER),
            )
        except (ValueError, KeyError, TypeError, AttributeError, HlmError) as error:
            raise CorruptError(f"not the result of an evaluation: {type(error).__name__}: {error}") from error


def values_of(rollout: RolloutResult) -> dict[str, Any]:
    """JSON values of the result of a rollout, without those that nobody asked for."""
    values = asdict(rollout)
    return values if rollout.chunks is not None else {name: values[name] for name in values if name != "chunks"}


def rollout_of(entry: Mapping[str, Any]) -> RolloutResult:
    """The result of a rollout from its JSON values; undoes `values_of`.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, InputError: the values are not such a result.
    """
    values = {item.name: entry[item.name] for item in fields(RolloutResult) if item.name in entry}
    if values.get("chunks") is not None:
        values["chunks"] = from_document(ChunkFigures, values["chunks"], "chunks")
    return RolloutResult(**values | {"stages": tuple(values["stages"])})


def progress_of(stage: int, stages: int, *, success: bool) -> float:
    """Progress of a rollout, 0 (nothing) to 1 (success).

    The last stage counts with the success alone: a robot that lifted a wrong object first, or let the right one fall
    off the goal, may have reached all stages too.

    Args:
        stage: number of stages that were reached, 0 to `stages`.
        stages: number of stages, >= 1.
        success: whether the rollout succeeded.
    """
    return 1.0 if success else min(stage, stages - 1) / stages


def write_result(folder: Path, result: EvalResult) -> Path:
    """Write or replace the result in the folder of an evaluation, and return its path.

    Raises:
        OSError: it could not be written; an older one is still there.
    """
    path = folder / FILE_NAME
    write_atomic(path, result.to_json().encode())
    return path


def load_result(folder: Path) -> EvalResult:
    """The result in the folder of a report.

    Raises:
        MissingFileError: the folder has no result.
        CorruptError: it cannot be read.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise MissingFileError(f"no {FILE_NAME} in '{folder}': that is not the folder of an evaluation")
    return EvalResult.from_json(path.read_text(encoding="utf-8"))


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % confidence interval of a proportion, which holds for few trials and for rates near 0 and 1 too.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.

    Args:
        successes: 0..trials.
        trials: >= 1.

    Returns:
        Lower and upper bound, within 0..1; exactly 0 without a success, exactly 1 without a failure.

    Raises:
        InputError: no trials, or successes outside 0..trials.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise InputError(f"{successes} successes in {trials} trials is not a proportion")
    from scipy.stats import binomtest  # takes a second to import

    interval = binomtest(successes, trials).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def by_instruction(rollouts: Sequence[RolloutResult]) -> dict[str, tuple[RolloutResult, ...]]:
    """Rollouts grouped by instruction, in order of first appearance."""
    groups: dict[str, list[RolloutResult]] = {}
    for rollout in rollouts:
        groups.setdefault(rollout.instruction, []).append(rollout)
    return {instruction: tuple(group) for instruction, group in groups.items()}
