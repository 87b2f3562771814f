"""How punctual a body in real time is, with cameras, recorder and policy beside it, and where a picture's time goes.

Everything runs at once: a robot in simulation, its body, three cameras, a recorder, a policy that computes without
pause, the 30 Hz loop; and two rivals with the same tick rate: a bare absolute grid that does nothing, with the body's
priority, and the body's own work in LeRobot's style, which waits for what is left of each period: as it is, and with
the body's priority, which shows the pacing alone.

`python scripts/bench/loop.py --seconds 60 --json runs/bench/loop.json`
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from loop_parts.figures import on_grid, on_own_grid, percentiles, relative
from loop_parts.rivals import BODY_PRIORITY, CONTROL_HZ, TICK, bare_grid, lerobot_style

from hlm.cameras.camera_process import CameraProcess
from hlm.cameras.delivery import DeliveryConfig
from hlm.cameras.image_checks import ImageChecks
from hlm.cli.sources import CAMERAS, EMBODIMENT, LocalPolicy, open_policy
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ, MonotonicClock, Tick, ticks
from hlm.core.processes import ChildProcess
from hlm.core.proprioception import measured_state
from hlm.core.realtime import preferred
from hlm.core.shared_ring import SharedRing
from hlm.core.values import Observation, Reference
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.runtime.bodies.body_records import BodyReport
from hlm.runtime.bodies.realtime import RealtimeBody
from hlm.runtime.chunks.asking import Status
from hlm.runtime.image_arrivals import image_arrivals, slot_after_images
from hlm.runtime.loop import LoopConfig
from hlm.runtime.policy_process import PolicyProcess
from hlm.runtime.recorder_process import RecorderProcess, RecordingPlan
from hlm.sim.cameras import SimulatedCameras
from hlm.sim.graphics import use_headless_rendering
from hlm.sim.realtime.mirror import Mirror
from hlm.sim.realtime.mirrored_cameras import MirroredCameras
from hlm.sim.realtime.plant import PlantConfig
from hlm.sim.realtime.plant_process import PlantProcess
from hlm.sim.tasks.catalog import make_task

LOOP_PRIORITY, CAMERA_PRIORITY = 20, 10
ROWS = ("body", "bare grid", "LeRobot style", "its pacing")
INSTRUCTION = "put the red cup on the high shelf"
WARM_UP_S = 3.0


def main() -> None:
    """Run, print a table, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long")
    parser.add_argument("--task", default="shelf_cup_transfer", help="name of the task")
    parser.add_argument("--checkpoint", type=Path, default=Path("policies/shipped/shelf_cup_transfer"))
    parser.add_argument("--image-size", type=int, default=96, help="height and width of the images, px")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    use_headless_rendering()
    figures = measure(arguments)
    show(figures)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Figures of one run."""
    size = (arguments.image_size, arguments.image_size)
    with ExitStack() as stack:
        world = make_task(arguments.task, EMBODIMENT).world
        plant = stack.enter_context(PlantProcess(PlantConfig(task=arguments.task, seed=0), world))
        make_tracker = partial(WholeBodyTracker, EMBODIMENT)
        body = stack.enter_context(RealtimeBody(plant.make_robot(), make_tracker, EMBODIMENT))
        make_cameras = partial(cameras_of, arguments.task, plant.worlds, size)
        delivery = DeliveryConfig(rate_hz=STEP_HZ, nice=0, checks=ImageChecks(frozen_after_s=None))
        cameras = stack.enter_context(CameraProcess("cameras", make_cameras, CAMERAS, delivery))
        policy = stack.enter_context(_policy(arguments.checkpoint, size))
        recorder = stack.enter_context(_recorder(arguments.task, size))
        slots = round((arguments.seconds + 60.0) * CONTROL_HZ)
        grid, style, urgent_style = (SharedRing(TICK, slots) for _ in range(3))
        rivals: list[ChildProcess] = []
        for name, job, ring, parts in (
            ("bare grid", bare_grid, grid, ()),
            ("LeRobot style", lerobot_style, style, (plant.make_robot(), make_tracker, 0)),
            ("its pacing", lerobot_style, urgent_style, (plant.make_robot(), make_tracker, BODY_PRIORITY)),
        ):
            rivals.append(ChildProcess(name, job, ring, *parts).start())
            stack.callback(rivals[-1].stop)
        for rival in rivals:
            rival.wait_ready(120.0)
        bench = Bench(body, cameras, policy, recorder)
        with preferred(LOOP_PRIORITY) as notes:
            body.reset()
            start_ns = bench.first_tick_ns()
            bench.run(start_ns, arguments.seconds)
        end_ns = start_ns + round(arguments.seconds * 1e9)
        begin_ns = start_ns + round(WARM_UP_S * 1e9)
        shown = Mirror(world, plant.worlds).refresh()
        return {
            "load": os.getloadavg(),
            "notes": [*body.notes, *plant.notes, *notes],
            "status": str(body.status.state),
            "body": on_grid([r for r in bench.reports if begin_ns <= r.due_ns <= end_ns]),
            "bare grid": on_own_grid(grid, begin_ns, end_ns),
            "LeRobot style": relative(style, begin_ns, end_ns),
            "its pacing": relative(urgent_style, begin_ns, end_ns),
            "camera to command": bench.latency(begin_ns, end_ns),
            "loop": bench.loop_figures(),
            "chunks": bench.chunks,
            "simulation late steps": None if shown is None else shown.late_steps,
        }


class Bench:
    """The 30 Hz loop of the bench: it stands, and passes every picture on."""

    def __init__(
        self, body: RealtimeBody, cameras: CameraProcess, policy: PolicyProcess, recorder: RecorderProcess
    ) -> None:
        self._body, self._cameras, self._policy, self._recorder = body, cameras, policy, recorder
        self._clock = MonotonicClock()
        self._passed: list[tuple[int, int, int]] = []  # capture, tick and push of each reference
        self._rendered_s: list[float] = []
        self.reports: list[BodyReport] = []
        self.chunks = self._skipped = 0
        self._taken: dict[int, BodyReport] = {}

    def first_tick_ns(self) -> int:
        """When the loop's grid begins: as that of a deployment."""
        until_ns = self._clock.now_ns() + round(LoopConfig().settle_s * 1e9)
        arrivals = image_arrivals(self._cameras, self._clock, until_ns)
        self._rendered_s = [(arrival.seen_ns - arrival.captured_ns) * 1e-9 for arrival in arrivals]
        return slot_after_images(arrivals, self._clock.now_ns(), STEP_HZ)

    def run(self, start_ns: int, seconds: float) -> None:
        """Step until the time is over."""
        vector = measured_state(self._body.read(), None)[0]
        for tick in ticks(self._clock, STEP_HZ, start_ns):
            if tick.due_ns > start_ns + seconds * 1e9 or not self._body.status.tracking:
                return
            self._step(tick, vector)

    def _step(self, tick: Tick, vector: FloatArray) -> None:
        woke_ns = self._clock.now_ns()
        self._skipped += tick.skipped
        frames = self._cameras.capture()
        state, _ = measured_state(self._body.read(), None)
        if frames:
            self._body.push(Reference(tick.due_ns, vector))
            captured_ns = min(frame.stamp_ns for frame in frames.values())
            self._passed.append((captured_ns, woke_ns, self._clock.now_ns()))
        poll = self._policy.poll()
        if poll.status is not Status.WAITING:
            self.chunks += poll.chunk is not None
            self._policy.request(Observation(tick.due_ns, state, frames, INSTRUCTION))
        images = {name: frame.image for name, frame in frames.items()}
        age_s = {"state": 0.0} | {f"image_{name}": 0.0 for name in images}
        self._recorder.append(Step(stamp_ns=tick.due_ns, state=state, action=vector, images=images, age_s=age_s))
        self.reports += self._body.reports()

    def latency(self, begin_ns: int, end_ns: int) -> dict[str, dict[str, float]]:
        """Where the time from a picture to the joint command that carries it went, ms."""
        parts: dict[str, list[float]] = {name: [] for name in ("picture", "loop", "slot", "step", "total")}
        reports = iter(self.reports)
        report = next(reports, None)
        for captured_ns, woke_ns, pushed_ns in self._passed:
            while report is not None and report.woke_ns < pushed_ns:
                report = next(reports, None)
            if report is None or not begin_ns <= woke_ns <= end_ns:
                continue
            instants = (captured_ns, woke_ns, pushed_ns, report.woke_ns, report.done_ns)
            for name, since, until in zip(parts, instants, instants[1:], strict=False):
                parts[name].append((until - since) * 1e-6)
            parts["total"].append((report.done_ns - captured_ns) * 1e-6)
        parts["rendering alone"] = [1e3 * duration_s for duration_s in self._rendered_s]
        rendering_ms = float(np.median(parts["rendering alone"]))
        parts["total without rendering"] = [value - rendering_ms for value in parts["total"]]
        return {name: percentiles(values, (50.0, 99.0)) for name, values in parts.items()}

    def loop_figures(self) -> dict[str, int]:
        """Steps that the loop made and missed."""
        return {"steps": len(self._passed), "skipped": self._skipped}


