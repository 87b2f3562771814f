"""Whole-body inverse kinematics against pin-pink and mink: time, errors and limit violations on the same targets.

Targets are those of the standard motions, each solved from the last solution as in retargeting, and random reachable
ones, each solved from the standing pose. Weights, damping, joint limits and iterations are the same for all; errors
are computed by one model. The libraries are optional: `pip install -c constraints.txt -e '.[bench]'`.

`python scripts/bench/inverse_kinematics.py --motions reach forward_0.2 --random 200 --json runs/ik.json`
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pinocchio as pin

from hlm.control.inverse_kinematics import BodyTargets, IKConfig, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration, rotation_from_quat
from hlm.core.arrays import FloatArray
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.layout import JOINTS, MOTOR_LEGS
from hlm.core.rotations import quat_from_matrix, quat_from_roll_pitch_yaw
from hlm.sim.motions import NAMES, find_motion

EMBODIMENT = find_embodiment("unitree_g1")
HAND_FAILURE_M = 0.02
SOLE_FAILURE_M = 0.01
RANDOM_ITERATIONS = 50
SPREAD, LEG_SPREAD = 0.5, 0.25  # of the random joint angles, as a fraction of the joint ranges
EXTRA = "pip install -c constraints.txt -e '.[bench]'"


class Solver(Protocol):
    """A whole-body inverse kinematics."""

    def solve(self, targets: BodyTargets, start: Configuration, iterations: int | None = None) -> Configuration:
        """The configuration after some iterations from `start`."""
        ...


class Errors(NamedTuple):
    """Errors of one solution; nan where there is no target.

    Attributes:
        hand_m: largest position error of the grips.
        hand_rad: largest orientation error of the grips.
        sole_m: largest position error of the soles.
        sole_rad: largest orientation error of the soles.
        com_m: horizontal error of the centre of mass.
        violation_rad: largest violation of a joint limit; 0 within the limits.
    """

    hand_m: float
    hand_rad: float
    sole_m: float
    sole_rad: float
    com_m: float
    violation_rad: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Results of one solver on one set of targets; medians and 99th percentiles over the targets.

    Attributes:
        solver: name of the solver.
        targets: name of the targets.
        count: number of targets.
        median_ms: time of a solve.
        p99_ms: time of a solve.
        median: errors.
        p99: errors.
        failures: solves that raised an error or missed a hand or sole by far.
    """

    solver: str
    targets: str
    count: int
    median_ms: float
    p99_ms: float
    median: Errors
    p99: Errors
    failures: int


def errors_of(model: BodyModel, targets: BodyTargets, solution: Configuration) -> Errors:
    """The errors of a solution."""
    hands = [_pose_error(model, f"{side}_grip", target, solution) for side, target in _sides(targets.grips)]
    soles = [_pose_error(model, f"{side}_sole", target, solution) for side, target in _sides(targets.soles)]
    com_m = model.com_position_in_world_m(solution)[:2] - targets.com_position_in_world_m
    joints = solution.joint_position_rad
    beyond = np.maximum(model.embodiment.lower_rad - joints, joints - model.embodiment.upper_rad)
    (hand_m, hand_rad), (sole_m, sole_rad) = (_largest(hands), _largest(soles))
    return Errors(hand_m, hand_rad, sole_m, sole_rad, float(np.hypot(*com_m)), max(float(beyond.max()), 0.0))


def _sides(pair: tuple[PoseTarget | None, PoseTarget | None]) -> list[tuple[str, PoseTarget]]:
    return [(side, target) for side, target in zip(("left", "right"), pair, strict=True) if target is not None]


def _pose_error(model: BodyModel, frame: str, target: PoseTarget, solution: Configuration) -> tuple[float, float]:
    pose = model.pose_world_from(frame, solution)
    distance_m = float(np.linalg.norm(target.position_in_world_m - pose[:3, 3]))
    if target.quat_world_from_frame_wxyz is None:
        return distance_m, np.nan
    rotation = rotation_from_quat(target.quat_world_from_frame_wxyz)
    return distance_m, float(np.linalg.norm(pin.log3(rotation @ pose[:3, :3].T)))


def _largest(errors: list[tuple[float, float]]) -> tuple[float, float]:
    if not errors:
        return np.nan, np.nan
    distance_m, angle_rad = np.array(errors).T
    return float(distance_m.max()), float(angle_rad.max())


