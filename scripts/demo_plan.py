"""The plan of the demo: its options, and the commands that they lead to."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from hlm.core.errors import InputError, MissingFileError
from hlm.core.wording import counted

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = Path("policies/shipped/shelf_cup_transfer")


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoConfig:
    """Record two demonstrations, verify them, train on them for a minute, and evaluate the shipped policy.

    Attributes:
        out: folder for all results; an existing one is moved aside.
        checkpoint: checkpoint folder of the policy to evaluate.
        episodes: number of demonstrations to record.
        train_minutes: time limit of training, min.
        rollouts: number of rollouts to evaluate the policy in.
        workers: parallel rollouts; one per core by default.
    """

    out: Path = Path("runs/demo")
    checkpoint: Path = SHIPPED
    episodes: int = 2
    train_minutes: float = 1.0
    rollouts: int = 6
    workers: int | None = None

    @property
    def dataset(self) -> Path:
        """Dataset of the demonstrations."""
        return self.out / "demos.zarr"

    @property
    def policy(self) -> Path:
        """Checkpoint folder of the trained policy."""
        return self.out / "policy"

    @property
    def evaluates_shipped(self) -> bool:
        """Whether the policy to evaluate is the one that comes with hlm."""
        return self.checkpoint.resolve() == (ROOT / SHIPPED).resolve()

    @property
    def evaluation(self) -> Path:
        """Folder of the evaluation's report and videos."""
        return self.out / "evaluation"

    def __post_init__(self) -> None:
        """Check what would otherwise fail after minutes."""
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
        arguments: words after `hlm`.
        note: explanation to print before it runs.
    """

    title: str
    arguments: tuple[str, ...]
    note: str = ""

    @property
    def command(self) -> str:
        """The command line, as one would type it."""
        return shlex.join(["hlm", *self.arguments])


def plan(config: DemoConfig) -> dict[str, Step]:
    """Commands in the order in which they run, by the names that the report uses."""
    dataset, policy, minutes = str(config.dataset), str(config.policy), f"{config.train_minutes:g}"
    # Small batches make short updates, so that slow machines keep to the time limit too.
    train = ("train", "--datasets", dataset, "--out", policy, "--max-minutes", minutes, "--batch-size", "16")
    score = ("eval", str(config.checkpoint), "--rollouts", str(config.rollouts), "--videos", str(config.rollouts))
    whose = "the shipped" if config.evaluates_shipped else "another"
    workers = () if config.workers is None else ("--workers", str(config.workers))
    return {
        "record": Step(
            title=f"record {counted(config.episodes, 'demonstration')}",
            arguments=("record", "--episodes", str(config.episodes), "--out", dataset),
            note="In MuJoCo, a scripted operator squats, grasps and places in place of a person.",
        ),
        "verify": Step(title="verify the dataset", arguments=("data", "verify", dataset)),
        "info": Step(title="summarize the dataset", arguments=("data", "info", dataset, "--episodes")),
        "train": Step(
            title=f"train for about {minutes} min",
            arguments=(*train, "--validation-fraction", "0"),
            note="This only shows that training works. A good policy takes a few hundred demonstrations and an hour.",
        ),
        "evaluate": Step(
            title=f"evaluate {whose} policy in {counted(config.rollouts, 'unseen scene')}",
            arguments=(*score, "--out", str(config.evaluation), *workers),
            note="It gets images, its own state and the instruction. Two scenes of a pair differ in the cup asked for.",
        ),
    }
