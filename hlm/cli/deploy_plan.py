"""What is to be deployed, with all that can be wrong with it told before anything moves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hlm.cli.deployed_robot import RobotConfig, RobotName
from hlm.cli.live.people import PersonConfig
from hlm.cli.live.takeover import TakeoverConfig
from hlm.cli.policy_specs import policy_spec
from hlm.cli.robot_options import must_be_fit_for
from hlm.cli.sources import (
    CAMERAS,
    EMBODIMENT,
    LocalPolicy,
    Replay,
    Scripted,
    ServedPolicy,
    SourceConfig,
    recorded_episode,
)
from hlm.cli.stations import policy_station
from hlm.core.errors import ExistsError, InputError, MismatchError
from hlm.core.task import TaskInstance

if TYPE_CHECKING:
    from hlm.cli.deploy_arguments import DeployArguments
    from hlm.core.policy import PolicySpec
    from hlm.runtime.chunks.schedulers import SchedulerName

DEFAULT_TASK = "shelf_cup_transfer"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployPlan:
    """A deployment in which nothing is known to be wrong.

    Attributes:
        robot: what moves.
        source: who gives the references.
        instance: what is to be done.
        operator: who or what gives the references, for datasets and people.
        spec: of the policy; None without one.
        scheduler: when the policy is asked.
        execution_horizon: actions of a chunk that are executed; 0 without a policy.
        record: new dataset; None for none.
        duration_s: longest time; None for as long as it takes.
        json: new file; None for none.
        dry_run: whether the motors get no command but to brake.
        takeover: who may take over from the policy; None for nobody.
    """

    robot: RobotConfig
    source: SourceConfig
    instance: TaskInstance
    operator: str
    spec: PolicySpec | None
    scheduler: SchedulerName
    execution_horizon: int
    record: Path | None
    duration_s: float | None
    json: Path | None
    dry_run: bool
    takeover: TakeoverConfig | None = None


def planned(config: DeployArguments) -> DeployPlan:
    """The plan of a command line.

    Raises:
        HlmError: something is wrong with it, or this machine is not fit for it.
    """
    _must_be_new(config)
    source = _source(config)
    spec = None
    cameras, size = CAMERAS if config.record is not None else (), (128, 128)
    if isinstance(source, LocalPolicy | ServedPolicy):
        spec = policy_spec(source)
        station = policy_station("", source, spec)
        source, cameras, size = station.source, station.cameras, station.image_size
    task = _task(config)
    instance = _instance(config, source, task)
    if spec is not None:
        must_be_understood(spec, instance.instruction)
    robot = RobotConfig(
        name=cast("RobotName", config.robot),
        task=task,
        seed=config.seed if instance.seed is None else instance.seed,
        cameras=cameras,
        image_size=size,
        dry_run=config.dry_run,
        interface=config.interface,
        said_cameras=config.cameras,
        grippers=config.grippers,
        sonic=config.sonic,
        start=config.start,
        tracker=config.tracker,
    )
    must_be_fit_for(config.robot, config.interface, config.record)
    return DeployPlan(
        robot=robot,
        source=source,
        instance=instance,
        operator=_operator(config),
        spec=spec,
        scheduler=cast("SchedulerName", config.scheduler),
        execution_horizon=0 if spec is None else config.execution_horizon or spec.execution_horizon,
        record=config.record,
        duration_s=config.seconds,
        json=config.json,
        dry_run=config.dry_run,
        takeover=_takeover(config, cameras),
    )


def must_be_understood(spec: PolicySpec, instruction: str) -> None:
    """Refuse an instruction that a policy of few words cannot follow.

    Raises:
        InputError: a word that it does not know, or no word at all.
    """
    from hlm.policies.transforms.vocabulary import split_words

    words = split_words(instruction)
    if not words:
        raise InputError("the instruction is empty. Say what is to be done with --instruction.")
    unknown = [word for word in words if word not in spec.vocabulary]
    if spec.vocabulary and unknown:
        raise InputError(
            f"the policy does not know {', '.join(map(repr, unknown))}. Words it knows: {', '.join(spec.vocabulary)}."
        )


def _must_be_new(config: DeployArguments) -> None:
    from hlm.core.files import must_be_writable
    from hlm.datasets.store.swap import is_there

    if config.record is not None:
        if is_there(config.record) or config.record.is_symlink():  # one that leads nowhere, too
            raise ExistsError(f"{config.record} is already there. Name another --record.")
        must_be_writable(config.record, "Choose another --record.")
    if config.json is not None:
        if config.json.exists() or config.json.is_symlink():
            raise ExistsError(f"{config.json} is already there. Name another --json.")
        must_be_writable(config.json, "Choose another --json.")
        if config.record is not None and config.json.absolute().is_relative_to(config.record.absolute()):
            raise InputError(f"{config.json} would lie inside of the dataset {config.record}. Choose another --json.")


def _source(config: DeployArguments) -> SourceConfig:
    if config.source == "scripted":
        if config.robot != "mujoco":
            raise InputError("--source scripted needs to know where everything is: only --robot mujoco tells it.")
        return Scripted()
    if config.source == "replay" and config.what is not None:
        return Replay(episode=config.what)
    if config.what is not None:
        return LocalPolicy(checkpoint=config.what, execution_horizon=config.execution_horizon)
    return ServedPolicy(url=config.server or "", execution_horizon=config.execution_horizon)


def _takeover(config: DeployArguments, cameras: tuple[str, ...]) -> TakeoverConfig | None:
    if config.takeover is None:
        return None
    person = PersonConfig(source=config.takeover, body=config.body, headset_port=config.headset_port)
    if config.takeover != "page":
        return TakeoverConfig(person=person)
    from hlm.teleop.page.page_config import PageConfig

    page = PageConfig(host=config.host, port=config.port, cameras=cameras, title="hlm deploy")
    return TakeoverConfig(person=person, page=page)


def _task(config: DeployArguments) -> str | None:
    """The task that a robot stands before; None where a person says what is to be done."""
    from hlm.sim.tasks.catalog import find_task

    if config.task is not None:
        find_task(config.task)
        return config.task
    return DEFAULT_TASK if config.robot == "mujoco" else None


def _instance(config: DeployArguments, source: SourceConfig, task: str | None) -> TaskInstance:
    """What is to be done: drawn from the seed, chosen by the instruction, recorded, or said by a person."""
    if isinstance(source, Replay):
        return _recorded(config, source, task)
    if task is None:
        if not config.instruction:
            raise InputError("say what is to be done: --instruction TEXT, or --task NAME with its --seed.")
        return TaskInstance(seed=None, candidates=(config.instruction,), candidate=0)
    drawn = _drawn(task, config.seed)
    if config.instruction is None or config.instruction == drawn.instruction:
        return drawn
    if config.instruction not in drawn.candidates:
        known = ", ".join(f"'{one}'" for one in drawn.candidates)
        raise InputError(f"task '{task}' cannot score '{config.instruction}'. Its instructions here: {known}.")
    # Seeds of one scene follow each other, one for each object that may be asked for.
    seed = config.seed - drawn.candidate + drawn.candidates.index(config.instruction)
    return _drawn(task, seed)


def _drawn(task: str, seed: int) -> TaskInstance:
    from hlm.cli.rendering import load_simulator

    load_simulator()
    from hlm.sim.tasks.catalog import make_task

    return make_task(task, EMBODIMENT).reset(seed)


def _recorded(config: DeployArguments, source: Replay, task: str | None) -> TaskInstance:
    """An episode is replayed in its own scene."""
    info = recorded_episode(source).info
    if config.instruction is not None and config.instruction != info.instruction:
        raise InputError(f"{source.episode} replays '{info.instruction}', whatever the --instruction.")
    if task is None:
        return TaskInstance(seed=None, candidates=(info.instruction,), candidate=0)
    if info.seed is None or info.task != task:
        raise MismatchError(f"{source.episode} was not recorded on task '{task}'; it cannot be replayed there.")
    return _drawn(task, info.seed)


def _operator(config: DeployArguments) -> str:
    if config.source != "policy":
        return config.source
    return str(config.what) if config.what is not None else str(config.server)
