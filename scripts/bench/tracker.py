"""How well the whole-body tracker follows motions in MuJoCo: falls, errors and time per tick, over noise and seeds.

`python scripts/bench/tracker.py --motions squat reach --noise 0 0.02 --seeds 3 --json runs/tracker.json`
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import mujoco
import numpy as np

from hlm.control.inverse_kinematics import BodyTargets, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.control.tracker import WholeBodyTracker
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.layout import pack
from hlm.core.rotations import quat_from_roll_pitch_yaw, roll_pitch_yaw_from_quat
from hlm.core.unitree_g1 import UNITREE_G1
from hlm.core.values import Reference
from hlm.sim.g1 import add_robot
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import World, physics_options

RATE_HZ = 30.0
TICK_HZ = 100.0
STANCE_M = 0.118
UPRIGHT_M = 0.74
NOISE_TIME_CONSTANT_S = 0.1
LATENCY_S = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A pose that a motion passes through, `duration_s` after the one before; hands are positions or free."""

    duration_s: float
    pelvis_m: float = UPRIGHT_M
    roll_pitch_yaw_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    center_m: tuple[float, float] = (0.0, 0.0)
    left_hand_m: tuple[float, float, float] | None = None
    right_hand_m: tuple[float, float, float] | None = None


_STAND = Key(duration_s=1.0)
MOTIONS: dict[str, tuple[Key, ...]] = {
    "stand": (_STAND, Key(duration_s=4.0)),
    "squat": (
        _STAND,
        Key(duration_s=2.0, pelvis_m=0.55),
        Key(duration_s=1.0, pelvis_m=0.55),
        Key(duration_s=2.0),
        _STAND,
    ),
    "deep": (
        _STAND,
        Key(duration_s=2.0, pelvis_m=0.44),
        Key(duration_s=1.0, pelvis_m=0.44),
        Key(duration_s=2.0),
        _STAND,
    ),
    "fast": (_STAND, Key(duration_s=0.8, pelvis_m=0.5), Key(duration_s=0.8), Key(duration_s=0.8, pelvis_m=0.5), _STAND),
    "bend": (
        _STAND,
        Key(duration_s=2.0, pelvis_m=0.68, roll_pitch_yaw_rad=(0.0, 0.6, 0.0)),
        Key(duration_s=1.0, pelvis_m=0.68, roll_pitch_yaw_rad=(0.0, 0.6, 0.0)),
        Key(duration_s=2.0),
        _STAND,
    ),
    "reach": (
        Key(duration_s=1.0, left_hand_m=(0.25, 0.2, 0.85), right_hand_m=(0.25, -0.2, 0.85)),
        Key(
            duration_s=2.0,
            pelvis_m=0.5,
            roll_pitch_yaw_rad=(0.0, 0.5, 0.0),
            left_hand_m=(0.38, 0.15, 0.3),
            right_hand_m=(0.38, -0.15, 0.3),
        ),
        Key(duration_s=2.0, left_hand_m=(0.28, 0.2, 1.25), right_hand_m=(0.28, -0.2, 1.25)),
        Key(duration_s=2.0, left_hand_m=(0.35, 0.35, 1.0), right_hand_m=(0.4, -0.1, 1.0)),
        Key(duration_s=1.0, left_hand_m=(0.35, 0.35, 1.0), right_hand_m=(0.4, -0.1, 1.0)),
    ),
    "lean": (
        _STAND,
        Key(duration_s=1.5, center_m=(0.04, 0.05), roll_pitch_yaw_rad=(0.15, 0.0, 0.0)),
        Key(duration_s=2.0, center_m=(-0.02, -0.05), roll_pitch_yaw_rad=(-0.15, 0.1, 0.3)),
        Key(duration_s=1.5),
        _STAND,
    ),
    # Both hands circle at shoulder width once in 2.5 s: a policy's arm motion while the legs stand.
    "arms": tuple(
        Key(
            duration_s=0.4,
            left_hand_m=(0.32 + 0.08 * np.cos(angle), 0.2, 0.95 + 0.15 * np.sin(angle)),
            right_hand_m=(0.32 - 0.08 * np.cos(angle), -0.2, 0.95 - 0.15 * np.sin(angle)),
        )
        for angle in np.arange(12) * np.pi / 3.0
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One run.

    Attributes:
        motion: its name.
        noise_rad: standard deviation of the noise on each joint's reference.
        payload_kg: unknown mass in the right hand.
        seed: of the noise.
        fell: whether the trunk tipped over or the pelvis dropped.
        duration_s: simulated until the end or the fall.
        leg_rad: root mean square error of leg joints to the noise-free reference of 0.2 s ago.
        arm_rad: the same for arms.
        pelvis_m: root mean square error of the pelvis' height.
        hand_m: root mean square distance of the hands from where the noise-free reference has them, seen from the feet.
        unsolved: ticks without a solution.
        step_ms: mean time of a tick.
        step_p99_ms: 99th percentile.
        push_ms: mean time of taking a reference.
        real_time_factor: simulated seconds per second of tracking and physics.
    """

    motion: str
    noise_rad: float
    payload_kg: float
    seed: int
    fell: bool
    duration_s: float
    leg_rad: float
    arm_rad: float
    pelvis_m: float
    hand_m: float
    unsolved: int
    step_ms: float
    step_p99_ms: float
    push_ms: float
    real_time_factor: float


def poses(model: BodyModel, keys: tuple[Key, ...]) -> list[Configuration]:
    """Configurations on the 30 Hz grid that pass through the keys with minimum jerk."""
    solver = WholeBodyIK(model)
    now = solver.solve(_targets(_numbers(_STAND), (None, None)), Configuration.standing(model.embodiment), 60)
    motion = [now]
    before = _STAND
    for key in keys:
        grips = [model.pose_world_from(f"{side}_grip", now)[:3, 3] for side in ("left", "right")]
        count = round(key.duration_s * RATE_HZ)
        for row in range(1, count + 1):
            share = row / count
            share = share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
            numbers = (1.0 - share) * _numbers(before) + share * _numbers(key)
            hands = tuple(
                None if end is None else start + share * (np.array(end) - start)
                for start, end in zip(grips, (key.left_hand_m, key.right_hand_m), strict=True)
            )
            now = solver.solve(_targets(numbers, hands), now)
            motion.append(now)
        before = key
    return motion


def _numbers(key: Key) -> FloatArray:
    return np.array([key.pelvis_m, *key.roll_pitch_yaw_rad, *key.center_m])


def _targets(numbers: FloatArray, hands: tuple[FloatArray | None, ...]) -> BodyTargets:
    level = np.array([1.0, 0.0, 0.0, 0.0])
    soles = [
        PoseTarget(position_in_world_m=np.array([0.0, side, 0.0]), quat_world_from_frame_wxyz=level)
        for side in (STANCE_M, -STANCE_M)
    ]
    grips = [None if hand is None else PoseTarget(position_in_world_m=hand) for hand in hands]
    return BodyTargets(
        soles=(soles[0], soles[1]),
        grips=(grips[0], grips[1]),
        pelvis_height_m=float(numbers[0]),
        quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(numbers[1:4]),
        center_of_mass_in_world_m=numbers[4:6],
    )


def vectors(motion: list[Configuration], noise_rad: float, seed: int) -> FloatArray:
    """[time, 34] references of a motion, low-passed Gaussian noise on joints, half of it on roll and pitch."""
    random = np.random.default_rng(seed)
    keep = np.exp(-1.0 / RATE_HZ / NOISE_TIME_CONSTANT_S)
    noise = random.normal(size=31)
    yaws = np.unwrap([roll_pitch_yaw_from_quat(pose.quat_world_from_pelvis_wxyz)[2] for pose in motion])
    rates = np.gradient(yaws) * RATE_HZ
    rows = []
    for pose, rate in zip(motion, rates, strict=True):
        roll, pitch, _ = roll_pitch_yaw_from_quat(pose.quat_world_from_pelvis_wxyz)
        root = np.array([roll, pitch, rate])
        root[:2] += 0.5 * noise_rad * noise[29:]
        rows.append(pack(pose.joint_position_rad + noise_rad * noise[:29], np.ones(2), root))
        noise = keep * noise + np.sqrt(1.0 - keep**2) * random.normal(size=31)
    return np.array(rows)


def make_world(payload_kg: float) -> World:
    """A robot on a floor, with a mass in the right hand that the tracker does not know."""
    spec = mujoco.MjSpec()
    physics_options(spec)
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[5, 5, 1], contype=7, conaffinity=7)
    add_robot(spec, UNITREE_G1)
    if payload_kg > 0.0:
        held = spec.body("right_palm").add_body(pos=[0.08, 0, 0])
        held.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.03, 0, 0], mass=payload_kg, contype=0, conaffinity=0)
    return World(spec.compile())


def run(
    name: str,
    motion: list[Configuration],
    noise_rad: float,
    payload_kg: float,
    seed: int,
    make_tracker: Callable[[], WholeBodyTracker],
) -> Result:
    """Play a motion through the tracker and compare."""
    world = make_world(payload_kg)
    robot = SimulatedRobot(world, UNITREE_G1)
    tracker = make_tracker()
    world.reset()
    first = motion[0]
    robot.place(first.position_pelvis_in_world_m, first.quat_world_from_pelvis_wxyz, first.joint_position_rad)
    world.forward()
    log = _Log(motion, tracker.model)
    start_s = time.perf_counter()
    with robot:
        tracker.reset(robot.read())
        for row, vector in enumerate(vectors(motion, noise_rad, seed)):
            log.push(tracker, Reference(round(row * NS_PER_S / RATE_HZ), vector))
            for tick in _ticks(row):
                world.wait_until(tick)
                log.step(tracker, robot, world)
            if log.fell:
                break
    wall_s = time.perf_counter() - start_s
    return Result(
        motion=name,
        noise_rad=noise_rad,
        payload_kg=payload_kg,
        seed=seed,
        unsolved=tracker.unsolved_ticks,
        real_time_factor=world.now_ns() / NS_PER_S / wall_s,
        **log.summary(),
    )


def _ticks(row: int) -> Iterator[int]:
    """Instants of the tracker's ticks between a row of the stream and the next."""
    first = int(np.ceil(row / RATE_HZ * TICK_HZ - 1e-9))
    after = int(np.ceil((row + 1) / RATE_HZ * TICK_HZ - 1e-9))
    for tick in range(first, after):
        yield round(tick * NS_PER_S / TICK_HZ)


class _Log:
    """Errors and times of a run."""

    def __init__(self, motion: list[Configuration], model: BodyModel) -> None:
        self._motion = motion
        self._model = model
        self._step_s: list[float] = []
        self._push_s: list[float] = []
        self._errors: list[tuple[float, float, float, float]] = []
        self._duration_s = 0.0
        self.fell = False

    def push(self, tracker: WholeBodyTracker, reference: Reference) -> None:
        start_s = time.perf_counter()
        tracker.push(reference)
        self._push_s.append(time.perf_counter() - start_s)

    def step(self, tracker: WholeBodyTracker, robot: SimulatedRobot, world: World) -> None:
        state = robot.read()
        start_s = time.perf_counter()
        command = tracker.step(state)
        self._step_s.append(time.perf_counter() - start_s)
        robot.command(command)
        self._duration_s = state.stamp_ns / NS_PER_S
        self.fell = self.fell or robot.upright() < 0.3 or robot.pelvis_height_m() < 0.25
        row = round((self._duration_s - LATENCY_S) * RATE_HZ)
        wanted = self._motion[min(max(row, 0), len(self._motion) - 1)]
        joints = state.joint_position_rad - wanted.joint_position_rad
        height = robot.pelvis_height_m() - wanted.position_pelvis_in_world_m[2]
        self._errors.append(
            (np.mean(joints[:12] ** 2), np.mean(joints[15:] ** 2), height**2, self._hands(world, wanted))
        )

    def _hands(self, world: World, wanted: Configuration) -> float:
        """Mean squared distance of the hands from where they should be, from the middle of the soles."""
        soles = np.mean([world.data.body(link).xpos for link in UNITREE_G1.sole_links], axis=0)
        total = 0.0
        middle = np.mean([self._model.pose_world_from(link, wanted)[:3, 3] for link in UNITREE_G1.sole_links], axis=0)
        for side in ("left", "right"):
            place = world.data.site(f"{side}_grip").xpos - soles
            total += 0.5 * float(
                np.sum((place - (self._model.pose_world_from(f"{side}_grip", wanted)[:3, 3] - middle)) ** 2)
            )
        return total

    def summary(self) -> dict[str, float]:
        leg, arm, pelvis, hand = np.sqrt(np.mean(self._errors, axis=0))
        return {
            "fell": self.fell,
            "duration_s": self._duration_s,
            "leg_rad": float(leg),
            "arm_rad": float(arm),
            "pelvis_m": float(pelvis),
            "hand_m": float(hand),
            "step_ms": 1e3 * float(np.mean(self._step_s)),
            "step_p99_ms": 1e3 * float(np.quantile(self._step_s, 0.99)),
            "push_ms": 1e3 * float(np.mean(self._push_s)),
        }


HEADER = (
    "motion    noise  load  falls  leg rad  arm rad  pelvis mm  hand mm  unsolved  step ms   p99   push  x real time"
)


def table_line(results: list[Result]) -> str:
    """One line for the runs of a motion at a noise and payload."""
    one = results[0]

    def mean(name: str) -> float:
        return float(np.mean([getattr(result, name) for result in results]))

    return (
        f"{one.motion:8} {one.noise_rad:6.3f} {one.payload_kg:5.1f} "
        f"{sum(result.fell for result in results):3d}/{len(results):<3d}"
        f"{mean('leg_rad'):8.4f} {mean('arm_rad'):8.4f} {1e3 * mean('pelvis_m'):9.1f} {1e3 * mean('hand_m'):9.1f}"
        f"{mean('unsolved'):9.1f} {mean('step_ms'):9.2f} {mean('step_p99_ms'):6.2f} {mean('push_ms'):6.2f}"
        f"{mean('real_time_factor'):9.2f}"
    )


def main() -> None:
    """Run the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--motions", nargs="+", default=list(MOTIONS), choices=list(MOTIONS))
    parser.add_argument("--noise", nargs="+", type=float, default=[0.0, 0.02])
    parser.add_argument("--payload", nargs="+", type=float, default=[0.0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = BodyModel(UNITREE_G1)
    everything: list[Result] = []
    print(HEADER)
    for name in options.motions:
        motion = poses(model, MOTIONS[name])
        for noise_rad in options.noise:
            for payload_kg in options.payload:
                results = [
                    run(name, motion, noise_rad, payload_kg, seed, lambda: WholeBodyTracker(UNITREE_G1))
                    for seed in range(options.seeds if noise_rad > 0.0 else 1)
                ]
                print(table_line(results), flush=True)
                everything += results
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps([asdict(result) for result in everything], indent=1))


if __name__ == "__main__":
    main()
