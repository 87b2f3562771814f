"""`hlm eval`: rollouts on unseen seeds, scored, filmed and reported."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.cli.arguments import Positional, parse
from hlm.cli.progress import progress
from hlm.cli.rendering import load_simulator
from hlm.cli.rollouts import open_rollouts
from hlm.cli.sources import LocalPolicy, ServedPolicy
from hlm.cli.stations import StationConfig, policy_station
from hlm.cli.tables import console, facts
from hlm.core.errors import ExistsError, InputError, UnknownNameError
from hlm.core.files import write_atomic

if TYPE_CHECKING:
    from hlm.evaluation.results import EvalResult, RolloutResult

FIRST_UNSEEN_SEED = 100_000
SOURCES = ("policy", "scripted")
# Each worker is a client; a server takes 16 by default, and others may be there.
WORKERS_OF_A_SERVER = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalArguments:
    """Evaluate a checkpoint, a policy server or the scripted operator on a task, and write a report.

    The same seed gives the same rollout. By default, seeds from 100000 on are never recorded.

    Attributes:
        checkpoint: checkpoint folder of the policy.
        server: policy server to evaluate instead, e.g. ws://127.0.0.1:8000; the API key is read from HLM_API_KEY.
        task: name of the task.
        source: "policy", or "scripted" for the task's scripted operator.
        rollouts: number of rollouts.
        seed: seed of the first rollout.
        json: also write the figures and the result of each seed to this JSON file.
        out: folder for the report; a new one in runs/eval by default.
        workers: parallel processes; one per core by default, and at most eight with a server.
        videos: number of rollouts to film.
        euler_steps: flow integration steps per chunk; the checkpoint's by default.
        execution_horizon: actions of each chunk to execute; the checkpoint's by default.
    """

    checkpoint: Positional[Path | None] = None
    server: str | None = None
    task: str = "shelf_cup_transfer"
    source: str = "policy"
    rollouts: int = 20
    seed: int = FIRST_UNSEEN_SEED
    json: Path | None = None
    out: Path | None = None
    workers: int | None = None
    videos: int = 6
    euler_steps: int | None = None
    execution_horizon: int | None = None

    def __post_init__(self) -> None:
        """Check what needs no simulation."""
        if self.rollouts < 1:
            raise InputError(f"--rollouts must be at least 1, got {self.rollouts}.")
        if self.seed < 0:
            raise InputError(f"--seed must not be negative, got {self.seed}.")
        if self.videos < 0:
            raise InputError(f"--videos must not be negative, got {self.videos}.")
        if self.workers is not None and self.workers < 1:
            raise InputError(f"--workers must be at least 1, got {self.workers}.")
        if self.source not in SOURCES:
            raise UnknownNameError("source", self.source, SOURCES)
        if (self.checkpoint is not None) + (self.server is not None) != (self.source == "policy"):
            raise InputError("give a CHECKPOINT, --server URL or --source scripted; exactly one of them.")
        if self.server is not None and self.euler_steps is not None:
            raise InputError("--euler-steps belong to the server: give them to `hlm serve`.")


def run(arguments: Sequence[str]) -> int:
    """Score, report, and print the figures."""
    config = parse(EvalArguments, "hlm eval", arguments)
    for target in (config.out, config.json):
        if target is not None and target.exists():
            raise ExistsError(f"{target} is already there. Name another one.")
    load_simulator()
    from hlm.sim.tasks.catalog import find_task

    find_task(config.task)
    station = _station(config)
    out = config.out or Path("runs") / "eval" / datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    out.mkdir(parents=True, exist_ok=True)
    try:
        result = _evaluate(config, station, out)
    except BaseException:
        with suppress(OSError):
            out.rmdir()  # refused when films lie in it already
        raise
    _finish(config, result, out, shlex.join(["hlm", "eval", *arguments]))
    return 0


def _station(config: EvalArguments) -> StationConfig:
    if config.checkpoint is not None:
        policy = LocalPolicy(
            checkpoint=config.checkpoint, euler_steps=config.euler_steps, execution_horizon=config.execution_horizon
        )
        return policy_station(config.task, policy)
    if config.server is not None:
        return policy_station(config.task, ServedPolicy(url=config.server, execution_horizon=config.execution_horizon))
    return StationConfig(task=config.task)


def _evaluate(config: EvalArguments, station: StationConfig, out: Path) -> EvalResult:
    from hlm.evaluation.results import EvalResult
    from hlm.evaluation.workers import in_parallel

    seeds = list(range(config.seed, config.seed + config.rollouts))
    opened = partial(open_rollouts, station, frozenset(seeds[: config.videos]), out)
    workers = min(config.workers or _default_workers(config), len(seeds))
    results: list[RolloutResult] = []
    with progress("rollouts") as show:
        show(0, len(seeds))
        for result in in_parallel(opened, seeds, workers):
            results.append(result)
            show(len(results), len(seeds), f"{sum(one.success for one in results)} successful")
    results.sort(key=lambda one: one.seed)
    name = str(config.checkpoint or config.server or "scripted")
    return EvalResult(task=config.task, policy=name, first_seed=config.seed, rollouts=tuple(results))


def _default_workers(config: EvalArguments) -> int:
    cores = len(os.sched_getaffinity(0))
    return cores if config.server is None else min(cores, WORKERS_OF_A_SERVER)


def _finish(config: EvalArguments, result: EvalResult, out: Path, command: str) -> None:
    from hlm.evaluation.report import write_evaluation

    page = write_evaluation(out, result, command)
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(config.json, result.to_json().encode())
    low, high = result.success_interval
    screen = console()
    screen.print(
        facts(
            {
                "success": f"{result.successes} of {len(result.rollouts)} = {result.success_rate:.0%} "
                f"(95 % interval {low:.0%} to {high:.0%})",
                "progress": f"{result.progress:.2f}",
                "wrong object": f"{result.wrong_object_rate:.0%}",
                "falls": f"{result.fall_rate:.0%}",
                **(
                    {"stopped": f"{result.fault_rate:.0%}, mostly because {_usual_fault(result)}"}
                    if result.fault_rate
                    else {}
                ),
                "stages": ", ".join(f"{name} {rate:.0%}" for name, rate in result.stage_rates.items()),
            }
        )
    )
    screen.print(f"report: {page}", soft_wrap=True)


def _usual_fault(result: EvalResult) -> str:
    """The most frequent reason for which the body stopped."""
    (fault, _), *_ = Counter(rollout.fault for rollout in result.rollouts if rollout.fault).most_common(1)
    return fault
