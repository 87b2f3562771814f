"""Recordings of people that installed packages bring with them; nothing of them is kept here.

`pip install --no-deps --target FOLDER holosoma==0.0.3 holosoma-retargeting==0.1.0 pybullet==3.2.7`, and then
`--packages FOLDER`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from tracker_parts.points import POINTS, chosen
from tracker_parts.pybullet_skeleton import body_points

from hlm.core.arrays import FloatArray
from hlm.core.layout import MOTOR_ORDER

type Family = Literal["omomo_g1", "omomo", "everyday", "impossible"]

INSTALL = "pip install --no-deps --target FOLDER {requirement}, then --packages FOLDER"
REQUIREMENTS = {
    "holosoma": "holosoma==0.0.3",
    "holosoma-retargeting": "holosoma-retargeting==0.1.0",
    "pybullet": "pybullet==3.2.7",
}
_OMOMO_HZ, _CLIMB_HZ = 30.0, 120.0
_OMOMO_POSITIONS = slice(162, 318)
# What is recorded, by name, in alphabetical order. The impossible ones nobody can follow on flat ground on two feet:
# a tracker is to stay up all the same.
MOTIONS: dict[str, tuple[str, ...]] = {
    "omomo": ("sub10_largebox_049", "sub3_largebox_003"),
    "everyday": ("dance_a", "dance_b", "punch", "walk"),
    "impossible": (
        "backflip",
        "cartwheel",
        "crawl",
        "crawl_slope",
        "getup_facedown",
        "getup_faceup",
        "jump",
        "kick",
        "mocap_climb_seq_0",
        "mocap_climb_seq_1",
        "mocap_climb_seq_2",
        "mocap_climb_seq_3",
        "mocap_climb_seq_4",
        "roll",
        "run",
        "spin",
        "spinkick",
    ),
}


class Clip(NamedTuple):
    """A recording.

    Attributes:
        name: unique name; recordings of one motion share what stands before the first `/`.
        family: which row of the table it belongs to.
        path: its file.
        kind: how the file is read.
    """

    name: str
    family: Family
    path: Path
    kind: Literal["g1", "smplh", "climb", "pybullet"]


class Recording(NamedTuple):
    """What a clip holds: a robot's motion, or a body's points.

    Attributes:
        rate_hz: frames per second.
        trajectory: [time, 36] pelvis position (m), orientation (wxyz) and the G1's joints (rad); None for a body.
        points_m: [time, point, 3] `points.POINTS`; None for a robot.
    """

    rate_hz: float
    trajectory: FloatArray | None
    points_m: FloatArray | None


def find_clips(folders: Sequence[Path]) -> tuple[list[Clip], list[str]]:
    """The clips of the packages that are installed, and a line for each package that is not.

    Args:
        folders: searched besides Python's own path.
    """
    path = [*sys.path, *map(str, folders)]
    clips: list[Clip] = []
    missing: list[str] = []
    for package, requirement in REQUIREMENTS.items():
        found = next(iter(distributions(name=package, path=path)), None)
        if found is None:
            how = INSTALL.format(requirement=requirement)
            missing.append(f"no package '{package}': its recordings of people are left out ({how})")
        else:
            clips += _clips_of(found)
    return sorted(clips, key=lambda clip: clip.name), missing


def _clips_of(package: Distribution) -> list[Clip]:
    found = []
    for file in package.files or ():
        path, name = Path(str(package.locate_file(file))), file.name
        if name == "sub3_largebox_003_mj.npz":
            found.append(Clip("sub3_largebox_003/g1", "omomo_g1", path, "g1"))
        elif name == "motion_crawl_slope.npz":
            found.append(Clip("crawl_slope/g1", "impossible", path, "g1"))
        elif name.endswith(".pt") and "OMOMO" in str(file):
            found.append(Clip(f"{file.stem}/body", "omomo", path, "smplh"))
        elif name.startswith("mocap_climb") and name.endswith(".npy"):
            found.append(Clip(f"{file.parent.name}/body", "impossible", path, "climb"))
        elif name.startswith("humanoid3d_") and name.endswith(".txt"):
            motion = file.stem.removeprefix("humanoid3d_")
            family: Family = "everyday" if motion in MOTIONS["everyday"] else "impossible"
            found.append(Clip(f"{motion}/pybullet", family, path, "pybullet"))
    return found


def read_clip(clip: Clip) -> Recording:
    """Read the file of a clip; nothing in it is executed."""
    return _READERS[clip.kind](clip.path)


def _read_g1(path: Path) -> Recording:
    with np.load(path, allow_pickle=False) as arrays:
        names = [str(name).removesuffix("_joint") for name in arrays["joint_names"]]
        rows = np.asarray(arrays["joint_pos"], dtype=np.float64)
        rate_hz = float(np.ravel(arrays["fps"])[0])
    joints = rows[:, [7 + names.index(name) for name in MOTOR_ORDER]]
    return Recording(rate_hz, np.column_stack([rows[:, :7], joints]), None)


def _read_smplh(path: Path) -> Recording:
    import torch

    table: FloatArray = torch.load(path, weights_only=True, map_location="cpu").detach().double().numpy()
    joints_m = table[:, _OMOMO_POSITIONS].reshape(len(table), -1, 3)
    return Recording(_OMOMO_HZ, None, chosen(joints_m, POINTS, _SMPLH))


def _read_climb(path: Path) -> Recording:
    joints_m: FloatArray = np.load(path, allow_pickle=False).astype(np.float64)
    return Recording(_CLIMB_HZ, None, chosen(joints_m, POINTS, _CLIMB))


def _read_pybullet(path: Path) -> Recording:
    document = json.loads(path.read_text(encoding="utf-8"))
    frames: FloatArray = np.array(document["Frames"], dtype=np.float64)
    if document.get("Loop") == "wrap":
        frames = _looped(frames)
    return Recording(1.0 / float(np.median(frames[:, 0])), None, body_points(frames))


def _looped(frames: FloatArray, least_s: float = 8.0) -> FloatArray:
    """Frames of a motion that repeats, moved on by its own travel at each turn, for at least some seconds."""
    turns = max(1, int(np.ceil(least_s / frames[:-1, 0].sum())))
    travel_m = (frames[-1, 1:4] - frames[0, 1:4]) * np.array([1.0, 0.0, 1.0])
    parts = []
    for turn in range(turns):
        part = frames[:-1].copy()
        part[:, 1:4] += turn * travel_m
        parts.append(part)
    return np.concatenate(parts)


def _index(**first: int) -> dict[str, int]:
    """Index of each point in a recording, from that of the first joint of each limb."""
    limbs = {"leg": ("hip", "knee", "ankle", "toe"), "arm": ("shoulder", "elbow", "wrist")}
    found = {name: first[name] for name in ("pelvis", "spine", "neck")}
    for side in ("left", "right"):
        for limb, names in limbs.items():
            found |= {f"{side}_{name}": first[f"{side}_{limb}"] + index for index, name in enumerate(names)}
    return found


_SMPLH = _index(pelvis=0, spine=10, neck=12, left_leg=1, right_leg=5, left_arm=15, right_arm=34)
_CLIMB = _index(pelvis=0, spine=1, neck=3, left_leg=43, right_leg=47, left_arm=6, right_arm=25)
_READERS: dict[str, Callable[[Path], Recording]] = {
    "g1": _read_g1,
    "smplh": _read_smplh,
    "climb": _read_climb,
    "pybullet": _read_pybullet,
}
