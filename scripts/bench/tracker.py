"""Whole-body tracker on standard motions in MuJoCo: falls, tracking errors and time per tick, over noise and seeds.

`python scripts/bench/tracker.py --motions squat forward_0.2 --noise 0 0.02 --seeds 10 --json runs/tracker.json`
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import mujoco
import numpy as np

from hlm.control.model import BodyModel, Configuration
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.errors import TrackingError
from hlm.core.layout import MOTOR_LEGS
from hlm.core.rotations import matrix_from_quat, roll_pitch_yaw_from_quat, wrap_angle
from hlm.core.values import Reference
from hlm.sim.motions import NAMES, Motion, find_motion, stream
from hlm.sim.robot import SimulatedRobot
from hlm.sim.robot_model import add_robot
from hlm.sim.world import World, set_physics_options

EMBODIMENT = find_embodiment("unitree_g1")
TICK_HZ = 100.0
AFTER_S = 0.5  # observed time after the end of the stream


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run.

    Attributes:
        motion: name of the motion.
        noise_rad: standard deviation of the noise on each joint of the reference.
        payload_kg: mass in the right hand that the tracker does not know.
        seed: seed of the noise.
    """

    motion: str
    noise_rad: float
    payload_kg: float
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Result of one run; errors are relative to the noise-free reference that is played, `lag_s` old.

    Attributes:
        run: the run.
        fell: whether the trunk tipped over or the pelvis dropped.
        duration_s: simulated time until the end or the fall.
        leg_rad: RMS error of the leg joints.
        arm_rad: RMS error of the waist and arm joints.
        pelvis_m: RMS error of the pelvis height.
        hand_m: RMS position error of the hands in the pelvis frame.
        end_m: horizontal distance of the pelvis from the end of the motion.
        heading_rad: heading error at the end.
        lag_s: largest lag of the reference.
        unsolved: ticks in which the QP was infeasible.
        step_ms: mean time of a tick.
        step_p99_ms: 99th percentile of the time of a tick.
        push_ms: mean time to add a reference.
        real_time_factor: simulated seconds per second of tracking and physics.
    """

    run: Run
    fell: bool
    duration_s: float
    leg_rad: float
    arm_rad: float
    pelvis_m: float
    hand_m: float
    end_m: float
    heading_rad: float
    lag_s: float
    unsolved: int
    step_ms: float
    step_p99_ms: float
    push_ms: float
    real_time_factor: float


def make_world(payload_kg: float) -> World:
    """A robot on a floor, with a payload in the right hand."""
    spec = mujoco.MjSpec()
    set_physics_options(spec)
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[5, 5, 1], contype=7, conaffinity=7)
    add_robot(spec, EMBODIMENT)
    if payload_kg > 0.0:
        held = spec.body("right_palm").add_body(pos=[0.08, 0, 0])
        held.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.03, 0, 0], mass=payload_kg, contype=0, conaffinity=0)
    return World(spec.compile())


def perform(run: Run, motion: Motion) -> Result:
    """Track a motion and measure the errors."""
    world = make_world(run.payload_kg)
    robot = SimulatedRobot(world, EMBODIMENT)
    tracker = WholeBodyTracker(EMBODIMENT)
    world.reset()
    first = motion.poses[0]
    robot.place(first.position_pelvis_in_world_m, first.quat_world_from_pelvis_wxyz, first.joint_position_rad)
    world.forward()
    log = _Log(motion, tracker, robot, world)
    vectors = stream(motion, run.noise_rad, np.random.default_rng(run.seed))
    start_s = time.perf_counter()
    with robot:
        tracker.reset(robot.read())
        for step in range(len(vectors) + round(AFTER_S * STEP_HZ)):
            if step < len(vectors):
                log.push(Reference(round(step * NS_PER_S / STEP_HZ), vectors[step]))
            for tick_ns in _ticks(step):
                world.wait_until(tick_ns)
                log.step()
            if log.fell:
                break
    wall_s = time.perf_counter() - start_s
    return log.result(run, wall_s)


def _ticks(step: int) -> Iterator[int]:
    """Instants of the tracker's ticks between a step of the stream and the next, ns."""
    first = int(np.ceil(step / STEP_HZ * TICK_HZ - 1e-9))
    after = int(np.ceil((step + 1) / STEP_HZ * TICK_HZ - 1e-9))
    for tick in range(first, after):
        yield round(tick * NS_PER_S / TICK_HZ)


