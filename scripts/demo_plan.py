"""What the demo does: its settings, and the commands that follow from them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from hlm.core.errors import InputError, MissingFileError

SHIPPED = Path("policies/shipped/shelf_cup_transfer")


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoConfig:
    """Record two demonstrations, verify them, train on them for a minute, and score the shipped policy.

    Attributes:
        out: folder for everything; one that is there already is moved aside.
        checkpoint: the policy that is scored.
        episodes: demonstrations to record.
        train_minutes: training time.
        rollouts: scenes in which the policy is scored.
        workers: parallel rollouts; by default one for each core.
    """

    out: Path = Path("runs/demo")
    checkpoint: Path = SHIPPED
    episodes: int = 2
    train_minutes: float = 1.0
    rollouts: int = 6
    workers: int | None = None

    @property
    def dataset(self) -> Path:
        """Where the demonstrations go."""
        return self.out / "demos.zarr"

    @property
    def policy(self) -> Path:
        """Where the checkpoint that is trained goes."""
        return self.out / "policy"

    @property
    def evaluation(self) -> Path:
        """Where the evaluation's report and films go."""
        return self.out / "evaluation"

    def __post_init__(self) -> None:
        """Check what would only fail after minutes."""
        for name in ("episodes", "train_minutes", "rollouts"):
            if not getattr(self, name) > 0:
                raise InputError(f"--{name.replace('_', '-')} must be positive, got {getattr(self, name)}.")
        if self.out.exists() and not self.out.is_dir():
            raise InputError(f"--out {self.out} is a file; name a folder.")
        if not (self.checkpoint / "config.yaml").is_file():
            raise MissingFileError(f"no checkpoint at {self.checkpoint}; name one with --checkpoint.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A command of the demo.

    Attributes:
        title: what it does.
        arguments: what follows `hlm`.
        note: said before it runs.
    """

    title: str
    arguments: tuple[str, ...]
    note: str = ""

    @property
    def command(self) -> str:
        """What a person would type."""
        return shlex.join(["hlm", *self.arguments])


def plan(config: DemoConfig) -> dict[str, Step]:
    """The commands in their order, by the name that the report uses."""
    dataset, policy, minutes = str(config.dataset), str(config.policy), f"{config.train_minutes:g}"
    # Small batches make small updates, so that the time is kept on slow machines too.
    train = ("train", "--datasets", dataset, "--out", policy, "--max-minutes", minutes, "--batch-size", "16")
    score = ("eval", str(config.checkpoint), "--rollouts", str(config.rollouts), "--videos", str(config.rollouts))
    workers = () if config.workers is None else ("--workers", str(config.workers))
    return {
        "record": Step(
            title=f"record {config.episodes} demonstrations",
            arguments=("record", "--episodes", str(config.episodes), "--out", dataset),
            note="A scripted operator stands in for a person and squats, grasps and places in MuJoCo.",
        ),
        "verify": Step(title="read everything back and check it", arguments=("data", "verify", dataset)),
        "info": Step(title="look at the dataset", arguments=("data", "info", dataset, "--episodes")),
        "train": Step(
            title=f"train for about {minutes} min",
            arguments=(*train, "--validation-fraction", "0"),
            note="This shows that training runs. A policy that succeeds takes some hundred demonstrations and an hour.",
        ),
        "evaluate": Step(
            title=f"score the shipped policy in {config.rollouts} unseen scenes",
            arguments=(*score, "--out", str(config.evaluation), *workers),
            note="It sees pictures, its own state and the instruction. In a pair of scenes only the named cup differs.",
        ),
    }
