"""The decoupled interface in the simulator: velocities reached, drift, rest and falls, in one table.

A robot with noisy sensors and wrong masses walks, stops, stands and squats while its arms and waist move all the time,
and is pushed from eight sides.

`python scripts/bench/decoupled.py --quick`
`python scripts/bench/decoupled.py --seeds 8 --json runs/bench/decoupled.json`: the whole table
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tracker_parts.decoupled_cases import BEGIN_S, CASES, SIDES, Case, Operator
from tracker_parts.surroundings import FlawedSensors, Pusher, Surroundings, make_world

from hlm.cli.trackers import LEARNED_LEGS, must_have_tracker
from hlm.control.learned_legs.decoupled_tracker import DecoupledTracker
from hlm.control.learned_legs.learned_legs_tracker import Legs
from hlm.control.learned_legs.policy_file import find_policy_file, open_network
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import HlmError
from hlm.core.layout import MOTOR_ARMS, MOTOR_WAIST
from hlm.core.rotations import matrix_from_yaw, roll_pitch_yaw_from_quat
from hlm.sim.robot import SimulatedRobot
from hlm.sim.start_pose import stand_on_floor

TICK_HZ = 100
STEADY_S = 3.0  # walking before it is measured
LAG_S = 0.2  # from a command's stamp to its arms
FALLEN_UPRIGHTNESS, FALLEN_HEIGHT_M = 0.3, 0.25
SENSOR_NOISE, MASS_ERROR = 0.5, 0.05
STOOD = "stood"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What happened in a run.

    Attributes:
        case: name of the row.
        seed: of arms, noise, masses and the push's time.
        ending: "stood", "fell", or why the tracker gave up.
        side: of the push.
        velocity: mean forward and leftward velocity (m/s) and yaw rate (rad/s) of the steady walk.
        moved_m: distance of the pelvis from where the velocity ended, or the push began, to the end.
        rest_s: time from then until the model has the legs for good; not a number if it has not.
        height_m: mean height of the pelvis in the last second.
        walk_height_m: in the steady walk.
        arm_rad: RMS error of arms and waist against what was asked `LAG_S` ago.
        policy: share of the time that the policy had the legs.
    """

    case: str
    seed: int
    side: int
    ending: str
    velocity: tuple[float, ...]
    moved_m: float
    rest_s: float
    height_m: float
    walk_height_m: float
    arm_rad: float
    policy: float


