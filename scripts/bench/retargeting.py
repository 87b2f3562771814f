"""Whole-body retargeting of keypoints: rates, errors, limits and sliding feet over motions, beside mink.

All solvers get the same targets, robot, weights, damping, limits and iterations; errors are computed by one model.
mink is optional: `pip install -c constraints.txt -e '.[bench]'`; so are the recordings of people:
`pip install --no-deps --target FOLDER holosoma==0.0.3 holosoma-retargeting==0.1.0 pybullet==3.2.7`.

`chrt -r 1 python scripts/bench/retargeting.py --packages FOLDER --json runs/retargeting.json`
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from retargeting_parts.motions import OWN, Motion, own_motions, recorded_motions

from hlm.control.model import BodyModel, Configuration
from hlm.control.self_distance import SelfDistance
from hlm.core.arrays import FloatArray
from hlm.core.embodiments.catalog import find_embodiment
from hlm.teleop.keypoints.keypoint_ik import KeypointIK
from hlm.teleop.keypoints.keypoint_ik_config import KeypointIKConfig
from hlm.teleop.keypoints.keypoint_report import errors_of
from hlm.teleop.keypoints.retargeter import Retargeter, placed_at
from hlm.teleop.keypoints.robot_targets import RobotTargets, TargetFollower

EMBODIMENT = find_embodiment("unitree_g1")
EXTRA = "pip install -c constraints.txt -e '.[bench]'"
_FIRST_ITERATIONS = 80
# Recordings at 120 Hz of minutes say no more than their first part.
_MOST_FRAMES = 900
_TOO_NEAR_M = 0.01  # half of what is to be kept
PUBLISHED = (
    "GMR, as published in its README (2025-08, with mink inside, other machines): 60 to 70 frames/s on a Threadripper "
    "7960X, 35 to 45 on a Core i9-13900K; limits of joints and speeds, no distance from itself."
)


class Solver(Protocol):
    """Inverse kinematics of all parts."""

    def solve(
        self, targets: RobotTargets, previous: Configuration, dt_s: float | None, iterations: int | None = None
    ) -> Configuration:
        """The configuration of a frame."""
        ...


class Solved(NamedTuple):
    """What one solver made of one motion.

    Attributes:
        times_s: [frame] of the solves; the first, which starts far away, is left out.
        errors: [frame, error] in the order of `FrameErrors`.
        distance_m: [frame] smallest distance from itself.
        slid_m: farthest that a sole that should stand went from where it began to stand.
        speed_share: largest speed of a joint, as a share of its limit.
    """

    times_s: FloatArray
    errors: FloatArray
    distance_m: FloatArray
    slid_m: float
    speed_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of a table; times in ms, lengths in mm, angles in degrees."""

    name: str
    frames: int
    p50_ms: float
    p99_ms: float
    hand_p50_mm: float
    hand_p99_mm: float
    hand_p99_deg: float
    foot_p99_mm: float
    foot_p99_deg: float
    pelvis_p50_mm: float
    pelvis_p99_mm: float
    slid_mm: float
    distance_mm: float
    too_near_share: float
    speed_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """A whole retargeter on a motion: from keypoints to configuration, with its report."""

    name: str
    frames: int
    rate_hz: float
    p50_ms: float
    p99_ms: float
    at_limit_share: float
    at_speed_share: float
    standing_share: float


def targets_of(model: BodyModel, motion: Motion) -> tuple[list[RobotTargets], FloatArray]:
    """The targets of each frame, and [frame] the time that making them took, s."""
    follower, targets, times_s = TargetFollower(model, motion.calibration), [], []
    for frame in motion.frames[:_MOST_FRAMES]:
        begin_s = time.perf_counter()
        targets.append(follower.targets(frame, 1.0 / motion.rate_hz))
        times_s.append(time.perf_counter() - begin_s)
    return targets, np.array(times_s)


def solved(model: BodyModel, solver: Solver, targets: list[RobotTargets], rate_hz: float) -> Solved:
    """A motion by a solver, each frame from the last one."""
    dt_s = 1.0 / rate_hz
    pose = solver.solve(targets[0], placed_at(Configuration.standing(EMBODIMENT), targets[0]), None, _FIRST_ITERATIONS)
    poses, times_s = [pose], []
    for target in targets[1:]:
        begin_s = time.perf_counter()
        pose = solver.solve(target, pose, dt_s)
        times_s.append(time.perf_counter() - begin_s)
        poses.append(pose)
    data, distance = model.data(), SelfDistance(model, legs=True)
    joints = np.array([one.joint_position_rad for one in poses])
    speed = np.abs(np.diff(joints, axis=0)) / dt_s / (KeypointIKConfig().joint_speed_share * EMBODIMENT.velocity_rad_s)
    return Solved(
        np.array(times_s),
        np.array([errors_of(model, data, target, one) for target, one in zip(targets, poses, strict=True)]),
        np.array([distance.smallest_m(one) for one in joints]),
        _slid_m(model, targets, poses),
        float(speed.max()),
    )


def _slid_m(model: BodyModel, targets: list[RobotTargets], poses: list[Configuration]) -> float:
    """Farthest that a standing sole went from where it began to stand, on the floor."""
    farthest_m = 0.0
    for foot, side in enumerate(("left", "right")):
        began_m = None
        for target, pose in zip(targets, poses, strict=True):
            if not target.stands[foot]:
                began_m = None
                continue
            place_m = model.pose_world_from(f"{side}_sole", pose)[:2, 3]
            began_m = place_m if began_m is None else began_m
            farthest_m = max(farthest_m, float(np.hypot(*(place_m - began_m))))
    return farthest_m


