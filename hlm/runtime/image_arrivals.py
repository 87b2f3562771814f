"""When images come, so that a loop of the same rate can look right after them and not just before."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from hlm.core.clock import NS_PER_S, Clock, due_ns, slot_at, ticks
from hlm.core.protocols import Cameras

_LOOK_HZ = 1000.0
# Images that come later than this share of them wait for the next step.
_SHARE = 0.9


class ImageArrival(NamedTuple):
    """New images of all cameras.

    Attributes:
        captured_ns: stamp of the oldest of them.
        seen_ns: instant at which the last of them was there.
    """

    captured_ns: int
    seen_ns: int


def image_arrivals(cameras: Cameras, clock: Clock, until_ns: int) -> list[ImageArrival]:
    """What arrives until `until_ns`; a camera that fails here is left to whoever looks next."""
    arrivals: list[ImageArrival] = []
    newest_ns: int | None = None
    with suppress(Exception):
        for _ in ticks(clock, _LOOK_HZ):
            stamps_ns = [frame.stamp_ns for frame in cameras.capture().values()]
            now_ns = clock.now_ns()
            if stamps_ns and newest_ns is not None and min(stamps_ns) > newest_ns:
                arrivals.append(ImageArrival(min(stamps_ns), now_ns))
            if stamps_ns:
                newest_ns = min(stamps_ns)
            if now_ns >= until_ns:
                break
    return arrivals


def slot_after_images(arrivals: Sequence[ImageArrival], now_ns: int, rate_hz: float) -> int:
    """First instant after `now_ns` of the grid of `rate_hz` whose slots come soon after nine tenths of the images.

    Args:
        arrivals: of images so far; `now_ns` itself is given back without any.
        now_ns: the present.
        rate_hz: of the grid, and of the cameras: with another one, any grid is as good.
    """
    if not arrivals:
        return now_ns
    first_ns, period_ns = arrivals[0].seen_ns, NS_PER_S / rate_hz
    since_ns = np.array([arrival.seen_ns - first_ns for arrival in arrivals])
    # Phases around that of the first image, which may itself have been early or late by half a period.
    phases_ns = np.sort((since_ns + 0.5 * period_ns) % period_ns) - 0.5 * period_ns
    origin_ns = first_ns + round(float(phases_ns[int(_SHARE * (len(phases_ns) - 1))]))
    if origin_ns > now_ns:
        return origin_ns
    return due_ns(origin_ns, slot_at(origin_ns, now_ns, rate_hz) + 1, rate_hz)