def run(case: Case, seed: int, side: int = 0) -> Result:
    """One run."""
    random = np.random.default_rng([seed, side])
    push_s = case.push_s + random.uniform()
    around = Surroundings(
        push_n=case.push_n,
        push_s=push_s,
        push_rad=2.0 * np.pi * side / SIDES,
        sensor_noise=SENSOR_NOISE,
        mass_error=MASS_ERROR,
        seed=seed,
    )
    world = make_world(around, UNITREE_G1)
    robot = SimulatedRobot(world, UNITREE_G1)
    sensors, pusher = FlawedSensors(robot, around, TICK_HZ), Pusher(world, around)
    tracker = DecoupledTracker(UNITREE_G1, open_network(find_policy_file()))
    operator = Operator(case, random)
    world.reset()
    stand_on_floor(world, robot, UNITREE_G1.pose_rad("manipulation"), np.zeros(3))
    world.forward()
    rows: list[FloatArray] = []
    ending, pushed = STOOD, 0
    with robot:
        tracker.reset(sensors.read())
        for tick in range(round((BEGIN_S + case.walk_s + case.rest_s) * TICK_HZ)):
            world.wait_until(tick * NS_PER_S // TICK_HZ)
            while pushed * TICK_HZ <= tick * STEP_HZ:
                if (asked := operator.asks(pushed)) is not None:
                    tracker.push(asked)
                pushed += 1
            pusher.act()
            try:
                robot.command(tracker.step(sensors.read()))
            except HlmError as error:
                ending = str(error)
                break
            rows.append(_row(robot, tracker, operator.joints_rad(tick / TICK_HZ - LAG_S)))
            if robot.pelvis_uprightness() < FALLEN_UPRIGHTNESS or robot.pelvis_height_m() < FALLEN_HEIGHT_M:
                ending = "fell"
                break
    return _result(case, (seed, side), ending, np.array(rows), push_s)


def _row(robot: SimulatedRobot, tracker: DecoupledTracker, asked_rad: FloatArray) -> FloatArray:
    """[6] x, y, height (m) and yaw (rad), whether the policy has the legs, mean square error of waist and arms."""
    position_m, quat = robot.true_base()
    joints_rad = robot.read().joint_position_rad
    off_rad = np.array([*joints_rad[MOTOR_WAIST], *joints_rad[MOTOR_ARMS]]) - asked_rad
    yaw_rad = roll_pitch_yaw_from_quat(quat)[2]
    return np.array([*position_m, yaw_rad, tracker.legs is Legs.POLICY, np.mean(off_rad**2)])


def _result(case: Case, drawn: tuple[int, int], ending: str, rows: FloatArray, push_s: float) -> Result:
    end_s = BEGIN_S + case.walk_s
    event_s = end_s if case.walk_s > 0.0 else push_s
    policy = np.flatnonzero(rows[:, 4])
    rested_s = (int(policy[-1]) + 1 if len(policy) else 0) / TICK_HZ
    rests = ending == STOOD and rested_s < len(rows) / TICK_HZ
    moved = rows[-1, :2] - _between(rows, event_s, np.inf)[0, :2] if ending == STOOD else np.full(2, np.nan)
    walk = _between(rows, BEGIN_S + STEADY_S, end_s)
    followed = _between(rows, BEGIN_S, end_s if case.silent else np.inf)
    return Result(
        case=case.name,
        seed=drawn[0],
        side=drawn[1],
        ending=ending,
        velocity=tuple(_velocity(walk).tolist()),
        moved_m=float(np.hypot(*moved)),
        rest_s=max(rested_s - event_s, 0.0) if rests else float("nan"),
        height_m=float(rows[-TICK_HZ:, 2].mean()),
        walk_height_m=float(walk[:, 2].mean()) if len(walk) else float("nan"),
        arm_rad=float(np.sqrt(followed[:, 5].mean())) if len(followed) else float("nan"),
        policy=float(rows[:, 4].mean()),
    )


def _between(rows: FloatArray, first_s: float, last_s: float) -> FloatArray:
    """The rows of a span of time."""
    time_s = np.arange(len(rows)) / TICK_HZ
    return rows[(time_s >= first_s) & (time_s < last_s)]


def _velocity(rows: FloatArray) -> FloatArray:
    """[3] mean forward and leftward velocity (m/s) of the pelvis as it is headed, and yaw rate (rad/s)."""
    if len(rows) < TICK_HZ:
        return np.full(3, np.nan)
    yaw_rad = np.unwrap(rows[:, 3])
    steps = zip(yaw_rad[:-1], np.diff(rows[:, :2], axis=0), strict=True)
    along_m = np.sum([matrix_from_yaw(-yaw)[:2, :2] @ step for yaw, step in steps], axis=0)
    return np.array([*along_m, yaw_rad[-1] - yaw_rad[0]]) / (len(rows) - 1) * TICK_HZ


def print_head() -> None:
    """Print the names of the columns."""
    columns = ("runs", "falls", "forward", "leftward", "yaw rate", "moved m", "most", "rest s", "most", "arms rad")
    print(f"{'':32}" + "".join(f"{name:>10}" for name in (*columns, "height m")))


def print_row(results: list[Result]) -> None:
    """Print a line for the results of a case, medians and the most of what should be small, and who fell."""
    fallen = [result for result in results if result.ending != STOOD]
    stood = [result for result in results if result.ending == STOOD]
    figures = [f"{value:+.2f}" for value in _median([result.velocity for result in stood])]
    for name in ("moved_m", "rest_s"):
        values = [getattr(result, name) for result in stood]
        figures += [f"{_median(values):.2f}", f"{np.max(values, initial=0.0):.2f}"]
    figures += [f"{_median([getattr(result, name) for result in stood]):.3f}" for name in ("arm_rad", "height_m")]
    counts = [str(len(results)), str(len(fallen))]
    print(f"{results[0].case:32}" + "".join(f"{text:>10}" for text in (*counts, *figures)), flush=True)
    for result in fallen:
        print(f"    seed {result.seed}, side {result.side}: {result.ending}")


def _median(values: Sequence[object]) -> FloatArray:
    """The median, by column; not numbers without values."""
    median: FloatArray = np.median(np.array(values), axis=0) if values else np.full(3, np.nan)
    return median


def main() -> None:
    """Run the cases, print the table, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8, help="runs of each row, and of each side of a push")
    parser.add_argument("--quick", action="store_true", help="one seed")
    parser.add_argument("--rows", nargs="+", default=[], help="only rows whose name contains one of these")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--json", type=Path, help="file for all results")
    options = parser.parse_args()
    cases = [case for case in CASES if not options.rows or any(part in case.name for part in options.rows)]
    if not cases:
        parser.error("no such row. Rows: " + ", ".join(case.name for case in CASES))
    must_have_tracker(LEARNED_LEGS)
    seeds = range(1 if options.quick else options.seeds)
    results: list[Result] = []
    work = [(case, seed, side) for case in cases for seed in seeds for side in range(case.sides)]
    with ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        found = pool.map(run, *zip(*work, strict=True))
        print_head()
        for case in cases:
            rows = list(islice(found, len(seeds) * case.sides))
            print_row(rows)
            results += rows
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1))


if __name__ == "__main__":
    main()
