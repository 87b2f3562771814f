"""Names of an episode's arrays in a LeRobot dataset.

State, action and images have LeRobot's own keys. Stamps, ages and privileged quantities are columns of their own, which
LeRobot carries along and its policies ignore. A column that an episode lacks is nan there, and the sidecar says so.
Privileged quantities are flat, because LeRobot's editing tools fail on columns of two dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hlm.core.layout import DIMENSIONS, NAMES
from hlm.datasets.reader import Episode
from hlm.datasets.store.naming import is_name

STATE = "observation.state"
ACTION = "action"
IMAGES = "observation.images."
# hlm's own robot in LeRobot (`docs/lerobot.md`), which LeRobot's recorder names by its type, and its embodiment.
ROBOTS = {"hlm_g1": "unitree_g1"}
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


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnColumns:
    """Columns of a LeRobot dataset that hlm wrote.

    Attributes:
        stamp: whether there are stamps; without them, none of the other columns is hlm's.
        inputs: names of the inputs whose ages are recorded, sorted.
        privileged: the column of each privileged quantity, by its name.
    """

    stamp: bool
    inputs: tuple[str, ...]
    privileged: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """All columns."""
        return (*((STAMP,) if self.stamp else ()), *map(age_column, self.inputs), *self.privileged.values())


def own_columns(described: Mapping[str, Mapping[str, Any]]) -> OwnColumns:
    """Find the columns that hlm wrote among LeRobot's descriptions of columns.

    Others may have columns with the same beginnings; hlm's stand beside stamps, are flat, of 32-bit numbers, and named
    as hlm names things.
    """
    if not _fits(described.get(STAMP), "int64"):
        return OwnColumns(stamp=False, inputs=(), privileged={})
    flat = [name for name, feature in described.items() if _fits(feature, "float32")]
    ages = [name[len(_AGE) : -len(_AGE_END)] for name in flat if name.startswith(_AGE) and name.endswith(_AGE_END)]
    inputs = {_read(name) for name in ages if described[f"{_AGE}{name}{_AGE_END}"]["shape"] == (1,)}
    privileged: dict[str, str] = {}
    for prefix in (_LABEL, _PRIVILEGED):
        found = ((_read(column.removeprefix(prefix)), column) for column in flat if column.startswith(prefix))
        privileged |= {name: column for name, column in found if name}
    return OwnColumns(stamp=True, inputs=tuple(sorted(filter(None, inputs))), privileged=privileged)


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


def even_size(size: tuple[int, int]) -> tuple[int, int]:
    """The (height, width) under which images are exported: the next even ones."""
    height, width = size
    return height + height % 2, width + width % 2


def columns_of(episode: Episode) -> dict[str, Any]:
    """[time, ...] arrays of an episode by column, without images."""
    arrays: dict[str, Any] = {STATE: episode.state, ACTION: episode.action, STAMP: episode.stamp_ns}
    arrays |= {age_column(name): episode.age_s(name) for name in episode.inputs}
    return arrays | {privileged_column(name): episode.privileged_quantity(name) for name in episode.privileged}


def _fits(feature: Mapping[str, Any] | None, dtype: str) -> bool:
    """Whether a column is of these numbers, and flat."""
    return feature is not None and feature["dtype"] == dtype and len(feature["shape"]) == 1


def _read(spelt: str) -> str:
    """The name that is spelt so in a column; empty if it is none of hlm's."""
    name = spelt.replace("IMAGE", "image")
    return name if is_name(name) else ""


def _spelt(name: str) -> str:
    """A name as part of a column's. hlm's names are lower-case; LeRobot takes any column with `image` for images."""
    return name.replace("image", "IMAGE")
