"""Who gives the references: one small config for each choice, and the reference sources made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.core.clock import STEP_HZ
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.errors import InputError, LostError, MismatchError, MissingFileError

if TYPE_CHECKING:
    from hlm.cli.live.takeover import Taker
    from hlm.core.clock import Clock
    from hlm.core.policy import Policy
    from hlm.core.protocols import ReferenceSource
    from hlm.core.task import TaskInstance
    from hlm.datasets.reader import Episode
    from hlm.policies.serving.client import PolicyClient
    from hlm.runtime.chunks.schedulers import SchedulerName
    from hlm.runtime.chunks.source import ChunkSource
    from hlm.sim.tasks.simulated_task import SimulatedTask

    type MakeSource = Callable[[TaskInstance], ReferenceSource]

EMBODIMENT = find_embodiment("unitree_g1")
CAMERAS = tuple(camera.name for camera in EMBODIMENT.cameras)
# For an answer, with all workers in the server's queue, and for a server to be there at all.
SERVER_PATIENCE_S, CONNECT_PATIENCE_S = 60.0, 2.5


@dataclass(frozen=True, slots=True)
class Scripted:
    """The task's scripted operator."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """The recorded actions of an episode.

    Attributes:
        episode: folder of the episode.
    """

    episode: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """How a policy's chunks are scheduled.

    Attributes:
        scheduler: decides when the policy is asked.
        delay_s: simulated time from a request to its answer.
    """

    scheduler: SchedulerName
    delay_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalPolicy:
    """A policy that is loaded into this process.

    Attributes:
        checkpoint: folder of the policy.
        euler_steps: flow steps per chunk; the checkpoint's default if None.
        execution_horizon: actions of each chunk that are executed; the checkpoint's default if None.
        digest: that the policy must have; empty for any.
        schedule: how chunks are scheduled; None to wait for each, as always when time waits too.
    """

    checkpoint: Path
    euler_steps: int | None = None
    execution_horizon: int | None = None
    digest: str = ""
    schedule: Schedule | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedPolicy:
    """A policy that another process serves.

    Attributes:
        url: of the server.
        execution_horizon: actions of each chunk that are executed; the server's default if None.
        digest: that the policy must have; empty for any.
        schedule: how chunks are scheduled; None to wait for each, as always when time waits too.
    """

    url: str
    execution_horizon: int | None = None
    digest: str = ""
    schedule: Schedule | None = None


type PolicyConfig = LocalPolicy | ServedPolicy


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenOver:
    """A policy, from which the task's scripted operator takes over when it stalls, or a person when they like.

    Attributes:
        policy: in command at first.
        stall_s: it has stalled after so long without a new stage.
        hand_back: whether the scripted operator hands back once the task's next stage is reached.
        taker: the person who takes over, there already; None for the scripted operator.
    """

    policy: PolicyConfig
    stall_s: float
    hand_back: bool = False
    taker: Taker | None = None


type SourceConfig = Scripted | Replay | PolicyConfig | TakenOver


@contextmanager
def open_sources(config: SourceConfig, task: SimulatedTask) -> Iterator[MakeSource]:
    """Makes a reference source for each episode of `task`; leaving closes what they share.

    Raises:
        HlmError: the policy or the episode cannot be had.
    """
    match config:
        case Scripted():
            yield lambda instance: scripted_source(task, instance)
        case Replay():
            from hlm.teleop.replay import ReplaySource

            actions = recorded_episode(config).action
            yield lambda _: ReplaySource(actions)
        case LocalPolicy() | ServedPolicy():
            with open_policy(config) as policy:
                yield policy_sources(policy, config, task.world)
        case TakenOver():
            from hlm.runtime.chunks.returning import ReturningPolicy

            with open_policy(config.policy) as policy:
                chunks = policy_sources(policy, config.policy, task.world)

                def shared(instance: TaskInstance) -> ReferenceSource:
                    usual = ReturningPolicy(chunks(instance), instance.seed or 0)
                    if config.taker is not None:
                        return config.taker.shared(usual)
                    return _taken_over(usual, task, instance, config)

                yield shared


@contextmanager
def open_policy(config: PolicyConfig) -> Iterator[Policy]:
    """The policy, loaded or connected; leaving disconnects.

    Raises:
        HlmError: there is no such policy, it belongs to another robot, or it is not the wanted one.
    """
    match config:
        case ServedPolicy():
            with _client(config.url) as client:
                _must_be_the_wanted(client, config.digest, config.url)
                _make_it_known(client)
                yield client
        case LocalPolicy():
            import torch

            from hlm.policies.trained import load_policy

            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                policy = load_policy(config.checkpoint, euler_steps=config.euler_steps, embodiment=EMBODIMENT.name)
                _must_be_the_wanted(policy, config.digest, str(config.checkpoint))
                yield policy
            finally:
                torch.set_num_threads(threads)


def _must_be_the_wanted(policy: Policy, digest: str, where: str) -> None:
    """Workers come and go while others go on: all of them must ask the same policy."""
    if digest and policy.spec.digest != digest:
        raise LostError(
            f"the policy at {where} has been replaced: its digest was {digest[:12]} and is now "
            f"{policy.spec.digest[:12] or 'not told'}."
        )


def _make_it_known(policy: PolicyClient) -> None:
    """Ask a policy that its server does not describe for a chunk, which shows its horizon and its robot."""
    import numpy as np

    from hlm.core.layout import pack
    from hlm.core.policy import UNKNOWN_POLICY
    from hlm.core.values import CameraFrame, Observation
    from hlm.policies.serving.errors import PolicyFailedError

    if policy.spec.policy_type != UNKNOWN_POLICY:
        return
    grey = np.full((*policy.spec.image_size, 3), 128, np.uint8)
    standing = pack(EMBODIMENT.default_rad, np.ones(2), np.zeros(3))
    with suppress(PolicyFailedError):  # It may only know the words of its tasks.
        policy.chunk(Observation(0, standing, {name: CameraFrame(0, grey) for name in policy.spec.cameras}, "wait"))


def recorded_episode(config: Replay) -> Episode:
    """The episode that is to be replayed.

    Raises:
        MissingFileError: the path does not lead to an episode.
        MismatchError: it was recorded on another robot, or at another rate.
    """
    from hlm.datasets.reader import open_dataset

    dataset = open_dataset(config.episode.parent)
    spec = dataset.spec
    if (spec.embodiment, spec.rate_hz) != (EMBODIMENT.name, STEP_HZ):
        raise MismatchError(
            f"{dataset.path} was recorded on '{spec.embodiment}' at {spec.rate_hz:g} Hz; a replay needs "
            f"'{EMBODIMENT.name}' at {STEP_HZ:g} Hz."
        )
    for episode in dataset.episodes:
        if episode.path.name == config.episode.name:
            return episode
    names = ", ".join(episode.path.name for episode in dataset.episodes[:5])
    raise MissingFileError(f"no episode '{config.episode.name}' in {config.episode.parent}. It begins with: {names}.")


def scripted_source(task: SimulatedTask, instance: TaskInstance) -> ReferenceSource:
    """The task's scripted operator, in a scene that was just drawn."""
    import numpy as np

    from hlm.sim.tasks.catalog import make_operator
    from hlm.teleop.retargeting import RetargetedSource

    if instance.seed is None:
        raise InputError("the scripted operator needs a scene that was drawn from a seed.")
    operator = make_operator(task, np.random.default_rng([instance.seed, 1]))
    return RetargetedSource(operator, EMBODIMENT)


