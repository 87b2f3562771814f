"""Processes with a body's tick rate and less of its care: what its punctuality is held against."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.arrays import FloatArray
from hlm.core.clock import MonotonicClock, ticks
from hlm.core.processes import Leash
from hlm.core.protocols import Robot
from hlm.core.realtime import RealtimeConfig, be_on_time
from hlm.core.shared_ring import SharedRing

CONTROL_HZ, BODY_PRIORITY = 100.0, 50
TICK = np.dtype([("due_ns", np.int64), ("woke_ns", np.int64), ("skipped", np.int64)])


def bare_grid(leash: Leash, ring: SharedRing) -> None:
    """Job of a process: an absolute grid that does nothing."""
    clock = MonotonicClock()
    be_on_time(RealtimeConfig(priority=BODY_PRIORITY))
    leash.ready()
    for tick in ticks(clock, CONTROL_HZ):
        _note(ring, tick.due_ns, clock.now_ns(), tick.skipped)
        if leash.released():
            return


def lerobot_style(
    leash: Leash,
    ring: SharedRing,
    make_robot: Callable[[], Robot],
    make_tracker: Callable[[], WholeBodyTracker],
    priority: int,
) -> None:
    """Job of a process: the body's work, as LeRobot 0.6.1 paces its loops; its commands go nowhere.

    Args:
        leash: of the process.
        ring: takes each tick.
        make_robot: makes the robot that is read.
        make_tracker: makes the tracker.
        priority: of SCHED_FIFO; 0, as in LeRobot, leaves everything as it is.
    """
    from lerobot.utils.robot_utils import precise_sleep

    robot, tracker = make_robot(), make_tracker()
    tracker.reset(robot.read())
    tracker.step(robot.read())
    if priority:
        be_on_time(RealtimeConfig(priority=priority))
    leash.ready()
    begin_ns, index = time.monotonic_ns(), 0
    while not leash.released():
        start_s = time.perf_counter()
        _note(ring, begin_ns + round(index * 1e9 / CONTROL_HZ), time.monotonic_ns(), 0)
        tracker.step(robot.read())
        precise_sleep(max(1.0 / CONTROL_HZ - (time.perf_counter() - start_s), 0.0))
        index += 1


def _note(ring: SharedRing, due_ns: int, woke_ns: int, skipped: int) -> None:
    records = np.zeros(1, TICK)
    records[0] = (due_ns, woke_ns, skipped)
    ring.append(records[0])


def noted(ring: SharedRing, begin_ns: int, end_ns: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Due times, wake-ups and skipped slots of the ticks between two instants."""
    records = np.array(ring.since(0).records)
    inside = records[(records["woke_ns"] >= begin_ns) & (records["woke_ns"] <= end_ns)]
    return inside["due_ns"], inside["woke_ns"], inside["skipped"]
