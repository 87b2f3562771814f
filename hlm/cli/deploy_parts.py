"""The processes of a deployment, started and plugged together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from hlm.cli.cameras import must_fit
from hlm.cli.deployed_robot import DeployedRobot
from hlm.cli.open_cameras import OpenCameras
from hlm.cli.robots import open_robot
from hlm.cli.sources import EMBODIMENT, LocalPolicy, Replay, Scripted, ServedPolicy, open_policy, recorded_episode
from hlm.core.clock import STEP_HZ, MonotonicClock
from hlm.core.errors import InputError

if TYPE_CHECKING:
    from hlm.cli.deploy_plan import DeployPlan
    from hlm.cli.live.takeover import Taker
    from hlm.core.protocols import Cameras, ReferenceSource
    from hlm.core.task import TaskInstance
    from hlm.runtime.bodies.body_figures import BodyFigures
    from hlm.runtime.chunks.source import ChunkSource
    from hlm.runtime.policy_process import PolicyProcess
    from hlm.runtime.recorder_process import RecorderProcess
    from hlm.runtime.station import Station

type Sizes = Mapping[str, tuple[int, int]]


@dataclass(kw_only=True, eq=False)
class DeployParts:
    """All that a deployment consists of, ready to be armed.

    Attributes:
        plan: what is to be done.
        robot: what moves.
        station: entered.
        instance: what is to be done on it.
        policy: None without one.
        chunks: how its answers are played; None without a policy.
        recorder: None where nothing is recorded.
        body_figures: of the body's control steps so far.
        taker: who may take over from the policy; None for nobody.
        notes: what a person should know before it is armed.
    """

    plan: DeployPlan
    robot: DeployedRobot
    station: Station
    instance: TaskInstance
    policy: PolicyProcess | None
    chunks: ChunkSource | None
    recorder: RecorderProcess | None
    body_figures: BodyFigures
    taker: Taker | None = None
    notes: tuple[str, ...] = ()

    @property
    def watches(self) -> dict[str, Callable[[], str]]:
        """What the episode needs."""
        watches = dict(self.robot.watches)
        if self.policy is not None:
            watches["policy"] = self.policy.trouble
        if self.recorder is not None:
            watches["recorder"] = self.recorder.trouble
        return watches

    @property
    def pids(self) -> Mapping[str, int | None]:
        """Processes by name."""
        more = {"policy": self.policy, "recorder": self.recorder}
        return {**self.robot.pids(), **{name: part.pid for name, part in more.items() if part is not None}}

    def collect(self) -> None:
        """Take in the body's reports, which are kept for a few seconds only."""
        self.body_figures.take(self.robot.reports())


@contextmanager
def opened(plan: DeployPlan, taker: Taker | None = None) -> Iterator[DeployParts]:
    """The parts of a plan; leaving makes the robot safe and ends all processes.

    Args:
        plan: what is to be done.
        taker: who may take over from the policy; None for nobody.

    Raises:
        HlmError: a part cannot be had; nothing has moved then.
    """
    from hlm.runtime.bodies.body_figures import BodyFigures
    from hlm.runtime.chunks.returning import ReturningPolicy

    with ExitStack() as stack:
        robot = stack.enter_context(open_robot(plan.robot))
        instance = plan.instance
        if robot.task is not None and instance.seed is not None:
            instance = robot.task.reset(instance.seed)
        cameras = stack.enter_context(OpenCameras(robot.cameras, plan.robot.cameras))
        notes = () if plan.spec is None else must_fit(plan.spec, cameras)
        policy = _starting_policy(plan, cameras.sizes(), stack)
        recorder = _starting_recorder(plan, robot, instance, cameras.sizes(), stack)
        source, chunks = _source(plan, robot, instance, policy)
        if taker is not None and chunks is not None:
            source = taker.shared(ReturningPolicy(chunks, instance.seed or 0))
        if recorder is not None:
            recorder.wait_ready()
        if policy is not None:
            policy.wait_ready()
            policy.reset(instance.seed or 0)
        station = stack.enter_context(_station(robot, cameras, source))
        robot.prefer()
        yield DeployParts(
            plan=plan,
            robot=robot,
            station=station,
            instance=instance,
            policy=policy,
            chunks=chunks,
            recorder=recorder,
            body_figures=BodyFigures(),
            taker=taker,
            notes=(*notes, *robot.notes()),
        )


def _starting_policy(plan: DeployPlan, images: Sizes, stack: ExitStack) -> PolicyProcess | None:
    if plan.spec is None or not isinstance(plan.source, LocalPolicy | ServedPolicy):
        return None
    from hlm.runtime.policy_process import PolicyProcess

    policy = PolicyProcess(partial(open_policy, plan.source), plan.spec, images, plan.instance.instruction)
    stack.callback(policy.close)
    return policy.start()


def _starting_recorder(
    plan: DeployPlan, robot: DeployedRobot, instance: TaskInstance, cameras: Sizes, stack: ExitStack
) -> RecorderProcess | None:
    if plan.record is None:
        return None
    from hlm.datasets.schema import DatasetSpec
    from hlm.runtime.recorder_process import RecorderProcess, RecordingPlan
    from hlm.runtime.recording import Tracking, episode_info

    task = robot.task
    recorder = RecorderProcess(
        RecordingPlan(
            path=plan.record,
            spec=DatasetSpec(embodiment=EMBODIMENT.name, rate_hz=STEP_HZ, cameras=cameras),
            info=episode_info(task, instance, _kind(plan), plan.operator, Tracking(robot.preview_s, robot.tracker)),
            inputs=("state", *(f"image_{name}" for name in cameras)),
            privileged={} if task is None else {name: value.shape for name, value in task.privileged().items()},
        )
    )
    stack.callback(recorder.close)
    return recorder.start()


def _kind(plan: DeployPlan) -> str:
    """Type of the source, as datasets name it; a replay counts as what its episode was."""
    if isinstance(plan.source, Replay):
        return recorded_episode(plan.source).info.source
    return "scripted" if isinstance(plan.source, Scripted) else "policy"


def _source(
    plan: DeployPlan, robot: DeployedRobot, instance: TaskInstance, policy: PolicyProcess | None
) -> tuple[ReferenceSource, ChunkSource | None]:
    """Who gives the references, and if that is a policy, how its chunks are played."""
    if policy is not None:
        from hlm.runtime.chunks.schedulers import ChunkConfig, make_scheduler
        from hlm.runtime.chunks.source import ChunkSource

        config = ChunkConfig(execution_horizon=plan.execution_horizon)
        scheduler = make_scheduler(plan.scheduler, config, continues=policy.spec.continues_chunks)
        chunks = ChunkSource(policy, scheduler, config)
        return chunks, chunks
    if isinstance(plan.source, Replay):
        from hlm.teleop.replay import ReplaySource

        return ReplaySource(recorded_episode(plan.source).action), None
    if robot.scene is None:
        raise InputError("the scripted operator needs to see the whole scene, which this robot does not show.")
    from hlm.cli.sources import scripted_source

    return robot.seeing(scripted_source(robot.scene, instance)), None


def _station(robot: DeployedRobot, cameras: Cameras, source: ReferenceSource) -> Station:
    from hlm.runtime.station import Station

    return Station(
        clock=MonotonicClock(),
        body=robot.body,
        cameras=cameras,
        embodiment=EMBODIMENT,
        make_source=lambda _: source,
        task=robot.task,
        preview_s=robot.preview_s,
        tracker=robot.tracker,
    )
