"""Names of an episode's arrays in a LeRobot dataset.

State, action and images have LeRobot's own keys. Stamps, ages and privileged quantities are columns of their own, which
LeRobot carries along and its policies ignore. A column that an episode lacks is nan there, and the sidecar says so.
Privileged quantities are flat, because LeRobot's editing tools fail on columns of two dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hlm.core.layout import DIMENSIONS, NAMES
from hlm.datasets.reader import Episode

STATE = "observation.state"
ACTION = "action"
IMAGES = "observation.images."
STAMP = "stamp_ns"
_AGE, _AGE_END = "age.", "_s"
_PRIVILEGED = "privileged."
# What version 0.1 wrote in its place.
_LABEL = "label."

type Shapes = Mapping[str, tuple[int, ...]]


def age_column(name: str) -> str:
    """Column of an input's age."""
    return f"{_AGE}{_spelt(name)}{_AGE_END}"


def privileged_column(name: str) -> str:
    """Column of a privileged quantity."""
    return f"{_PRIVILEGED}{_spelt(name)}"


def inputs_in(columns: Sequence[str]) -> tuple[str, ...]:
    """Names of the inputs whose ages are among some columns."""
    found = (name for name in columns if name.startswith(_AGE) and name.endswith(_AGE_END))
    return tuple(sorted(name[len(_AGE) : -len(_AGE_END)].lower() for name in found))


def privileged_in(columns: Sequence[str]) -> dict[str, str]:
    """The column of each privileged quantity that is among some columns, by its name."""
    prefixes = ((column, prefix) for column in columns for prefix in (_PRIVILEGED, _LABEL) if column.startswith(prefix))
    return {column.removeprefix(prefix).lower(): column for column, prefix in prefixes}


def features(cameras: Mapping[str, tuple[int, int]], inputs: Sequence[str], privileged: Shapes) -> dict[str, Any]:
    """LeRobot's description of every column.

    Args:
        cameras: (height, width) in pixels by LeRobot's name of the camera.
        inputs: names of the inputs whose ages are columns.
        privileged: shape of each privileged quantity, in hlm.
    """
    vector = {"dtype": "float32", "shape": (DIMENSIONS,), "names": list(NAMES)}
    described: dict[str, Any] = {STATE: dict(vector), ACTION: dict(vector)}
    for camera, size in cameras.items():
        names = ["height", "width", "channels"]
        described[IMAGES + camera] = {"dtype": "video", "shape": (*size, 3), "names": names}
    described[STAMP] = {"dtype": "int64", "shape": (1,), "names": None}
    for name in inputs:
        described[age_column(name)] = {"dtype": "float32", "shape": (1,), "names": None}
    for name, shape in privileged.items():
        described[privileged_column(name)] = {"dtype": "float32", "shape": (math.prod(shape),), "names": None}
    return described


def columns_of(episode: Episode) -> dict[str, Any]:
    """[time, ...] arrays of an episode by column, without images."""
    arrays: dict[str, Any] = {STATE: episode.state, ACTION: episode.action, STAMP: episode.stamp_ns}
    arrays |= {age_column(name): episode.age_s(name) for name in episode.inputs}
    return arrays | {privileged_column(name): episode.privileged_quantity(name) for name in episode.privileged}


def _spelt(name: str) -> str:
    """A name as part of a column's. hlm's names are lower-case; LeRobot takes any column with `image` for images."""
    return name.replace("image", "IMAGE")