def _taken_over(
    usual: ReferenceSource, task: SimulatedTask, instance: TaskInstance, config: TakenOver
) -> ReferenceSource:
    from hlm.teleop.stall import Stall
    from hlm.teleop.takeover import Takeover

    stalled = Stall(task, config.stall_s, task.operator_can_begin, until_stage=config.hand_back)
    return Takeover(usual, scripted_source(task, instance), stalled, ("policy", "scripted"))


def policy_sources(policy: Policy, config: PolicyConfig, clock: Clock) -> Callable[[TaskInstance], ChunkSource]:
    """Makes a source for each episode that plays a policy's chunks; time waits while it computes them.

    Args:
        policy: asked by all of these sources, one after the other.
        config: how to play them.
        clock: of the session.
    """
    from hlm.runtime.chunks.delayed_policy import DelayedPolicy
    from hlm.runtime.chunks.schedulers import ChunkConfig, make_scheduler
    from hlm.runtime.chunks.source import ChunkSource
    from hlm.runtime.policy_source import PolicySource

    spec, schedule = policy.spec, config.schedule
    chunks = ChunkConfig(execution_horizon=config.execution_horizon or spec.execution_horizon)

    def make(instance: TaskInstance) -> ChunkSource:
        seed = instance.seed or 0
        if schedule is None:
            policy.reset(seed)
            return PolicySource(policy, chunks)
        asked = DelayedPolicy(policy, clock, schedule.delay_s)
        asked.reset(seed)
        scheduler = make_scheduler(schedule.scheduler, chunks, continues=spec.continues_chunks)
        return ChunkSource(asked, scheduler, chunks, spec.rate_hz)

    return make


def _client(url: str) -> PolicyClient:
    from hlm.cli.serve import api_key
    from hlm.policies.serving.client import PolicyClient
    from hlm.policies.serving.metadata import Needs

    needs = Needs(embodiment=EMBODIMENT.name, cameras=CAMERAS)
    # The simulation stands still meanwhile.
    return PolicyClient(
        url,
        api_key=api_key(None),
        timeout_s=SERVER_PATIENCE_S,
        connect_timeout_s=CONNECT_PATIENCE_S,
        needs=needs,
    )
