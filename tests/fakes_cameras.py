"""Cameras that obey, where a process that is spawned can import them."""

import os
import signal

import numpy as np

from hlm.core.clock import MonotonicClock
from hlm.core.errors import LostError
from hlm.core.shared_ring import SharedRing
from hlm.core.values import CameraFrame

ORDERS = np.dtype([("order", "S16")])
HEIGHT, WIDTH = 24, 32


def noise(count, height=HEIGHT, width=WIDTH):
    return np.random.default_rng(count).integers(0, 256, (height, width, 3), np.uint8)


class Remote:
    """Orders to cameras in another process."""

    def __init__(self):
        self.ring = SharedRing(ORDERS)

    def order(self, order):
        records = np.zeros(1, ORDERS)
        records["order"][0] = order.encode()
        self.ring.append(records[0])

    def current(self):
        record = self.ring.newest()
        return "" if record is None else bytes(record["order"]).decode()


class ObedientCameras:
    """Images of noise, and whatever is ordered: see `_carry_out`."""

    def __init__(self, remote, names=("head",), clock=None):
        self._remote, self._names = remote, names
        self._clock = MonotonicClock() if clock is None else clock
        self._count = 0

    def __enter__(self):
        if self._remote.current() == "refuse":
            raise LostError("no camera at /dev/video7. Plug it in.")
        return self

    def __exit__(self, *_):
        if self._remote.current() == "stay":
            MonotonicClock().wait_until(self._clock.now_ns() + 60_000_000_000)

    def capture(self):
        self._count += 1
        return self._carry_out(self._remote.current())

    def _carry_out(self, order):
        now_ns = self._clock.now_ns()
        if order == "hang":
            self._clock.wait_until(now_ns + 60_000_000_000)
        if order == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if order in ("break", "refuse"):
            raise LostError("no picture within\n1 s")
        image = noise(7 if order == "freeze" else self._count)
        if order == "black":
            image[:] = self._count % 3
        names = self._names[:1] if order == "lack" else self._names
        return {name: CameraFrame(1 if order == "old" else now_ns, image) for name in names}
