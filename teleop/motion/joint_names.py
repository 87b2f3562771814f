"""Which joint of a skeleton is which keypoint, by the names that capture systems and programs give to joints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hlm.core.errors import InputError, UnknownNameError
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS

CENTRAL: dict[str, tuple[str, ...]] = {
    "pelvis": ("hips", "pelvis", "hip", "root"),
    "chest": (
        *("upperchest", "chest4", "t8", "spine4", "spine3", "chest3", "chest2", "chest"),
        *("spine03", "spine2", "spine02", "thorax", "spine1", "spine01"),
    ),
    "head": ("head",),
}
"""Names of the joints in the middle, the best first; in the spelling of `plain_name`."""

SIDED: dict[str, tuple[str, ...]] = {
    "knee": ("knee", "shin", "calf", "lowerleg", "lowleg", "tibia", "leg"),
    "hip": ("upleg", "upperleg", "thigh", "femur", "hip", "leg"),
    "ankle": ("ankle", "foot"),
    "toe": ("toebase", "toe", "toes", "toe0", "ball", "foot"),
    "shoulder": ("upperarm", "uparm", "arm", "humerus", "shldr", "shoulder"),
    "elbow": ("elbow", "forearm", "lowerarm", "lowarm", "radius"),
    "wrist": ("wrist", "hand"),
    "hand": ("palm", "hand"),
}
"""Names of the joints of a side, the best first. A name serves one keypoint: the first here that claims it."""

NEEDED: tuple[str, ...] = (
    "pelvis",
    *(
        f"{side}_{part}"
        for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
        for side in ("left", "right")
    ),
)
"""Keypoints without which a body cannot be commanded."""

_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
_PARTS = {alias for aliases in SIDED.values() for alias in aliases} | {"hipjoint", "clavicle", "collar", "thumb"}
# Words that programs put in front of each joint's name.
_PREFIXES = {"mixamorig", "bip", "j", "c", "def", "jnt", "joint", "bn", "bone", "avg", "m", "f", "b", "robot"}


def plain_name(name: str) -> tuple[str, str]:
    """Side ("left", "right" or "") and plain spelling of a joint's name: `mixamorig:LeftUpLeg` is left, upleg."""
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name.rsplit(":", maxsplit=1)[-1])]
    words = _without_prefixes(words)
    sides = [word for word in words if word in _SIDES]
    part = "".join(word for word in words if word not in _SIDES)
    if sides:
        return _SIDES[sides[0]], part
    for start, side in _SIDES.items():  # such as `leftupleg` and `lfemur`
        if part.startswith(start) and part[len(start) :] in _PARTS:
            return side, part[len(start) :]
    return "", part


def placed_joints(names: Sequence[str], given: Mapping[str, str], *, has_chest: bool = False) -> dict[str, int]:
    """Index of the joint of each keypoint; keypoints that no joint stands for are absent.

    Args:
        names: of the skeleton's joints.
        given: names of joints by keypoint, which come before the tables.
        has_chest: the chest is known without its name.

    Raises:
        UnknownNameError: a given keypoint or joint does not exist.
        InputError: needed joints could not be placed; the text has them, and what to give.
    """
    placed: dict[str, int] = {}
    for keypoint, name in given.items():
        if keypoint not in KEYPOINTS:
            raise UnknownNameError("keypoint", keypoint, KEYPOINTS)
        if name not in names:
            raise UnknownNameError("joint", name, filter(None, names))
        placed[keypoint] = names.index(name)
    index_of: dict[tuple[str, str], int] = {}
    for index, name in enumerate(names):
        index_of.setdefault(plain_name(name), index)
    for keypoint, keys in _wanted(has_chest=has_chest):
        if keypoint not in placed:
            free = (index_of[key] for key in keys if key in index_of and index_of[key] not in placed.values())
            if (found := next(free, None)) is not None:
                placed[keypoint] = found
    _must_have_needed(placed, names)
    return placed


def parse_mapping(pairs: Sequence[str]) -> dict[str, str]:
    """Joints by keypoint of texts such as `left_hand=LeftWrist`.

    Raises:
        InputError: a text of another form.
        UnknownNameError: a keypoint that does not exist.
    """
    mapping = {}
    for pair in pairs:
        keypoint, equals, name = pair.partition("=")
        if not (equals and name):
            raise InputError(f"--map must be KEYPOINT=JOINT, such as left_hand=LeftWrist, got '{pair}'.")
        if keypoint not in KEYPOINTS:
            raise UnknownNameError("keypoint", keypoint, KEYPOINTS)
        mapping[keypoint] = name
    return mapping


def _without_prefixes(words: list[str]) -> list[str]:
    while len(words) > 1 and (words[0] in _PREFIXES or words[0].isdigit()):
        words = words[1:]
    return words


def _wanted(*, has_chest: bool) -> list[tuple[str, list[tuple[str, str]]]]:
    """Keypoints and the plain names that stand for each, the best first."""
    wanted = [
        (name, [("", alias) for alias in CENTRAL[name]]) for name in CENTRAL if not (has_chest and name == "chest")
    ]
    for part, aliases in SIDED.items():
        wanted += [(f"{side}_{part}", [(side, alias) for alias in aliases]) for side in ("left", "right")]
    return wanted


def _must_have_needed(placed: Mapping[str, int], names: Sequence[str]) -> None:
    missing = [keypoint for keypoint in NEEDED if keypoint not in placed]
    if missing:
        shown = ", ".join(name for name in names if name)
        raise InputError(
            f"no joint was found for {', '.join(missing)}. Give each, such as --map {missing[0]}=NAME. "
            f"It has: {shown[:1200] or 'no names'}."
        )
