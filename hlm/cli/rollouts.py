"""Rollouts of a station, some of them filmed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.cli.stations import StationConfig, open_station

if TYPE_CHECKING:
    from hlm.core.arrays import ByteArray
    from hlm.evaluation.results import RolloutResult
    from hlm.sim.world import World

_ROOM_SIZE_PX = (360, 480)
_INSET_PX = _ROOM_SIZE_PX[0] // 2
_INSETS = ("head", "right_wrist")


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
        look = cache(partial(_film_camera, task.world, stack))  # only whoever films pays for the cameras

        def run(seed: int) -> RolloutResult:
            if seed not in film_seeds:
                return rollout(station, seed, None, None)
            return rollout(station, seed, folder / f"seed_{seed}.mp4", look())

        yield run


def _film_camera(world: World, stack: ExitStack) -> Callable[[], ByteArray]:
    """Takes [360, 660, 3] images of the room, with what head and right wrist see beside it."""
    import numpy as np

    from hlm.sim.cameras import SimulatedCameras

    room = stack.enter_context(SimulatedCameras(world, ("spectator",), *_ROOM_SIZE_PX, ("sky",)))
    own = stack.enter_context(SimulatedCameras(world, _INSETS, _INSET_PX, _INSET_PX))

    def look() -> ByteArray:
        insets = np.concatenate([own.render(name) for name in _INSETS])
        return np.concatenate([room.render("spectator"), insets], axis=1)

    return look
