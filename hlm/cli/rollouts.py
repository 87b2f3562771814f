"""Rollouts of a station, some of them filmed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.cli.sources import LocalPolicy
from hlm.cli.stations import StationConfig, open_station

if TYPE_CHECKING:
    from hlm.core.arrays import ByteArray
    from hlm.core.protocols import ReferenceSource
    from hlm.core.task import TaskInstance
    from hlm.core.values import Observation
    from hlm.evaluation.chunk_figures import ChunkFigures
    from hlm.evaluation.film import Look
    from hlm.evaluation.results import RolloutResult
    from hlm.runtime.station import Station
    from hlm.sim.world import World

_ROOM_SIZE_PX = (440, 588)


@contextmanager
def open_rollouts(
    config: StationConfig, film_seeds: frozenset[int], folder: Path
) -> Iterator[Callable[[int], RolloutResult]]:
    """Runs and scores the rollout of a seed in this process.

    Args:
        config: the station.
        film_seeds: seeds of which a film is made.
        folder: where films go.
    """
    from hlm.evaluation.rollouts import rollout

    with ExitStack() as stack:
        station, task = stack.enter_context(open_station(config))
        look = cache(lambda: _film_camera(config, task.world, stack))  # without a film there is no camera
        figures = _metered(station)

        def run(seed: int) -> RolloutResult:
            if seed not in film_seeds:
                return replace(rollout(station, seed), chunks=figures())
            # The camera is opened with the first image, so that one that cannot be had costs the film alone.
            result = rollout(station, seed, folder / f"seed_{seed}.mp4", lambda observation: look()(observation))
            return replace(result, chunks=figures())

        yield run


def _metered(station: Station) -> Callable[[], ChunkFigures | None]:
    """Measures how each episode's chunks are joined; gives the figures of the last one, if they were scheduled."""
    from hlm.evaluation.seams import SeamMeter
    from hlm.runtime.chunks.source import ChunkSource
    from hlm.runtime.policy_source import PolicySource

    meters: list[SeamMeter] = []
    make_source = station.make_source

    def make(instance: TaskInstance) -> ReferenceSource:
        source = make_source(instance)
        meters.clear()
        if not isinstance(source, ChunkSource) or isinstance(source, PolicySource):
            return source
        meters.append(SeamMeter(source))
        return meters[0]

    station.make_source = make
    return lambda: meters[0].figures() if meters else None


def _film_camera(config: StationConfig, world: World, stack: ExitStack) -> Look:
    """Takes images of the room, with the images that the source of references was just given beside it."""
    from hlm.evaluation.film_image import film_image
    from hlm.sim.cameras import SimulatedCameras

    room = stack.enter_context(SimulatedCameras(world, ("spectator",), *_ROOM_SIZE_PX, ("sky",)))
    seen = _as_network_sees(config)

    def look(observation: Observation) -> ByteArray:
        frames = observation.frames
        views = {name: seen(frames[name].image) if name in frames else None for name in config.cameras}
        return film_image(room.render("spectator"), views, observation.instruction)

    return look


def _as_network_sees(config: StationConfig) -> Callable[[ByteArray], ByteArray]:
    """What a policy in this process makes of an image that it gets; a server's stays its secret, so as it is sent."""
    if not isinstance(config.source, LocalPolicy):
        return lambda image: image
    from hlm.policies.checkpoint_config import read_config
    from hlm.policies.transforms.letterbox import letterbox

    size = read_config(config.source.checkpoint).encoding.image_size
    return lambda image: letterbox(image, size)
