"""The orders in which arrays of joint positions come, and which of them an array has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError, InputError
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.motion.joint_array import JointArray
from hlm.teleop.motion.joint_names import placed_joints, plain_name
from hlm.teleop.motion.raw_motion import RawMotion, must_move

# SMPL, figure 3 of M. Loper et al., SMPL: A Skinned Multi-Person Linear Model, 2015; SMPL-H and SMPL-X begin alike.
SMPL_BODY = (
    *("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle"),
    *(
        "chest",
        "left_toe",
        "right_toe",
        "neck",
        "left_collar",
        "right_collar",
        "head",
        "left_shoulder",
        "right_shoulder",
    ),
    *("left_elbow", "right_elbow", "left_wrist", "right_wrist"),
)
_FINGERS = tuple(f"{finger}{index}" for finger in ("index", "middle", "pinky", "ring", "thumb") for index in (1, 2, 3))
_LEG = ("hip", "knee", "ankle", "toe")
_ARM = ("collar", "shoulder", "elbow", "wrist")


def _fingers(side: str) -> tuple[str, ...]:
    return tuple(f"{side}_{finger}" for finger in _FINGERS)


def _limb_by_limb(*hand: str) -> tuple[str, ...]:
    """The order of the SMPL family's bodies in simulators: each limb to its end before the next."""
    legs = tuple(f"{side}_{part}" for side in ("left", "right") for part in _LEG)
    arms = tuple(f"{side}_{part}" for side in ("left", "right") for part in (*_ARM, *hand))
    return ("pelvis", *legs, "spine1", "spine2", "chest", "neck", "head", *arms)


LAYOUTS: dict[str, tuple[str, ...]] = {
    "SMPL, 22 joints": SMPL_BODY,
    "SMPL, 24 joints": (*SMPL_BODY, "left_hand", "right_hand"),
    "SMPL limb by limb, 24 joints": _limb_by_limb("hand"),
    "SMPL-H, 52 joints": (*SMPL_BODY, *_fingers("left"), *_fingers("right")),
    "SMPL-H limb by limb, 52 joints": _limb_by_limb(*_FINGERS),
    "SMPL-X, 55 joints": (*SMPL_BODY, "jaw", "left_eye", "right_eye", *_fingers("left"), *_fingers("right")),
}
"""Names of the joints of each order; those of `KEYPOINTS` are keypoints."""

_BONES = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
# Joints of a body model keep their distances to rounding; those that a camera saw vary by some hundredths.
_MOST_STRETCH = 0.15
DEFAULT_HZ = 30.0


def array_keypoints(array: JointArray, given: Mapping[str, str], frame_time_s: float | None = None) -> RawMotion:
    """The keypoints of an array of joint positions.

    Args:
        array: the positions.
        given: names of joints by keypoint; only for arrays with names.
        frame_time_s: instead of that of the file.

    Raises:
        HlmError: an unknown number of joints, points that do not move like a body, or a motion that is none.
    """
    if array.names is None and given:
        raise InputError("--map needs names of joints; put them into the array 'joint_names' of a .npz file.")
    _must_be_numbers(array.position)
    notes: tuple[str, ...] = ()
    if frame_time_s is None and array.rate_hz is None:
        notes = (f"The file does not say its rate: {DEFAULT_HZ:g} frames per second are assumed; --fps gives another.",)
    if array.names is None:
        layout = _layout_of(array.position)
        placed, names = _placed(LAYOUTS[layout]), LAYOUTS[layout]
        notes = (*notes, f"The order of its joints is {layout}, by the lengths of the limbs.")
    else:
        placed, names = placed_joints(array.names, given), array.names
    position = np.full((len(array.position), len(KEYPOINTS), 3), np.nan)
    for keypoint, index in placed.items():
        position[:, KEYPOINTS.index(keypoint)] = array.position[:, index]
    joints = {keypoint: names[index] for keypoint, index in placed.items()}
    for side, finger in _middle_fingers(names).items():
        if (hand := f"{side}_hand") not in placed:
            wrist_and_finger = array.position[:, [placed[f"{side}_wrist"], finger]]
            position[:, KEYPOINTS.index(hand)] = wrist_and_finger.mean(axis=1)
            joints[hand] = f"halfway to {names[finger]}"
    length_s = frame_time_s if frame_time_s is not None else 1.0 / (array.rate_hz or DEFAULT_HZ)
    return RawMotion(frame_time_s=length_s, position=position, joints=joints, notes=notes)


def _middle_fingers(names: Sequence[str]) -> dict[str, int]:
    """Index of the knuckle of the middle finger of each side that has one."""
    plain = [plain_name(name) for name in names]
    keys = {side: [(side, "middle1"), (side, "handmiddle1")] for side in ("left", "right")}
    return {side: plain.index(key) for side, wanted in keys.items() for key in wanted if key in plain}


def _must_be_numbers(position: FloatArray) -> None:
    must_move(len(position))
    wrong = ~np.isfinite(position).all(axis=(1, 2))
    if wrong.any():
        frame = int(np.argmax(wrong))
        joint = int(np.argmax(~np.isfinite(position[frame]).all(axis=1)))
        raise CorruptError(
            f"frame {frame + 1} has no position of joint {joint}; cut the motion there, or fill the gap."
        )


def _placed(layout: tuple[str, ...]) -> dict[str, int]:
    return {name: index for index, name in enumerate(layout) if name in KEYPOINTS}


def _layout_of(position: FloatArray) -> str:
    """The order in which the limbs keep their lengths best."""
    joints = position.shape[1]
    fitting = [name for name, layout in LAYOUTS.items() if len(layout) == joints]
    if not fitting:
        known = ", ".join(sorted({str(len(layout)) for layout in LAYOUTS.values()}))
        raise InputError(
            f"{joints} joints; known are {known}. Put the names of yours into the array 'joint_names' of a .npz file."
        )
    stretch = {name: _stretch(position, _placed(LAYOUTS[name])) for name in fitting}
    best = min(fitting, key=stretch.__getitem__)
    if not stretch[best] <= _MOST_STRETCH:
        raise InputError(
            f"its points do not move like the {joints} joints of SMPL: limbs change their length by "
            f"{100 * stretch[best]:.0f} %. Put the names of the joints into the array 'joint_names' of a .npz file."
        )
    return best


def _stretch(position: FloatArray, placed: Mapping[str, int]) -> float:
    """By how much the bones of the limbs change their length, or differ from those of the other side; 0 = rigid."""
    worst = 0.0
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for start, end in _BONES:
            medians = []
            for side in ("left", "right"):
                bone = position[:, placed[f"{side}_{end}"]] - position[:, placed[f"{side}_{start}"]]
                length = np.linalg.norm(bone, axis=-1)
                medians.append(np.median(length))
                worst = max(worst, _or_infinite(np.std(length) / np.median(length)))
            worst = max(worst, _or_infinite(abs(medians[0] / medians[1] - 1.0)))
    return worst


def _or_infinite(value: float) -> float:
    return float(value) if np.isfinite(value) else np.inf
