"""Reads arrays of joint positions: .npy, or .npz with a rate and names beside them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError
from hlm.core.files import storage_errors

LIMIT_BYTES = 1024 * 2**20
POSITION_KEYS = (
    "joints",
    "joint_positions",
    "global_joint_positions",
    "positions",
    "joints_3d",
    "keypoints",
    "keypoints3d",
)
RATE_KEYS = ("fps", "mocap_framerate", "mocap_frame_rate", "framerate", "frame_rate", "rate_hz")
NAME_KEYS = ("joint_names", "names")


class JointArray(NamedTuple):
    """Positions of joints.

    Attributes:
        position: [time, joint, 3] in the file's axes and unit.
        rate_hz: frames per second; None where the file does not say.
        names: of the joints; None where the file does not say.
    """

    position: FloatArray
    rate_hz: float | None
    names: tuple[str, ...] | None


def read_joint_array(path: Path) -> JointArray:
    """Read a file of joint positions; nothing in it is executed.

    Raises:
        StorageError: it cannot be read.
        CorruptError: it is damaged, holds objects, or nothing of the shape [time, joint, 3].
    """
    with storage_errors("read", path):
        size = path.stat().st_size
    if size > LIMIT_BYTES:
        raise CorruptError(f"{path} is larger than {LIMIT_BYTES // 2**20} MiB; cut the motion into shorter files.")
    with storage_errors("read", path):
        try:
            arrays = _loaded(path)
        except (CorruptError, OSError):
            raise
        except Exception as error:
            # NumPy parses headers as Python, and unpacks archives: damaged ones raise dozens of types.
            reason = (
                "it holds Python objects"
                if re.search("pickle|objects", str(error))
                else str(error).split("\n")[0][:120].rstrip(".")
            )
            raise CorruptError(f"{path} could not be read as positions: {reason or type(error).__name__}.") from error
    try:
        return _joint_array(arrays)
    except CorruptError as error:
        raise CorruptError(f"{path}: {error}") from error


def _loaded(path: Path) -> dict[str, Any]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > LIMIT_BYTES:
            raise CorruptError(f"{path} unpacks to more than {LIMIT_BYTES // 2**20} MiB.")
        wanted = {*POSITION_KEYS, *RATE_KEYS, *NAME_KEYS}
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] if name in wanted else None for name in archive.files}
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise CorruptError(f"{path} is neither a .npy nor a .npz file.")
    # Mapped, a header that promises more than the file holds is refused instead of allocated.
    return {"joints": np.array(np.load(path, allow_pickle=False, mmap_mode="r"))}


def _joint_array(arrays: Mapping[str, Any]) -> JointArray:
    key = next((key for key in POSITION_KEYS if key in arrays), None)
    if key is None:
        hint = ""
        if "poses" in arrays or "pose_body" in arrays:
            hint = " It holds angles of a body model: compute the joints with that model first."
        raise CorruptError(
            f"no joint positions: none of {', '.join(POSITION_KEYS)} in {', '.join(arrays) or 'it'}.{hint}"
        )
    position = arrays[key]
    if position.ndim != 3 or position.shape[2] != 3 or position.dtype.kind not in "fiu":
        raise CorruptError(
            f"'{key}' must be numbers of the shape [time, joint, 3], got {position.dtype} {list(position.shape)}."
        )
    return JointArray(position.astype(np.float64), _rate_hz(arrays), _names(arrays, position.shape[1]))


def _rate_hz(arrays: Mapping[str, Any]) -> float | None:
    key = next((key for key in RATE_KEYS if key in arrays), None)
    if key is None:
        return None
    value = np.asarray(arrays[key])
    if value.size != 1 or value.dtype.kind not in "fiu" or not 0 < float(value.ravel()[0]) < np.inf:
        raise CorruptError(f"'{key}' must be one number of frames per second, got {str(value)[:40]!r}.")
    return float(value.ravel()[0])


def _names(arrays: Mapping[str, Any], joints: int) -> tuple[str, ...] | None:
    key = next((key for key in NAME_KEYS if key in arrays), None)
    if key is None:
        return None
    value = np.asarray(arrays[key])
    if value.shape != (joints,) or value.dtype.kind != "U":
        raise CorruptError(
            f"'{key}' must be {joints} texts, a name for each joint, got {value.dtype} {list(value.shape)}."
        )
    return tuple(str(name) for name in value)
