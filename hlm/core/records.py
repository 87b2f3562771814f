"""Values of the contract as fixed-size records, for shared memory."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from hlm.core.layout import DIMENSIONS, JOINTS
from hlm.core.values import JointCommand, Reference, RobotState

_SIZES = {
    "vector": DIMENSIONS,
    "quat_world_from_pelvis_wxyz": 4,
    "quat_world_from_torso_wxyz": 4,
    "angular_velocity_pelvis_in_pelvis_rad_s": 3,
    "gripper_opening": 2,
}

type Recorded = RobotState | JointCommand | Reference


def _dtype(kind: type[Any]) -> np.dtype[Any]:
    """The stamp as int64, arrays as float64."""
    return np.dtype(
        [
            (item.name, np.int64) if item.name == "stamp_ns" else (item.name, np.float64, _SIZES.get(item.name, JOINTS))
            for item in fields(kind)
        ]
    )


_DTYPES: dict[type[Any], np.dtype[Any]] = {kind: _dtype(kind) for kind in (RobotState, JointCommand, Reference)}


def dtype_of(kind: type[Any]) -> np.dtype[Any]:
    """Type of the record of a `RobotState`, a `JointCommand` or a `Reference`."""
    return _DTYPES[kind]


def to_record(value: Recorded) -> np.void:
    """The record of a value; `from_record` is its inverse."""
    dtype = dtype_of(type(value))
    records = np.zeros(1, dtype)
    for name in dtype.names or ():
        records[name][0] = getattr(value, name)
    record: np.void = records[0]
    return record


def from_record[Value: (RobotState, JointCommand, Reference)](kind: type[Value], record: np.void) -> Value:
    """The value in a record."""
    arrays = {name: record[name] for name in dtype_of(kind).names or () if name != "stamp_ns"}
    return kind(stamp_ns=int(record["stamp_ns"]), **arrays)
