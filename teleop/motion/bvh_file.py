"""Reads BVH files: a skeleton, and its channels at every frame.

The format is that of Biovision (M. Meredith, S. Maddock, Motion Capture File Formats Explained, 2001, section 2.1): a
tree of joints with their offsets and channels, then a line of numbers per frame.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError
from hlm.core.files import storage_errors

LIMIT_BYTES = 256 * 2**20
_MOST_JOINTS = 1000
_CHANNEL = re.compile(r"([xyz])(position|rotation)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class BvhJoint:
    """A joint of a skeleton.

    Attributes:
        name: as in the file; "" for the end of a limb, which has no channels.
        parent: index of its parent, which stands before it; -1 for the root.
        offset: [3] from the parent, in the file's unit.
        channels: such as `Xposition`, in the order of the columns.
        first_column: of its channels.
    """

    name: str
    parent: int
    offset: FloatArray
    channels: tuple[str, ...]
    first_column: int


@dataclass(frozen=True, slots=True, eq=False)
class BvhFile:
    """A skeleton and how it moves.

    Attributes:
        joints: every joint, parents first.
        frame_time_s: between two frames.
        values: [time, column] channels; lengths in the file's unit, angles in degrees.
    """

    joints: tuple[BvhJoint, ...]
    frame_time_s: float
    values: FloatArray


def read_bvh(path: Path) -> BvhFile:
    """Read a BVH file.

    Raises:
        StorageError: it cannot be read.
        CorruptError: it is not a BVH file, or a damaged one; the text has the line.
    """
    with storage_errors("read", path), path.open("rb") as file:
        is_too_large = path.stat().st_size > LIMIT_BYTES
        data = b"" if is_too_large else file.read(LIMIT_BYTES)
    if is_too_large:
        raise CorruptError(f"{path} is larger than {LIMIT_BYTES // 2**20} MiB; cut the motion into shorter files.")
    try:
        return parse_bvh(data.decode("utf-8-sig", errors="replace"))
    except CorruptError as error:
        raise CorruptError(f"{path}: {error}") from error


def parse_bvh(text: str) -> BvhFile:
    """Read the text of a BVH file.

    Raises:
        CorruptError: it is none, or a damaged one.
    """
    header, found, motion = _split(text)
    joints = _skeleton(header)
    if not found:
        raise CorruptError("it ends before its MOTION; the file is cut off or holds a skeleton alone.")
    columns = sum(len(joint.channels) for joint in joints)
    frames, frame_time_s, rows = _motion_head(motion)
    return BvhFile(joints, frame_time_s, _values(rows, frames, columns))


def _split(text: str) -> tuple[str, bool, str]:
    """The text of the skeleton, whether a motion follows, and that of the motion."""
    if not re.match(r"\s*HIERARCHY\b", text, re.IGNORECASE):
        raise CorruptError("this is no BVH file: it does not begin with HIERARCHY.")
    mark = re.search(r"^[ \t]*MOTION[ \t]*\r?$", text, re.IGNORECASE | re.MULTILINE)
    return (text[: mark.start()], True, text[mark.end() :]) if mark else (text, False, "")


def _skeleton(header: str) -> tuple[BvhJoint, ...]:
    builder = _Builder()
    for number, line in enumerate(header.splitlines(), start=1):
        # Braces may share a line with what stands before them.
        for part in re.split(r"([{}])", line):
            if words := part.split():
                try:
                    builder.take(words)
                except CorruptError as error:
                    raise CorruptError(f"line {number}: {error}") from error
    return builder.joints()


class _Builder:
    """Builds a skeleton from the words of its lines."""

    def __init__(self) -> None:
        self._drafts: list[_Draft] = []
        self._open: list[int] = []  # joints whose braces are open
        self._fresh: int | None = None  # a joint whose brace has yet to come
        self._names: set[str] = set()

    def take(self, words: list[str]) -> None:
        kind, rest = words[0].upper(), words[1:]
        if kind in ("ROOT", "JOINT"):
            self._begin(" ".join(rest), is_root=kind == "ROOT")
        elif kind == "END":
            self._begin("", is_root=False)
        elif kind == "{":
            self._enter()
        elif kind == "}":
            if not self._open or self._fresh is not None:
                raise CorruptError("a '}' that closes nothing.")
            self._open.pop()
        elif kind == "OFFSET":
            self._draft().offset = _offset(rest)
        elif kind == "CHANNELS":
            self._draft().channels = _channels(rest)
        elif kind != "HIERARCHY":
            raise CorruptError(f"'{words[0][:40]}' is unknown in a skeleton.")

    def joints(self) -> tuple[BvhJoint, ...]:
        if not self._drafts:
            raise CorruptError("it has no ROOT.")
        if self._open or self._fresh is not None:
            raise CorruptError("a '}' of its skeleton is missing; the file is cut off or damaged.")
        columns = itertools.accumulate((len(draft.channels or ()) for draft in self._drafts), initial=0)
        return tuple(draft.joint(column) for draft, column in zip(self._drafts, columns, strict=False))

    def _begin(self, name: str, *, is_root: bool) -> None:
        if self._fresh is not None:
            raise CorruptError("a '{' is missing before this.")
        if is_root and self._drafts:
            raise CorruptError(f"a second ROOT '{name}'; one person per file: cut the file into one for each.")
        if not is_root and not self._open:
            raise CorruptError(f"joint '{name}' stands outside of the ROOT.")
        if name in self._names:
            raise CorruptError(f"a second joint '{name}'.")
        if len(self._drafts) == _MOST_JOINTS:
            raise CorruptError(f"more than {_MOST_JOINTS} joints; this is no skeleton of a person.")
        self._names |= {name} - {""}
        self._fresh = len(self._drafts)
        self._drafts.append(_Draft(name, self._open[-1] if self._open else -1))

    def _enter(self) -> None:
        if self._fresh is None:
            raise CorruptError("a '{' without a joint.")
        self._open.append(self._fresh)
        self._fresh = None

    def _draft(self) -> _Draft:
        if not self._open or self._fresh is not None:
            raise CorruptError("this stands outside of a joint.")
        return self._drafts[self._open[-1]]


@dataclass(slots=True)
class _Draft:
    """A joint while it is read."""

    name: str
    parent: int
    offset: FloatArray | None = None
    channels: tuple[str, ...] | None = None

    def joint(self, column: int) -> BvhJoint:
        if self.offset is None:
            raise CorruptError(f"joint '{self.name}' has no OFFSET.")
        return BvhJoint(self.name, self.parent, self.offset, self.channels or (), column)


def _offset(words: list[str]) -> FloatArray:
    try:
        offset = np.array([float(word) for word in words])
    except ValueError:
        offset = np.empty(0)
    if offset.shape != (3,) or not np.all(np.abs(offset) < 1e9):
        raise CorruptError("an OFFSET must have three numbers.")
    return offset


def _channels(words: list[str]) -> tuple[str, ...]:
    names = words[1:]
    matches = [_CHANNEL.fullmatch(name) for name in names]
    known = tuple(match[1].upper() + match[2].lower() for match in matches if match)
    if len(known) < len(names):
        unknown = next(name for name, match in zip(names, matches, strict=True) if not match)
        raise CorruptError(f"channel '{unknown[:40]}' is unknown; known are Xposition, Xrotation, and so for Y and Z.")
    if words[:1] != [str(len(known))]:
        raise CorruptError(f"CHANNELS says {words[0][:20] if words else 'nothing'}, but {len(known)} are named.")
    if len(set(known)) < len(known):
        raise CorruptError("a channel is named twice.")
    return known


def _motion_head(motion: str) -> tuple[int, float, Iterator[str]]:
    """Number of frames, time of a frame, and the lines that follow."""
    lines = (line for line in motion.splitlines() if line.strip())
    frames = _labelled(next(lines, ""), "Frames")
    frame_time_s = _labelled(next(lines, ""), "Frame Time")
    if not (frames >= 0 and frames == int(frames)):
        raise CorruptError(f"'Frames' is {frames:g}, not a number of frames.")
    return int(frames), frame_time_s, lines


def _labelled(line: str, label: str) -> float:
    found = re.match(rf"\s*{label}\s*:\s*(\S+)\s*$", line, re.IGNORECASE)
    try:
        value = float(found[1]) if found else np.nan
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise CorruptError(f"'{label}: NUMBER' was expected after MOTION, found '{line.strip()[:40]}'.")
    return value


def _values(lines: Iterator[str], frames: int, columns: int) -> FloatArray:
    rows = list(lines)
    if len(rows) != frames:
        raise CorruptError(f"it says {frames} frames, but has {len(rows)}; the file is cut off or damaged.")
    if not rows:
        return np.empty((0, columns))
    for number, row in enumerate(rows, start=1):
        if (count := len(row.split())) != columns:
            raise CorruptError(f"frame {number} has {count} numbers, but the joints have {columns} channels.")
    try:
        return np.loadtxt(rows, dtype=np.float64, comments=None, ndmin=2)
    except ValueError as error:
        raise CorruptError(f"its frames hold something that is no number: {error}.") from error