def reachable_targets(model: BodyModel, count: int, random: np.random.Generator) -> list[BodyTargets]:
    """Targets of random configurations around the standing pose: both soles, both grips, pelvis and centre of mass."""
    lower, upper = EMBODIMENT.lower_rad, EMBODIMENT.upper_rad
    spread = np.full(JOINTS, SPREAD)
    spread[MOTOR_LEGS] = LEG_SPREAD
    targets = []
    for _ in range(count):
        joints_rad = EMBODIMENT.default_rad + spread * (upper - lower) * random.uniform(-0.5, 0.5, JOINTS)
        position_m = np.array([0.0, 0.0, EMBODIMENT.standing_height_m]) + random.uniform(-0.1, 0.1, 3)
        configuration = Configuration(
            position_pelvis_in_world_m=position_m,
            quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(random.uniform(-0.4, 0.4, 3)),
            joint_position_rad=np.clip(joints_rad, lower + 0.05, upper - 0.05),
        )
        soles, grips = (
            tuple(_target(model.pose_world_from(f"{side}_{part}", configuration)) for side in ("left", "right"))
            for part in ("sole", "grip")
        )
        targets.append(
            BodyTargets(
                soles=(soles[0], soles[1]),
                grips=(grips[0], grips[1]),
                pelvis_height_m=float(position_m[2]),
                quat_world_from_pelvis_wxyz=configuration.quat_world_from_pelvis_wxyz,
                com_position_in_world_m=model.com_position_in_world_m(configuration)[:2],
            )
        )
    return targets


def _target(pose: FloatArray) -> PoseTarget:
    return PoseTarget(position_in_world_m=pose[:3, 3], quat_world_from_frame_wxyz=quat_from_matrix(pose[:3, :3]))


def measure(
    names: tuple[str, str], solver: Solver, targets: Sequence[BodyTargets], iterations: int, *, chained: bool
) -> Result:
    """Solve all targets.

    Args:
        names: of the solver and of the targets.
        solver: to be measured.
        targets: of one motion, or unrelated ones.
        iterations: per solve.
        chained: start each solve from the last solution; else from the standing pose.
    """
    model = BodyModel(EMBODIMENT)
    standing = Configuration.standing(EMBODIMENT)
    start = solver.solve(targets[0], standing, RANDOM_ITERATIONS) if chained else standing
    times_s, errors, failures = [], [], 0
    for target in targets:
        begin_s = time.perf_counter()
        try:
            solution = solver.solve(target, start, iterations)
        except Exception:  # noqa: BLE001 - each library has errors of its own, and all of them are failures
            failures += 1
            continue
        times_s.append(time.perf_counter() - begin_s)
        errors.append(errors_of(model, target, solution))
        failures += errors[-1].hand_m > HAND_FAILURE_M or errors[-1].sole_m > SOLE_FAILURE_M
        start = solution if chained else standing
    table = np.array(errors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # motions without hand targets have nan alone
        median, p99 = (Errors(*np.nanquantile(table, level, axis=0)) for level in (0.5, 0.99))
    return Result(
        solver=names[0],
        targets=names[1],
        count=len(targets),
        median_ms=1e3 * float(np.median(times_s)),
        p99_ms=1e3 * float(np.quantile(times_s, 0.99)),
        median=median,
        p99=p99,
        failures=int(failures),
    )


HEADER = (
    "targets        solver   count  ms p50    p99  hand mm p50   p99  hand deg p50   p99  sole mm p50   p99  "
    "com mm p50   p99  limit rad  failures"
)


def line(result: Result) -> str:
    """The result as a line of the table."""
    median, p99 = result.median, result.p99
    return (
        f"{result.targets:14} {result.solver:8} {result.count:5d} {result.median_ms:7.2f} {result.p99_ms:6.2f}"
        f"{1e3 * median.hand_m:13.2f} {1e3 * p99.hand_m:5.1f}"
        f"{np.degrees(median.hand_rad):14.2f} {np.degrees(p99.hand_rad):5.1f}"
        f"{1e3 * median.sole_m:13.2f} {1e3 * p99.sole_m:5.1f}{1e3 * median.com_m:12.2f} {1e3 * p99.com_m:5.1f}"
        f"{p99.violation_rad:11.4f} {result.failures:9d}"
    )


def solvers(config: IKConfig) -> dict[str, Solver]:
    """The solvers that are installed, by name."""
    found: dict[str, Solver] = {"hlm": WholeBodyIK(BodyModel(EMBODIMENT), config)}
    try:
        from ik_libraries.with_mink import MinkSolver
        from ik_libraries.with_pink import PinkSolver
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed, so there is no comparison; to install it: {EXTRA}")
        return found
    return {**found, "pink": PinkSolver(BodyModel(EMBODIMENT), config), "mink": MinkSolver(EMBODIMENT, config)}


def main() -> None:
    """Measure all solvers on all targets and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--motions", nargs="*", default=["reach", "squat", "forward_0.2", "turn_0.4"], choices=NAMES)
    parser.add_argument("--random", type=int, default=200, help="number of random reachable targets")
    parser.add_argument("--json", type=Path, help="file for all results")
    options = parser.parse_args()
    model, config = BodyModel(EMBODIMENT), IKConfig()
    results: list[Result] = []
    available = solvers(config)
    print(HEADER)
    for motion in [*options.motions, "random"]:
        is_motion = motion != "random"
        targets = (
            find_motion(model, motion).targets
            if is_motion
            else reachable_targets(model, options.random, np.random.default_rng(0))
        )
        iterations = config.iterations if is_motion else RANDOM_ITERATIONS
        for name, solver in available.items():
            results.append(measure((name, motion), solver, targets, iterations, chained=is_motion))
            print(line(results[-1]), flush=True)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1))


if __name__ == "__main__":
    main()
