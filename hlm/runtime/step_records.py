"""Steps of an episode as records of shared memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hlm.core.errors import MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.datasets.schema import Step

_NONE = -1
_LONGEST_NAME = 64


def step_dtype(
    cameras: Mapping[str, tuple[int, int]], inputs: Sequence[str], privileged: Mapping[str, tuple[int, ...]]
) -> np.dtype[Any]:
    """Type of the record of a step.

    Args:
        cameras: height and width of the images by camera, px.
        inputs: that the step has ages of.
        privileged: shapes of the privileged quantities by name.
    """
    return np.dtype(
        [
            ("stamp_ns", np.int64),
            ("stage", np.int64),
            ("in_command", f"S{_LONGEST_NAME}"),
            ("state", np.float32, DIMENSIONS),
            ("action", np.float32, DIMENSIONS),
            ("age_s", np.dtype([(name, np.float64) for name in inputs])),
            ("has", np.dtype([(name, np.bool_) for name in cameras])),
            ("images", np.dtype([(name, np.uint8, (*size, 3)) for name, size in cameras.items()])),
            ("privileged", np.dtype([(name, np.float32, shape) for name, shape in privileged.items()])),
        ]
    )


def step_to_record(dtype: np.dtype[Any], step: Step, stage: int | None) -> np.void:
    """The record of a step; `step_from_record` is its inverse.

    Args:
        dtype: see `step_dtype`.
        step: the step.
        stage: of the task that was reached by now; None without a task.

    Raises:
        MismatchError: the step has other cameras, inputs or privileged quantities, or the name of who commands is too
            long.
    """
    records = np.zeros(1, dtype)
    record: np.void = records[0]
    record["stamp_ns"], record["stage"] = step.stamp_ns, _NONE if stage is None else stage
    record["state"], record["action"] = step.state, step.action
    record["in_command"] = _name(step.in_command)
    for group, values in (("age_s", step.age_s), ("privileged", step.privileged), ("images", step.images)):
        known = dtype[group].names or ()
        for name, value in values.items():
            if name not in known or np.shape(value) != dtype[group][name].shape:
                raise MismatchError(f"a step has {group} '{name}' of shape {np.shape(value)}, which was not announced.")
            record[group][name] = value
    for name in step.images:
        record["has"][name] = True
    return record


def step_from_record(record: np.void) -> tuple[Step, int | None]:
    """The step in a record, and the stage of the task that was reached by then."""
    ages, privileged = record["age_s"], record["privileged"]
    step = Step(
        stamp_ns=int(record["stamp_ns"]),
        state=record["state"],
        action=record["action"],
        images={name: record["images"][name] for name in record["has"].dtype.names or () if record["has"][name]},
        age_s={name: float(ages[name]) for name in ages.dtype.names or ()},
        privileged={name: privileged[name] for name in privileged.dtype.names or ()},
        in_command=bytes(record["in_command"]).decode(),
    )
    return step, None if record["stage"] == _NONE else int(record["stage"])


def _name(in_command: str) -> bytes:
    name = in_command.encode()
    if len(name) > _LONGEST_NAME:
        raise MismatchError(f"'{in_command[:40]}...' is too long a name: at most {_LONGEST_NAME} bytes.")
    return name