def cameras_of(task: str, worlds: SharedRing, size: tuple[int, int]) -> MirroredCameras:
    """The robot's cameras in a mirror of the simulation."""
    world = make_task(task, EMBODIMENT).world
    # Rendering stands for hardware that no other program of the machine delays.
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(CAMERA_PRIORITY))
    return MirroredCameras(SimulatedCameras(world, CAMERAS, *size), Mirror(world, worlds))


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables."""
    columns = ("p50 ms", "p99 ms", "p99.9 ms", "worst ms", "skipped", "drift ms/min", "ticks")
    print(f"{'lateness':<16}" + "".join(f"{name:>14}" for name in columns))
    for name in ROWS:
        print(f"{name:<16}" + "".join(f"{figures[name][column]:>14}" for column in columns))
    ratio = figures["body"]["p99 ms"] / figures["bare grid"]["p99 ms"]
    step = figures["body"]["step p50 ms"], figures["body"]["step p99 ms"]
    print(f"body p99 / bare p99: {ratio:.2f}; a step of the body takes {step[0]} ms, p99 {step[1]} ms\n")
    print(f"{'camera to command':<24}{'p50 ms':>10}{'p99 ms':>10}")
    for name, values in figures["camera to command"].items():
        print(f"{name:<24}{values['p50 ms']:>10}{values['p99 ms']:>10}")
    for name in ("loop", "chunks", "simulation late steps", "status", "load", "notes"):
        print(f"{name}: {figures[name]}")


@contextmanager
def _policy(checkpoint: Path, size: tuple[int, int]) -> Iterator[PolicyProcess]:
    make: Callable[[], Any] = partial(open_policy, LocalPolicy(checkpoint=checkpoint))
    with make() as policy:
        spec = policy.spec
    with PolicyProcess(make, spec, dict.fromkeys(CAMERAS, size), INSTRUCTION) as process:
        yield process


@contextmanager
def _recorder(task: str, size: tuple[int, int]) -> Iterator[RecorderProcess]:
    spec = DatasetSpec(embodiment=EMBODIMENT.name, rate_hz=STEP_HZ, cameras=dict.fromkeys(CAMERAS, size))
    info = EpisodeInfo(instruction=INSTRUCTION, source="policy", operator="bench", task=task)
    inputs = ("state", *(f"image_{name}" for name in CAMERAS))
    with tempfile.TemporaryDirectory() as folder:
        plan = RecordingPlan(path=Path(folder) / "bench.zarr", spec=spec, info=info, inputs=inputs)
        with RecorderProcess(plan) as recorder:
            yield recorder


if __name__ == "__main__":
    main()
