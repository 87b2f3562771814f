"""A motion file to try: somebody stands, squats with both hands ahead, comes up, and raises the right hand.

It is computed, nobody was measured. A BVH in centimetres, y up, with the joint names of Mixamo's skeletons.

`python scripts/sample_motion.py runs/sample.bvh`
`hlm record runs/sample.bvh --source motion --task cola_placement --out runs/played.zarr`
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

RATE_HZ, DURATION_S = 30.0, 12.0
THIGH_CM, SHIN_CM, ANKLE_CM = 42.0, 42.0, 8.0


class Joint(NamedTuple):
    """A joint of the skeleton; arms and legs hang straight down where all angles are zero.

    Attributes:
        name: of the joint.
        offset_cm: to the left, up and ahead from its parent.
        children: of the joint; the end of a limb has none.
    """

    name: str
    offset_cm: tuple[float, float, float]
    children: tuple[Joint, ...] = ()


def _arm(side: str, left: float) -> Joint:
    hand = Joint(f"{side}Hand", (0, -25, 0))
    return Joint(f"{side}Arm", (17 * left, 16, 0), (Joint(f"{side}ForeArm", (0, -28, 0), (hand,)),))


def _leg(side: str, left: float) -> Joint:
    foot = Joint(f"{side}Foot", (0, -SHIN_CM, 0), (Joint(f"{side}ToeBase", (0, 2 - ANKLE_CM, 14)),))
    return Joint(f"{side}UpLeg", (9 * left, 0, 0), (Joint(f"{side}Leg", (0, -THIGH_CM, 0), (foot,)),))


_NECK = Joint("Neck", (0, 20, 0), (Joint("Head", (0, 10, 0)),))
_CHEST = Joint("Spine2", (0, 20, 0), (_NECK, _arm("Left", 1.0), _arm("Right", -1.0)))
SKELETON = Joint("Hips", (0, 0, 0), (Joint("Spine", (0, 12, 0), (_CHEST,)), _leg("Left", 1.0), _leg("Right", -1.0)))


def pose(time_s: float) -> tuple[tuple[float, float, float], dict[str, float]]:
    """Where the hips are, in cm to the left, up and ahead, and by how many radians joints are turned ahead.

    Feet stay where they are: what hip and knee bend, the ankle takes back.
    """
    squat = _there(time_s, 2.0, 4.0) - _there(time_s, 5.0, 7.0)
    raised = _there(time_s, 7.5, 9.0) - _there(time_s, 9.5, 11.0)
    thigh_rad, shin_rad = 0.95 * squat, 0.70 * squat
    height_cm = ANKLE_CM + SHIN_CM * np.cos(shin_rad) + THIGH_CM * np.cos(thigh_rad)
    ahead_cm = SHIN_CM * np.sin(shin_rad) - THIGH_CM * np.sin(thigh_rad)
    turned = {"Spine": 0.45 * squat, "LeftArm": -1.2 * squat, "RightArm": -1.2 * squat - 2.4 * raised}
    for side in ("Left", "Right"):
        turned |= {f"{side}UpLeg": -thigh_rad, f"{side}Leg": thigh_rad + shin_rad, f"{side}Foot": -shin_rad}
        turned[f"{side}ForeArm"] = -0.3
    return (0.0, float(height_cm), float(ahead_cm)), turned


def _there(time_s: float, begin_s: float, end_s: float) -> float:
    """From 0 to 1 between two instants, at rest at both."""
    share = float(np.clip((time_s - begin_s) / (end_s - begin_s), 0.0, 1.0))
    return share * share * (3.0 - 2.0 * share)


def bvh() -> str:
    """The file."""
    names: list[str] = []
    frames = []
    tree = _described(SKELETON, names)
    for index in range(round(RATE_HZ * DURATION_S)):
        hips_cm, turned = pose(index / RATE_HZ)
        # Zrotation, Xrotation, Yrotation: what bends to the front turns about x, which points to the left.
        angles = [angle for name in names for angle in (0.0, np.degrees(turned.get(name, 0.0)), 0.0)]
        frames.append(" ".join(f"{value:.3f}" for value in (*hips_cm, *angles)))
    motion = f"MOTION\nFrames: {len(frames)}\nFrame Time: {1.0 / RATE_HZ:.6f}\n"
    return "HIERARCHY\n" + tree + motion + "\n".join(frames) + "\n"


def _described(joint: Joint, names: list[str], depth: int = 0) -> str:
    """A joint and all below it; `names` gets them in the order of their channels."""
    names.append(joint.name)
    x, y, z = joint.offset_cm
    place = "Xposition Yposition Zposition " if depth == 0 else ""
    lines = [
        f"{'JOINT' if depth else 'ROOT'} {joint.name}",
        "{",
        f"  OFFSET {x:g} {y:g} {z:g}",
        f"  CHANNELS {6 if place else 3} {place}Zrotation Xrotation Yrotation",
    ]
    inner = "".join(_described(child, names, depth + 1) for child in joint.children)
    end = {"Head": (0, 14, 0), "LeftHand": (0, -16, 0), "RightHand": (0, -16, 0)}.get(joint.name, (0, 0, 6))
    if not joint.children:
        lines += ["  End Site", "  {", f"    OFFSET {end[0]:g} {end[1]:g} {end[2]:g}", "  }"]
    indent = "  " * depth
    return "".join(f"{indent}{line}\n" for line in lines) + inner + f"{indent}}}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("out", type=Path, help="file to write, *.bvh")
    out = parser.parse_args(arguments).out
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(bvh(), encoding="utf-8")
    print(f"{out}: {DURATION_S:g} s at {RATE_HZ:g} frames per second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
