"""Results of an evaluation: one frozen value per rollout, and the figures that follow from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hlm.core.errors import CorruptError, InputError, MissingFileError

FILE_NAME = "results.json"
SCHEMA = 2  # 1 had no faults, and called the policy a source


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutResult:
    """One attempt.

    Attributes:
        seed: seed of the scene.
        instruction: the instruction that was given.
        success: whether all stages were reached and the goal state held at the end.
        stage: number of `stages` that were reached, 0 to len(stages).
        stages: names of the stages in order.
        progress: fraction of the stages that were reached, 0 to 1.
        wrong_object: whether an object that the instruction does not name was lifted.
        fell: whether the robot fell.
        duration_s: simulated time.
        steps: number of 30 Hz steps.
        fault: why the body stopped following references, which ended the rollout; empty when it did not.
        video: path relative to the report's folder; None when none was recorded.
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
class EvalResult:
    """All rollouts of one evaluation.

    Attributes:
        task: name.
        policy: what was evaluated: a checkpoint's path, a server's URL, or `scripted`.
        first_seed: seed of the first rollout.
        rollouts: in the order of their seeds, at least one.
    """

    task: str
    policy: str
    first_seed: int
    rollouts: tuple[RolloutResult, ...]

    def __post_init__(self) -> None:
        """Check that there is something to count, and that stages agree."""
        if not self.rollouts:
            raise InputError(f"an evaluation of '{self.task}' needs at least one rollout")
        if len({rollout.stages for rollout in self.rollouts}) > 1:
            raise InputError(f"the rollouts of '{self.task}' do not name the same stages")

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
        """Fraction of rollouts that ended because the body stopped following references."""
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
            "results": [asdict(rollout) for rollout in self.rollouts],
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
            rollouts = tuple(_rollout(entry) for entry in values["results"])
            first_seed = int(values["first_seed"])
            policy = values["source"] if values["schema"] == 1 else values["policy"]
            return cls(task=values["task"], policy=policy, first_seed=first_seed, rollouts=rollouts)
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptError(f"not the result of an evaluation: {type(error).__name__}: {error}") from error


def _rollout(entry: Mapping[str, Any]) -> RolloutResult:
    values = {field.name: entry[field.name] for field in fields(RolloutResult) if field.name in entry}
    return RolloutResult(**values | {"stages": tuple(values["stages"])})


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
