"""What an evaluation is to do: decided once, on disk before the first rollout, and the same when it is resumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hlm.core.documents import from_document, to_document
from hlm.core.errors import CorruptError, HlmError, InputError, MissingFileError
from hlm.core.seeds import LAST_SEED
from hlm.core.serialization import json_bytes, read_json
from hlm.evaluation.results import USUAL_TRACKER, EvalResult, PolicyIdentity, RolloutResult, Scheduling

PLAN_FILE = "evaluation.json"
SCHEMA = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A whole evaluation.

    Attributes:
        task: name.
        policy: what is evaluated, as the user named it: a checkpoint's path, a server's URL, or `scripted`.
        kind: which of these it is.
        address: where to find it from anywhere: an absolute path, or a URL; empty for `scripted`.
        first_seed: seed of the first rollout.
        rollouts: number of rollouts, of consecutive seeds.
        videos: how many of them, from the first one on, are filmed.
        euler_steps: flow steps per chunk; the policy's default if None.
        execution_horizon: actions of each chunk that are executed; the policy's default if None.
        scheduling: how chunks are scheduled; as `hlm eval` does by default, and not told in the results, if None.
        tracker: what turned references into joint commands; not told in the results if it is the usual one.
        identity: which policy it is.
        unseen: whether the policy was trained on none of the seeds; None when that is not known.
        workers: processes that were asked for; as many as make sense if None.
        json: absolute path of a second file for the result, or None.
        command: command line.
        hlm: version that runs it.
        packages: versions of the packages that compute a rollout, by name.
        schema: version of this description.
    """

    task: str
    policy: str
    kind: Literal["checkpoint", "server", "scripted"]
    address: str = ""
    first_seed: int
    rollouts: int
    videos: int = 0
    euler_steps: int | None = None
    execution_horizon: int | None = None
    scheduling: Scheduling | None = None
    tracker: str = USUAL_TRACKER
    identity: PolicyIdentity = field(default_factory=PolicyIdentity)
    unseen: bool | None = None
    workers: int | None = None
    json: Path | None = None
    command: str = ""
    hlm: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.rollouts < 1 or not 0 <= self.videos <= self.rollouts:
            raise InputError(f"{self.rollouts} rollouts with {self.videos} videos cannot be made.")
        if not 0 <= self.first_seed <= LAST_SEED - self.rollouts:
            raise InputError(f"{self.rollouts} seeds from {self.first_seed} on are not within 0..{LAST_SEED}.")

    @property
    def seeds(self) -> range:
        """Seeds of the rollouts, in order."""
        return range(self.first_seed, self.first_seed + self.rollouts)

    @property
    def filmed(self) -> frozenset[int]:
        """Seeds of the rollouts that are filmed."""
        return frozenset(self.seeds[: self.videos])

    def result(self, rollouts: Iterable[RolloutResult], stopped: str = "") -> EvalResult:
        """The result of the rollouts that were done, in any order.

        Args:
            rollouts: at least one.
            stopped: why some are missing.
        """
        return EvalResult(
            task=self.task,
            policy=self.policy,
            first_seed=self.first_seed,
            rollouts=tuple(sorted(rollouts, key=lambda one: one.seed)),
            planned=self.rollouts,
            identity=self.identity,
            unseen=self.unseen,
            stopped=stopped,
            scheduling=self.scheduling,
            tracker=self.tracker,
        )


def plan_bytes(plan: Plan) -> bytes:
    """Content of the plan's file, without what nobody asked for."""
    document = to_document(plan)
    if plan.scheduling is None:
        del document["scheduling"]
    if plan.tracker == USUAL_TRACKER:
        del document["tracker"]
    return json_bytes(document)


def read_plan(folder: Path) -> Plan:
    """The plan in the folder of an evaluation.

    Raises:
        MissingFileError: it is not the folder of an evaluation.
        CorruptError: damaged, or of a newer hlm.
    """
    return read_described(Plan, "evaluation", folder / PLAN_FILE, SCHEMA)


def read_described[T](cls: type[T], what: str, path: Path, schema: int) -> T:
    """What a JSON file describes.

    Args:
        cls: the dataclass to read; see `hlm.core.documents.from_document`.
        what: the file makes of its folder, for errors.
        path: of the file.
        schema: version of the description that is read.

    Raises:
        MissingFileError: there is no such file.
        CorruptError: damaged, or of another hlm.
    """
    if not path.is_file():
        raise MissingFileError(f"no {what} in {path.parent}: there is no {path.name}.")
    document = read_json(path)
    if document.get("schema") != schema:
        raise CorruptError(f"{path} has schema {document.get('schema')!r}, this hlm reads {schema}.")
    try:
        return from_document(cls, document, path.name)
    except HlmError as error:
        raise CorruptError(f"{path} is damaged: {error}") from error
