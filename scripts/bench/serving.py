"""Latency that serving adds to a policy: round trips over loopback between two processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from multiprocessing.connection import Connection

import numpy as np

from hlm.core.layout import DIMENSIONS
from hlm.core.listening import bind
from hlm.core.policy import ActionPrefix, PolicySpec
from hlm.core.values import ActionChunk, CameraFrame, Observation
from hlm.policies.serving.client import PolicyClient
from hlm.policies.serving.server import PolicyServer
from hlm.runtime.background_policy import BackgroundPolicy
from hlm.runtime.chunks.asking import Status

CAMERAS = ("head", "left_wrist", "right_wrist")
SIDES_PX = (96, 224, 480)
WARM_UP, ROUNDS = 50, 1000


class Instant:
    """A policy that takes no time."""

    def __init__(self) -> None:
        self.spec = PolicySpec(
            policy_type="instant",
            embodiment="unitree_g1",
            rate_hz=30.0,
            cameras=CAMERAS,
            image_size=(224, 224),
            horizon=50,
            execution_horizon=25,
        )
        self._actions = np.zeros((self.spec.horizon, DIMENSIONS))

    def reset(self, seed: int, chunks: int = 0) -> None:
        """Nothing to restart."""

    def chunk(self, observation: Observation, prefix: ActionPrefix | None = None) -> ActionChunk:
        """Zeros."""
        return ActionChunk(observation.stamp_ns, self.spec.rate_hz, self._actions)


def serve(pipe: Connection) -> None:
    """Serve an instant policy until the process is ended."""

    async def run() -> None:
        async with PolicyServer(Instant(), bind("127.0.0.1", 0)) as server:
            pipe.send(server.url)
            await asyncio.Event().wait()

    asyncio.run(run())


def observation(side_px: int, stamp_ns: int) -> Observation:
    """Three square images."""
    image = np.random.default_rng(0).integers(0, 255, (side_px, side_px, 3), dtype=np.uint8)
    frames = {name: CameraFrame(stamp_ns, image) for name in CAMERAS}
    return Observation(stamp_ns, np.ones(DIMENSIONS), frames, "put the red cup on the high shelf")


def report(what: str, durations_s: list[float]) -> None:
    """Median and the slowest hundredth."""
    cuts = statistics.quantiles(durations_s, n=100)
    print(f"{what:<46} median {1e3 * cuts[49]:6.2f} ms   p99 {1e3 * cuts[98]:6.2f} ms   ({len(durations_s)} rounds)")


def round_trips(client: PolicyClient, side_px: int) -> list[float]:
    """Durations of `ROUNDS` chunks, s."""
    durations_s = []
    for number in range(WARM_UP + ROUNDS):
        seen = observation(side_px, number)
        begin_s = time.perf_counter()
        client.chunk(seen)
        durations_s.append(time.perf_counter() - begin_s)
    return durations_s[WARM_UP:]


def calls(client: PolicyClient) -> tuple[list[float], list[float]]:
    """Durations of a control loop's calls of `request` and of `poll`, s."""
    requests_s, polls_s = [], []
    with BackgroundPolicy(client) as background:
        for number in range(ROUNDS):
            seen = observation(224, number)
            begin_s = time.perf_counter()
            background.request(seen)
            requests_s.append(time.perf_counter() - begin_s)
            waiting = True
            while waiting:
                begin_s = time.perf_counter()
                waiting = background.poll().status is Status.WAITING
                polls_s.append(time.perf_counter() - begin_s)
                time.sleep(0.0005)  # noqa: TID251 - gives the other threads their turn
    return requests_s, polls_s


def main() -> None:
    """Print the latency of chunks, and of the calls of a control loop."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    with PolicyClient(here.recv()) as client:
        for side_px in SIDES_PX:
            report(f"round trip, three images of {side_px} x {side_px} px", round_trips(client, side_px))
        requests_s, polls_s = calls(client)
        report("request() of a control loop", requests_s)
        report("poll() of a control loop", polls_s)
    server.terminate()


if __name__ == "__main__":
    main()
