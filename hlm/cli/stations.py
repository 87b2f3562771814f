"""Stations from words: the place where simulation, operators, tracker and policies are plugged together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.errors import InputError, MismatchError, MissingFileError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hlm.core.arrays import ByteArray, FloatArray
    from hlm.core.protocols import ReferenceSource
    from hlm.core.task import TaskInstance
    from hlm.datasets.reader import Episode
    from hlm.evaluation.results import RolloutResult
    from hlm.policies.serving.client import PolicyClient
    from hlm.policies.trained import TrainedPolicy
    from hlm.runtime.station import Station
    from hlm.sim.cameras import SimulatedCameras
    from hlm.sim.tasks.simulated_task import SimulatedTask

EMBODIMENT = find_embodiment("unitree_g1")
SOURCES = ("scripted", "replay", "policy")
ROW_HZ = 30.0
CAMERAS = tuple(camera.name for camera in EMBODIMENT.cameras)
SERVER_PATIENCE_S = 60.0
_FILM_HEIGHT, _FILM_WIDTH = 360, 480
_INSET = _FILM_HEIGHT // 2
_SMALLEST_PICTURE, _LARGEST_PICTURE = 16, 480


@dataclass(frozen=True, kw_only=True, slots=True)
class StationConfig:
    """Which station: small and hashable, so that every process can make its own.

    Attributes:
        task: name of the task.
        source: who acts, one of `SOURCES`.
        cameras: which of the robot's cameras there are.
        image_size: height and width of their pictures, px.
        checkpoint: of the policy, for source "policy".
        server: address of a policy server, for source "policy" without a checkpoint.
        euler_steps: flow steps of the policy; as the checkpoint says by default.
        execute: actions of a chunk that are played; as the checkpoint says by default.
        episode: whose actions are played, for source "replay".
    """

    task: str
    source: str = "scripted"
    cameras: tuple[str, ...] = CAMERAS
    image_size: tuple[int, int] = (128, 128)
    checkpoint: Path | None = None
    server: str | None = None
    euler_steps: int | None = None
    execute: int | None = None
    episode: Path | None = None

    def __post_init__(self) -> None:
        """Check names and sizes."""
        if self.source not in SOURCES:
            raise UnknownNameError("source", self.source, SOURCES)
        if (self.checkpoint is not None) + (self.server is not None) != (self.source == "policy"):
            raise InputError("source 'policy' goes with a checkpoint or a server, and no other source does.")
        if (self.source == "replay") != (self.episode is not None):
            raise InputError("source 'replay' and the path of an episode go together.")
        for camera in self.cameras:
            if camera not in CAMERAS:
                raise UnknownNameError("camera", camera, CAMERAS)
        if len(set(self.cameras)) < len(self.cameras):
            raise InputError(f"a camera is named twice: {', '.join(self.cameras)}.")
        if not all(_SMALLEST_PICTURE <= side <= _LARGEST_PICTURE for side in self.image_size):
            raise InputError(
                f"image size {self.image_size} must lie between {_SMALLEST_PICTURE} and {_LARGEST_PICTURE} pixels."
            )


@cache
def make_station(config: StationConfig) -> Station:
    """The station of this process; made once, since compiling a world and loading a policy takes a second."""
    from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
    from hlm.runtime.loop import Rig
    from hlm.runtime.station import Station
    from hlm.sim.cameras import SimulatedCameras

    task = _simulated_task(config)
    make_source = _sources(config, task)
    rig = Rig(
        clock=task.world,
        robot=task.robot.__enter__(),
        cameras=SimulatedCameras(task.world, config.cameras, *config.image_size),
        tracker=WholeBodyTracker(EMBODIMENT),
        embodiment=EMBODIMENT,
    )
    return Station(task=task, rig=rig, make_source=make_source)


@cache
def _simulated_task(config: StationConfig) -> SimulatedTask:
    from hlm.sim.tasks.catalog import make_task

    return make_task(config.task, EMBODIMENT)


def _sources(config: StationConfig, task: SimulatedTask) -> Callable[[TaskInstance], ReferenceSource]:
    if config.source == "policy":
        return _policy_sources(config)
    if config.source == "replay":
        actions = recorded_episode(config).action
        return lambda _: _replay(actions)
    return lambda instance: _scripted(task, instance)


def _scripted(task: SimulatedTask, instance: TaskInstance) -> ReferenceSource:
    import numpy as np

    from hlm.sim.tasks.catalog import make_operator
    from hlm.teleop.retargeting import RetargetedSource

    operator = make_operator(task, np.random.default_rng([instance.seed, 1]))
    return RetargetedSource(operator, EMBODIMENT)


def _replay(actions: FloatArray) -> ReferenceSource:
    from hlm.teleop.replay import ReplaySource

    return ReplaySource(actions)


def _policy_sources(config: StationConfig) -> Callable[[TaskInstance], ReferenceSource]:
    from hlm.runtime.policy_source import ChunkConfig, PolicySource

    policy = _policy(config)
    chunks = ChunkConfig(execute=policy.execute if config.execute is None else config.execute)

    def make(instance: TaskInstance) -> ReferenceSource:
        policy.reset(instance.seed)
        return PolicySource(policy, chunks)

    return make


def _policy(config: StationConfig) -> TrainedPolicy | PolicyClient:
    if config.server is not None:
        return _served(config.server)
    import torch

    from hlm.policies.registry import load_policy

    if config.checkpoint is None:
        raise InputError("a policy needs a checkpoint.")
    torch.set_num_threads(1)
    return load_policy(config.checkpoint, euler_steps=config.euler_steps, embodiment=EMBODIMENT.name)


def _served(server: str) -> PolicyClient:
    from hlm.cli.serve import api_key
    from hlm.policies.serving.client import PolicyClient
    from hlm.policies.serving.metadata import Needs

    needs = Needs(embodiment=EMBODIMENT.name, cameras=CAMERAS)
    # The simulation stands still meanwhile, and all workers may be waiting in the server's queue.
    return PolicyClient(server, api_key=api_key(None), timeout_s=SERVER_PATIENCE_S, needs=needs)


def policy_station(config: StationConfig) -> StationConfig:
    """The same station with the cameras that its policy wants.

    Raises:
        HlmError: the policy cannot be had, or not on this robot.
    """
    from hlm.policies.serving.client import PolicyClient

    policy = _policy(config)
    if isinstance(policy, PolicyClient):
        policy.close()  # whoever runs episodes connects for itself
    unknown = [name for name in policy.cameras if name not in CAMERAS]
    if unknown:
        raise MismatchError(
            f"the policy needs camera '{unknown[0]}', and robot '{EMBODIMENT.name}' has {', '.join(CAMERAS)}."
        )
    height, width = policy.image_size
    return replace(config, cameras=tuple(policy.cameras), image_size=(height, width))


def recorded_episode(config: StationConfig) -> Episode:
    """The episode that is to be replayed.

    Raises:
        MissingFileError: the path does not lead to an episode.
        MismatchError: it was recorded on another robot, or at another rate.
    """
    from hlm.datasets.reader import open_dataset

    if config.episode is None:
        raise InputError("a replay needs the path of an episode.")
    dataset = open_dataset(config.episode.parent)
    spec = dataset.spec
    if (spec.embodiment, spec.rate_hz) != (EMBODIMENT.name, ROW_HZ):
        raise MismatchError(
            f"{dataset.path} was recorded on '{spec.embodiment}' at {spec.rate_hz:g} Hz; a replay needs "
            f"'{EMBODIMENT.name}' at {ROW_HZ:g} Hz."
        )
    for episode in dataset.episodes:
        if episode.path.name == config.episode.name:
            return episode
    names = ", ".join(episode.path.name for episode in dataset.episodes[:5])
    raise MissingFileError(f"no episode '{config.episode.name}' in {config.episode.parent}. It begins with: {names}.")


def score(config: StationConfig, film_seeds: frozenset[int], folder: Path, seed: int) -> RolloutResult:
    """Run and score one rollout in this process.

    Args:
        config: the station.
        film_seeds: seeds of which a film is wanted.
        folder: where films go.
        seed: of the scene.
    """
    from hlm.evaluation.rollouts import rollout

    station = make_station(config)
    if seed not in film_seeds:
        return rollout(station, seed, None, None)
    return rollout(station, seed, folder / f"seed_{seed}.mp4", lambda: _film_picture(config, station))


@cache
def _film_cameras(config: StationConfig) -> tuple[SimulatedCameras, SimulatedCameras]:
    from hlm.sim.cameras import SimulatedCameras

    world = _simulated_task(config).world
    room = SimulatedCameras(world, ("spectator",), _FILM_HEIGHT, _FILM_WIDTH, ("sky",))
    return room, SimulatedCameras(world, config.cameras, _INSET, _INSET)


def _film_picture(config: StationConfig, station: Station) -> ByteArray:
    """[360, 660, 3] the room, and beside it what head and right wrist see."""
    import numpy as np

    del station  # the cameras of this process look at it already
    room, own = _film_cameras(config)
    insets = np.concatenate([own.render("head"), own.render("right_wrist")])
    return np.concatenate([room.render("spectator"), insets], axis=1)
