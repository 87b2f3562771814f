"""How many processes an evaluation runs in: as many as there are cores, and as the memory has room for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hlm.cli.memory import free_memory_bytes
from hlm.cli.sources import LocalPolicy, ServedPolicy
from hlm.cli.tables import console

if TYPE_CHECKING:
    from hlm.cli.stations import StationConfig
    from hlm.evaluation.plan import Plan

# Each worker is a client; a server takes 16 by default, and others may be there.
WORKERS_OF_A_SERVER = 8
# Private memory after rollouts of the shipped policy and the scripted operator, drawn by Mesa's software renderer:
# 172 MB for the station, 190 MB for a film, 280 MB for torch with a network of 5 MB. Rounded up.
_STATION_BYTES = 200_000_000
_FILM_BYTES = 200_000_000
_TORCH_BYTES = 300_000_000
_WEIGHTS = 2.5  # while a policy is loaded, its file's tensors, the network's, and what converting them takes


def workers_told(plan: Plan, station: StationConfig) -> int:
    """Number of worker processes; a note is printed if the memory allows fewer than would be."""
    workers, why = worker_count(plan, station)
    if why:
        console().print(f"note: {why}", soft_wrap=True)
    return workers


def worker_count(plan: Plan, station: StationConfig) -> tuple[int, str]:
    """Number of worker processes, and a line if the memory allows fewer than would be.

    Args:
        plan: the evaluation.
        station: where it happens.
    """
    cores = len(os.sched_getaffinity(0))
    usual = min(cores, WORKERS_OF_A_SERVER) if isinstance(station.source, ServedPolicy) else cores
    wanted = min(plan.workers or usual, plan.rollouts)
    free, need = free_memory_bytes(), worker_bytes(plan, station)
    if free is None or wanted == 1:
        return wanted, ""
    possible = max(1, free // need)
    if possible >= wanted:
        return wanted, ""
    from humanize import naturalsize

    return possible, (
        f"{possible} of {wanted} workers, because each takes about {naturalsize(need)} and {naturalsize(free)} are free"
    )


def worker_bytes(plan: Plan, station: StationConfig) -> int:
    """Memory that a worker of an evaluation has for itself; libraries are shared between workers."""
    need = _STATION_BYTES + (_FILM_BYTES if plan.videos else 0)
    if isinstance(station.source, LocalPolicy):
        from hlm.policies.checkpoint_config import WEIGHTS_FILE

        weights = (station.source.checkpoint / WEIGHTS_FILE).stat().st_size
        need += _TORCH_BYTES + round(_WEIGHTS * weights)
    return need