class _Log:
    """Collects errors and times of a run."""

    def __init__(self, motion: Motion, tracker: WholeBodyTracker, robot: SimulatedRobot, world: World) -> None:
        self._motion, self._tracker, self._robot, self._world = motion, tracker, robot, world
        self._step_s: list[float] = []
        self._push_s: list[float] = []
        self._errors: list[tuple[float, float, float, float]] = []
        self._lag_s = 0.0
        self.fell = False

    def push(self, reference: Reference) -> None:
        start_s = time.perf_counter()
        self._tracker.push(reference)
        self._push_s.append(time.perf_counter() - start_s)

    def step(self) -> None:
        robot, tracker = self._robot, self._tracker
        state = robot.read()
        start_s = time.perf_counter()
        try:
            command = tracker.step(state)
        except TrackingError:
            self.fell = True
            return
        self._step_s.append(time.perf_counter() - start_s)
        robot.command(command)
        self.fell = self.fell or robot.pelvis_uprightness() < 0.3 or robot.pelvis_height_m() < 0.25
        self._lag_s = max(self._lag_s, tracker.lag_s)
        played = round((state.stamp_ns / NS_PER_S - tracker.lag_s) * STEP_HZ)
        reference = self._motion.poses[min(max(played, 0), len(self._motion.poses) - 1)]
        squared = (state.joint_position_rad - reference.joint_position_rad) ** 2
        legs, upper_body = np.mean(squared[MOTOR_LEGS]), np.mean(squared[MOTOR_LEGS.stop :])
        height_m = robot.pelvis_height_m() - reference.position_pelvis_in_world_m[2]
        self._errors.append((legs, upper_body, height_m**2, self._hands(reference)))

    def _hands(self, reference: Configuration) -> float:
        """Mean squared position error of the hands in the pelvis frame, whose position is free, m2."""
        position_m, quat_wxyz = self._robot.true_base()
        rotation = matrix_from_quat(quat_wxyz)
        pelvis = self._tracker.model.pose_world_from("pelvis", reference)
        total = 0.0
        for side in ("left", "right"):
            measured_m = rotation.T @ (self._world.data.site(f"{side}_grip").xpos - position_m)
            grip_m = self._tracker.model.pose_world_from(f"{side}_grip", reference)[:3, 3]
            reference_m = pelvis[:3, :3].T @ (grip_m - pelvis[:3, 3])
            total += 0.5 * float(np.sum((measured_m - reference_m) ** 2))
        return total

    def result(self, run: Run, wall_s: float) -> Result:
        position_m, quat_wxyz = self._robot.true_base()
        end = self._motion.poses[-1]
        yaws = [roll_pitch_yaw_from_quat(quat)[2] for quat in (quat_wxyz, end.quat_world_from_pelvis_wxyz)]
        leg, arm, pelvis, hand = (float(value) for value in np.sqrt(np.mean(self._errors, axis=0)))
        duration_s = self._world.now_ns() / NS_PER_S
        return Result(
            run=run,
            fell=bool(self.fell),
            duration_s=duration_s,
            leg_rad=leg,
            arm_rad=arm,
            pelvis_m=pelvis,
            hand_m=hand,
            end_m=float(np.hypot(*(position_m - end.position_pelvis_in_world_m)[:2])),
            heading_rad=abs(float(wrap_angle(yaws[0] - yaws[1]))),
            lag_s=self._lag_s,
            unsolved=self._tracker.unsolved_ticks,
            step_ms=1e3 * float(np.mean(self._step_s)),
            step_p99_ms=1e3 * float(np.quantile(self._step_s, 0.99)),
            push_ms=1e3 * float(np.mean(self._push_s)),
            real_time_factor=duration_s / wall_s,
        )


HEADER = (
    "motion         noise  load  falls  leg rad  arm rad  pelvis mm  hand mm  end cm  heading deg  lag s  "
    "unsolved  step ms   p99  push  x real time"
)


def table_line(results: list[Result]) -> str:
    """One line for the runs of a motion; errors are means over the runs that did not fall."""
    run = results[0].run
    upright = [result for result in results if not result.fell] or results

    def mean(name: str) -> float:
        return float(np.mean([getattr(result, name) for result in upright]))

    return (
        f"{run.motion:13} {run.noise_rad:6.3f} {run.payload_kg:5.1f} "
        f"{sum(result.fell for result in results):3d}/{len(results):<3d}"
        f"{mean('leg_rad'):8.4f} {mean('arm_rad'):8.4f} {1e3 * mean('pelvis_m'):9.1f} {1e3 * mean('hand_m'):9.1f}"
        f"{1e2 * mean('end_m'):8.1f} {np.degrees(mean('heading_rad')):10.1f} {mean('lag_s'):9.2f}"
        f"{mean('unsolved'):9.1f} {mean('step_ms'):9.2f} {mean('step_p99_ms'):6.2f} {mean('push_ms'):5.2f}"
        f"{mean('real_time_factor'):9.2f}"
    )


def main() -> None:
    """Run all combinations and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--motions", nargs="+", default=list(NAMES), choices=list(NAMES))
    parser.add_argument("--noise", nargs="+", type=float, default=[0.0, 0.02])
    parser.add_argument("--payload", nargs="+", type=float, default=[0.0])
    parser.add_argument("--seeds", type=int, default=1, help="runs per noise level; without noise there is one")
    parser.add_argument("--workers", type=int, default=1, help="processes; times are meaningful with one only")
    parser.add_argument("--json", type=Path, help="file for all results")
    options = parser.parse_args()
    model = BodyModel(EMBODIMENT)
    everything: list[Result] = []
    print(HEADER)
    with ProcessPoolExecutor(options.workers) as pool:
        for name in options.motions:
            motion = find_motion(model, name)
            for noise_rad in options.noise:
                for payload_kg in options.payload:
                    runs = [
                        Run(motion=name, noise_rad=noise_rad, payload_kg=payload_kg, seed=seed)
                        for seed in range(options.seeds if noise_rad > 0.0 else 1)
                    ]
                    results = list(pool.map(perform, runs, [motion] * len(runs)))
                    print(table_line(results), flush=True)
                    everything += results
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps([asdict(result) for result in everything], indent=1))


if __name__ == "__main__":
    main()