def row(name: str, results: list[Solved]) -> Row:
    """Figures over all frames of some results."""
    times_ms = 1e3 * np.concatenate([result.times_s for result in results])
    errors = np.concatenate([result.errors for result in results])
    distance_m = np.concatenate([result.distance_m for result in results])
    median, p99 = np.quantile(errors, 0.5, axis=0), np.quantile(errors, 0.99, axis=0)
    return Row(
        name=name,
        frames=len(errors),
        p50_ms=float(np.median(times_ms)),
        p99_ms=float(np.quantile(times_ms, 0.99)),
        hand_p50_mm=1e3 * median[0],
        hand_p99_mm=1e3 * p99[0],
        hand_p99_deg=float(np.degrees(p99[1])),
        foot_p99_mm=1e3 * p99[2],
        foot_p99_deg=float(np.degrees(p99[3])),
        pelvis_p50_mm=1e3 * median[4],
        pelvis_p99_mm=1e3 * p99[4],
        slid_mm=1e3 * max(result.slid_m for result in results),
        distance_mm=1e3 * float(distance_m.min()),
        too_near_share=float(np.mean(distance_m < _TOO_NEAR_M)),
        speed_share=max(result.speed_share for result in results),
    )


def whole(model: BodyModel, motion: Motion) -> Whole:
    """A motion by the whole retargeter."""
    retargeter, times_s = Retargeter(model, motion.calibration), []
    for frame in motion.frames[:_MOST_FRAMES]:
        begin_s = time.perf_counter()
        retargeter.retarget(frame, 1.0 / motion.rate_hz)
        times_s.append(time.perf_counter() - begin_s)
    report = retargeter.report
    return Whole(
        name=motion.name,
        frames=len(times_s),
        rate_hz=motion.rate_hz,
        p50_ms=1e3 * float(np.median(times_s[1:])),
        p99_ms=1e3 * float(np.quantile(times_s[1:], 0.99)),
        at_limit_share=report.at_limit_share,
        at_speed_share=report.at_speed_share,
        standing_share=report.standing_share,
    )


def table(rows: Iterable[Row] | Iterable[Whole]) -> str:
    """Rows as a table in Markdown."""
    listed = [asdict(one) for one in rows]
    lines = [" | ".join(listed[0]), " | ".join("---" for _ in listed[0])]
    lines += [" | ".join(_cell(value) for value in one.values()) for one in listed]
    return "\n".join(f"| {line} |" for line in lines)


def _cell(value: float | str) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def solvers(model: BodyModel) -> dict[str, Solver]:
    """The solvers that are installed, by name."""
    config = KeypointIKConfig()
    found: dict[str, Solver] = {"hlm": KeypointIK(model, config)}
    try:
        from ik_libraries.keypoints_with_mink import MinkKeypointIK
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed, so there is no comparison; to install it: {EXTRA}")
        return found
    # mink knows no balance: these two ask for what it can do, with and without distances.
    found["hlm, no balance"] = KeypointIK(model, replace(config, balance_margin_m=None))
    found["hlm, neither"] = KeypointIK(model, replace(config, balance_margin_m=None, self_distance_m=None))
    found["mink"] = MinkKeypointIK(model, config, collisions=False)
    found["mink, distance"] = MinkKeypointIK(model, config, collisions=True)
    return found


def compared(model: BodyModel, motions: list[Motion], repeats: int) -> tuple[list[Row], list[Row]]:
    """A row of each motion by our solver, and a row of each solver over all motions."""
    targets = {motion.name: targets_of(model, motion)[0] for motion in motions}
    ours, all_rows = [], []
    for name, solver in solvers(model).items():
        runs = {
            motion.name: [solved(model, solver, targets[motion.name], motion.rate_hz) for _ in range(repeats)]
            for motion in motions
        }
        if name == "hlm":
            ours = [row(motion, results) for motion, results in runs.items()]
        all_rows.append(row(name, [result for results in runs.values() for result in results]))
        print(table(all_rows[-1:]), flush=True)
    return ours, all_rows


def main() -> None:
    """Retarget all motions by all solvers and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, nargs="*", default=[], help="folders with packages of recordings")
    parser.add_argument("--own", nargs="*", default=OWN, help="motions of hlm's own")
    parser.add_argument("--repeats", type=int, default=3, help="times that each motion is solved")
    parser.add_argument("--json", type=Path, help="file for all results")
    parser.add_argument("--picture", type=Path, help="file for a picture of robot and person; MUJOCO_GL=egl")
    options = parser.parse_args()
    model = BodyModel(EMBODIMENT)
    recorded, left_out = recorded_motions(model, options.packages)
    motions = [*own_motions(model, options.own), *recorded]
    # As the programs do that run in real time: else what was loaded is searched for garbage now and then.
    gc.collect()
    gc.freeze()
    making_s = np.concatenate([targets_of(model, motion)[1] for motion in motions])
    p50_ms, p99_ms = 1e3 * np.quantile(making_s, [0.5, 0.99])
    for line in left_out:
        print(f"left out: {line}")
    print(f"targets from keypoints, the same for all solvers: {p50_ms:.2f} ms (p99 {p99_ms:.2f}) a frame\n")
    followable = [motion for motion in motions if motion.family != "impossible"]
    ours, rivals = compared(model, followable, options.repeats)
    wholes = [whole(model, motion) for motion in motions]
    print(f"\nsolvers, all frames of all motions that can be followed\n{table(rivals)}\n\n{PUBLISHED}")
    print(f"\nhlm, by motion\n{table(ours)}\n\nwhole retargeter, from keypoints to configuration\n{table(wholes)}")
    if options.picture is not None:
        from retargeting_parts.picture import write_picture

        write_picture(options.picture, model, motions)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        tables = {"solvers": rivals, "motions": ours, "whole": wholes}
        document = {name: [asdict(one) for one in rows] for name, rows in tables.items()}
        options.json.write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
