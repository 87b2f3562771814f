"""Files of motions: one for each motion while they are made, and one for all of them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hlm.control.learned_tracker.observation import TRACKER_HZ
from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError

TIMED = (
    "joint_pos",
    "joint_vel",
    "body_pos_w",
    "body_quat_w",
    "body_lin_vel_w",
    "body_ang_vel_w",
    "reference",
)
"""Arrays with a row for each instant at 50 Hz."""
STREAM = "stream"
"""The array with a row for each step at 30 Hz."""


class References(NamedTuple):
    """What is known of the motions in a file.

    Attributes:
        names: of the motions.
        start: [motion] row at which each begins in the arrays of `TIMED`.
        stream_start: [motion] row at which each begins in `STREAM`.
        reference: [time, 34] see `motion.Motion`.
        stream: [step, 34] see `motion.Motion`.
    """

    names: tuple[str, ...]
    start: npt.NDArray[np.int64]
    stream_start: npt.NDArray[np.int64]
    reference: FloatArray
    stream: FloatArray

    def stream_of(self, index: int) -> FloatArray:
        """[step, 34] the references at 30 Hz of a motion."""
        ends = [*self.stream_start[1:], len(self.stream)]
        return self.stream[self.stream_start[index] : ends[index]]


def write_motion(path: Path, arrays: dict[str, FloatArray]) -> None:
    """Write a motion, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(file, fps=np.array([TRACKER_HZ]), **arrays)  # type: ignore[arg-type]
    unfinished.replace(path)


def join_motions(path: Path, motions: Sequence[Path]) -> References:
    """Write motions one after the other into one file, in mjlab's format with where each begins."""
    parts = []
    for motion in motions:
        with np.load(motion) as arrays:
            parts.append({name: arrays[name] for name in (*TIMED, STREAM)})
    joined = {name: np.concatenate([part[name] for part in parts]) for name in (*TIMED, STREAM)}
    joined["start"] = _starts([len(part[TIMED[0]]) for part in parts])
    joined["stream_start"] = _starts([len(part[STREAM]) for part in parts])
    joined["names"] = np.array([motion.stem for motion in motions])
    write_motion(path, joined)
    return read_references(path)


def read_references(path: Path) -> References:
    """What is known of the motions in a file.

    Raises:
        CorruptError: it is no such file.
    """
    try:
        with np.load(path) as arrays:
            names = tuple(str(name) for name in arrays["names"])
            found = [arrays[name] for name in ("start", "stream_start", "reference", STREAM)]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CorruptError(f"{path} holds no motions: {' '.join(str(error).split())}") from error
    return References(names, *found)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _starts(lengths: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
