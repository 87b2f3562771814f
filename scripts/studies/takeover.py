"""What corrections are worth: a policy of few demonstrations, corrected where it stalls, and trained again.

Policy A learns from a few demonstrations. The scripted operator takes over where A stalls, and what it does there are
corrections. B learns from demonstrations and corrections, C from demonstrations and as many steps of further plain
demonstrations, all three for as many updates. All are scored on the same unseen seeds.

Every part that is done is kept in --out; a study that is begun again there, with the same dials, goes on.

`python scripts/studies/takeover.py --out runs/studies/takeover`
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from hlm.datasets.reader import open_dataset
from hlm.datasets.store.naming import numbered_episodes
from hlm.evaluation.results import wilson_interval

HLM = (sys.executable, "-m", "hlm.cli.main")
# Far from those of the demonstrations, which begin at 0, and of the evaluation.
CORRECTION_SEED, FURTHER_SEED, UNSEEN_SEED = 10_000, 20_000, 100_000
POLICIES = {"a": "A: demonstrations", "b": "B: and corrections", "c": "C: and further demonstrations"}

type Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Dials:
    """What the study is about.

    Attributes:
        task: name of the task.
        demonstrations: number of demonstrations that A learns from.
        corrected: number of episodes of A that are watched and corrected.
        stall: seconds without a new stage after which A has stalled.
        updates: of each training.
        batch_size: of each training.
        rollouts: unseen seeds that each policy is scored on.
        workers: parallel rollouts.
    """

    task: str = "shelf_cup_transfer"
    demonstrations: int = 24
    corrected: int = 120
    stall: float = 4.0
    updates: int = 2000
    batch_size: int = 48
    rollouts: int = 100
    workers: int = 1


class Study:
    """The parts of the study in their order, each of which does what is missing.

    Args:
        out: folder that everything is kept in.
        dials: what it is about.
        say: shows a line.
    """

    def __init__(self, out: Path, dials: Dials, say: Callable[[str], None]) -> None:
        self._out = out
        self._dials = dials
        self._say = say

    def run(self) -> list[Row]:
        """Do what is missing; a row for each policy.

        Raises:
            SystemExit: the folder is that of another study, or a part failed.
        """
        self._must_be_same()
        dials, further = self._dials, 0
        parts: dict[str, Callable[[], None]] = {
            "demonstrations": lambda: self._record("demos", dials.demonstrations, 0, "--source", "scripted"),
            "policy A": lambda: self._train("a", "demos"),
            "score of A": lambda: self._score("a"),
            "corrected episodes": lambda: self._record(
                "corrected", dials.corrected, CORRECTION_SEED, *self._takeover()
            ),
            "corrections": self._cut,
            "policy B": lambda: self._train("b", "demos", "corrections"),
            "score of B": lambda: self._score("b"),
            "further demonstrations": lambda: self._record("further", further, FURTHER_SEED, "--source", "scripted"),
            "policy C": lambda: self._train("c", "demos", "further"),
            "score of C": lambda: self._score("c"),
        }
        for number, (name, do) in enumerate(parts.items(), start=1):
            self._say(f"{number} of {len(parts)}: {name}")
            if name == "further demonstrations":
                further = self._further()
            do()
        return [self._row(policy) for policy in POLICIES]

    def _must_be_same(self) -> None:
        path, document = self._out / "dials.json", json.dumps(asdict(self._dials), indent=2) + "\n"
        if path.exists() and path.read_text() != document:
            sys.exit(f"{self._out} holds a study with other dials, see {path}. Name another --out.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document)

    def _takeover(self) -> tuple[str, ...]:
        stall = f"{self._dials.stall:g}"
        return ("--source", "policy", "--takeover", "scripted", "--stall", stall, str(self._out / "a"))

    def _record(self, name: str, episodes: int, first_seed: int, *source: str) -> None:
        """Record the episodes that are missing."""
        path, done = self._out / f"{name}.zarr", 0
        if path.exists():
            for _, folder in numbered_episodes(path, partial=True):
                shutil.rmtree(folder)  # of a run that was interrupted
            done = len(numbered_episodes(path, partial=False))
        if done < episodes:
            missing = ("--episodes", str(episodes - done), "--seed", str(first_seed + done))
            words = ("record", *source, "--task", self._dials.task, *missing, "--out", str(path), "--append")
            self._hlm(f"record_{name}", *words)

    def _cut(self) -> None:
        path = self._out / "corrections.zarr"
        if not path.exists():
            self._hlm("corrections", "data", "corrections", str(self._out / "corrected.zarr"), str(path))

    def _further(self) -> int:
        """Number of demonstrations that have as many steps as the corrections, to the nearest."""
        demos = open_dataset(self._out / "demos.zarr")
        per_episode = sum(map(len, demos)) / len(demos)
        return max(1, round(self._steps("corrections") / per_episode))

    def _train(self, policy: str, *datasets: str) -> None:
        checkpoint, done = self._out / policy, self._out / f"{policy}.trained"
        if done.exists():
            return
        if (checkpoint / "config.yaml").exists():
            self._hlm(f"train_{policy}", "train", "--resume", str(checkpoint))
        else:
            shutil.rmtree(checkpoint, ignore_errors=True)  # of a run that was interrupted before its first checkpoint
            dials, recipe = self._dials, Path(__file__).with_name("takeover.yaml")
            size = ("--steps", str(dials.updates), "--batch-size", str(dials.batch_size))
            paths = [str(self._out / f"{name}.zarr") for name in datasets]
            self._hlm(f"train_{policy}", "train", str(recipe), "--datasets", *paths, "--out", str(checkpoint), *size)
        done.touch()

    def _score(self, policy: str) -> None:
        dials, folder = self._dials, self._out / f"score_{policy}"
        if (folder / "results.json").exists():
            return
        workers = ("--workers", str(dials.workers))
        if (folder / "evaluation.json").exists():
            self._hlm(f"score_{policy}", "eval", "--resume", str(folder), *workers)
            return
        shutil.rmtree(folder, ignore_errors=True)
        seeds = ("--task", dials.task, "--rollouts", str(dials.rollouts), "--seed", str(UNSEEN_SEED))
        words = ("eval", str(self._out / policy), *seeds, "--videos", "0", *workers, "--out", str(folder))
        self._hlm(f"score_{policy}", *words)

    def _hlm(self, log: str, *words: str) -> None:
        path = self._out / "logs" / f"{log}.log"
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            ended = subprocess.run([*HLM, *words], stdout=file, stderr=file, check=False).returncode
        if ended:
            sys.exit(f"hlm {words[0]} ended with {ended}, see {path}. Begin the study again to go on.")

    def _steps(self, name: str) -> int:
        return sum(map(len, open_dataset(self._out / f"{name}.zarr")))

    def _row(self, policy: str) -> Row:
        """Successes of a policy, and what it has learnt from."""
        extra = {"a": (), "b": ("corrections",), "c": ("further",)}[policy]
        results = json.loads((self._out / f"score_{policy}" / "results.json").read_text())["results"]
        return {
            "policy": POLICIES[policy],
            "episodes": {name: len(open_dataset(self._out / f"{name}.zarr")) for name in ("demos", *extra)},
            "steps": sum(self._steps(name) for name in ("demos", *extra)),
            "rollouts": len(results),
            "successes": sum(bool(row["success"]) for row in results),
            "stage": sum(row["stage"] for row in results) / len(results),
        }


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Successes of each policy with their 95 % interval (Wilson), and what it has learnt from."""
    shown = Table("policy", "episodes", "steps", "success", "95 %", "stages reached")
    for row in rows:
        low, high = wilson_interval(row["successes"], row["rollouts"])
        episodes = ", ".join(f"{count} {name}" for name, count in row["episodes"].items())
        success = f"{row['successes']} of {row['rollouts']}"
        interval = f"{100 * low:.0f}-{100 * high:.0f} %"
        shown.add_row(row["policy"], episodes, str(row["steps"]), success, interval, f"{row['stage']:.2f}")
    return shown


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is missing of the study, and print its table."""
    out, dials = _options(arguments)
    screen = Console()
    rows = Study(out, dials, lambda line: screen.print(line, soft_wrap=True)).run()
    (out / "result.json").write_text(json.dumps(rows, indent=2) + "\n")
    screen.print(table(rows))
    return 0


def _options(arguments: Sequence[str] | None) -> tuple[Path, Dials]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True)
    for name, default in asdict(Dials()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    options = vars(parser.parse_args(arguments))
    return options.pop("out"), Dials(**options)


if __name__ == "__main__":
    sys.exit(main())
