"""How an hlm episode is spelt in LeRobot's terms: keys, features, and the columns that LeRobot has no word for.

State, action and pictures have LeRobot's own keys. Stamps, ages and labels are columns of their own, which LeRobot
carries along and its policies ignore; a column that an episode lacks is nan there, and the sidecar says so. Labels are
flat, because LeRobot's tools for editing fail on columns of two dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hlm.core.layout import DIMENSIONS, NAMES
from hlm.datasets.reader import Episode

STATE = "observation.state"
ACTION = "action"
PICTURES = "observation.images."
STAMP = "stamp_ns"
_AGE, _AGE_END = "age.", "_s"
_LABEL = "label."

type Shapes = Mapping[str, tuple[int, ...]]


def age_column(name: str) -> str:
    """Column of an input's age."""
    return f"{_AGE}{_spelt(name)}{_AGE_END}"


def label_column(name: str) -> str:
    """Column of a label."""
    return f"{_LABEL}{_spelt(name)}"


def inputs_in(columns: Sequence[str]) -> tuple[str, ...]:
    """Inputs whose ages are among some columns."""
    found = (name for name in columns if name.startswith(_AGE) and name.endswith(_AGE_END))
    return tuple(sorted(name[len(_AGE) : -len(_AGE_END)].lower() for name in found))


def labels_in(columns: Sequence[str]) -> tuple[str, ...]:
    """Labels that are among some columns."""
    return tuple(name.removeprefix(_LABEL).lower() for name in columns if name.startswith(_LABEL))


def features(cameras: Mapping[str, tuple[int, int]], inputs: Sequence[str], labels: Shapes) -> dict[str, Any]:
    """LeRobot's description of every column.

    Args:
        cameras: (height, width) by LeRobot's name of the camera.
        inputs: whose ages are columns.
        labels: shape of each, in hlm.
    """
    vector = {"dtype": "float32", "shape": (DIMENSIONS,), "names": list(NAMES)}
    described: dict[str, Any] = {STATE: dict(vector), ACTION: dict(vector)}
    for camera, size in cameras.items():
        names = ["height", "width", "channels"]
        described[PICTURES + camera] = {"dtype": "video", "shape": (*size, 3), "names": names}
    described[STAMP] = {"dtype": "int64", "shape": (1,), "names": None}
    for name in inputs:
        described[age_column(name)] = {"dtype": "float32", "shape": (1,), "names": None}
    for name, shape in labels.items():
        described[label_column(name)] = {"dtype": "float32", "shape": (math.prod(shape),), "names": None}
    return described


def columns_of(episode: Episode) -> dict[str, Any]:
    """[time, ...] arrays of an episode by column, pictures apart."""
    arrays: dict[str, Any] = {STATE: episode.state, ACTION: episode.action, STAMP: episode.stamp_ns}
    arrays |= {age_column(name): episode.age_s(name) for name in episode.inputs}
    return arrays | {label_column(name): episode.label(name) for name in episode.labels}


def _spelt(name: str) -> str:
    """A name in a column's: LeRobot takes every column with `image` in it for pictures; hlm's names are lower-case."""
    return name.replace("image", "IMAGE")
