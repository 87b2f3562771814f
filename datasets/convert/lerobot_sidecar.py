"""Sidecar of an exported LeRobot dataset, for what LeRobot has no place for: the folder `meta/hlm/`.

`dataset.json` holds the dataset's attributes and the shapes of its privileged quantities. `episodes.jsonl` holds a line
for each episode: its number, its attributes, and a checksum of its steps, so that a dataset that was edited since never
gets descriptions beside the steps of other episodes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.errors import CorruptError, MismatchError
from hlm.core.serialization import LIMIT_BYTES, json_bytes, read_json
from hlm.datasets.convert.lerobot_folder import LeRobotFolder
from hlm.datasets.convert.lerobot_names import ACTION, STAMP, STATE, OwnColumns, age_column
from hlm.datasets.reader import Dataset, Episode
from hlm.datasets.schema_2 import episode_attributes_3, renamed
from hlm.datasets.selection import ranges
from hlm.datasets.store.attributes import ATTRIBUTES_CHECKSUM, names_in
from hlm.datasets.store.checksum import checksum
from hlm.datasets.store.version import SCHEMA_VERSION

FOLDER = Path("meta/hlm")
DATASET_FILE = "dataset.json"
EPISODES_FILE = "episodes.jsonl"
VERSION = 2
# Names of version 1, which hlm 0.1 wrote.
_NAMES_1 = {"labels": "privileged", "rows_crc32c": "steps_crc32c"}
_CHECKED = (STAMP, STATE, ACTION)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Described:
    """Description of an episode as it was in hlm.

    Attributes:
        number: number of the episode.
        attributes: all attributes of the episode.
        steps_crc32c: checksum of its stamps, states and actions.
    """

    number: int
    attributes: Mapping[str, Any]
    steps_crc32c: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs whose ages it has."""
        return names_in(self.attributes, "inputs")

    @property
    def privileged(self) -> tuple[str, ...]:
        """Names of its privileged quantities."""
        return names_in(self.attributes, "privileged")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sidecar:
    """Content of the folder.

    Attributes:
        dataset: attributes of the dataset.
        privileged: shape of each privileged quantity, by name.
        cameras: hlm's names of the cameras, by LeRobot's.
        episodes: description of each episode, in LeRobot's order.
    """

    dataset: Mapping[str, Any]
    privileged: Mapping[str, tuple[int, ...]]
    cameras: Mapping[str, str]
    episodes: Sequence[Described]

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        episodes: Iterable[Episode],
        privileged: Mapping[str, tuple[int, ...]],
        cameras: Mapping[str, str],
    ) -> Sidecar:
        """Make the sidecar of some episodes."""
        described = [
            Described(
                number=episode.number,
                attributes=_plain(episode.attributes),
                steps_crc32c=steps_crc32c({STAMP: episode.stamp_ns, STATE: episode.state, ACTION: episode.action}),
            )
            for episode in episodes
        ]
        return cls(dataset=dataset.spec.to_attributes(), privileged=privileged, cameras=cameras, episodes=described)

    def write(self, root: Path) -> None:
        """Write the sidecar into a LeRobot dataset."""
        folder = root / FOLDER
        folder.mkdir()
        value = {"version": VERSION, "dataset": self.dataset, "privileged": self.privileged, "cameras": self.cameras}
        (folder / DATASET_FILE).write_bytes(json_bytes(value))
        lines = [
            json.dumps({"number": one.number, "steps_crc32c": one.steps_crc32c, "attributes": one.attributes})
            for one in self.episodes
        ]
        (folder / EPISODES_FILE).write_text("\n".join([*lines, ""]), encoding="utf-8")

    @classmethod
    def read(cls, root: Path) -> Sidecar | None:
        """Read the sidecar of a LeRobot dataset; None if it has none.

        Raises:
            CorruptError: the sidecar cannot be read.
            MismatchError: the sidecar was written by a newer hlm.
        """
        folder = root / FOLDER
        if not folder.exists():
            return None
        value = read_json(folder / DATASET_FILE)
        try:
            value = renamed(value, _NAMES_1)
            if value["version"] > VERSION or value["dataset"]["schema_version"] > SCHEMA_VERSION:
                raise MismatchError(f"{folder} was written by a newer hlm. Install that one.")
            episodes = [_described(line) for line in _lines(folder / EPISODES_FILE)]
            numbers = [episode.number for episode in episodes]
            if numbers != sorted(set(numbers)) or min(numbers, default=0) < 0:
                raise ValueError(f"episodes are numbered {numbers}")
            return cls(
                dataset=dict(value["dataset"]),
                privileged={str(name): tuple(map(int, shape)) for name, shape in value["privileged"].items()},
                cameras={str(old): str(new) for old, new in value["cameras"].items()},
                episodes=episodes,
            )
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            raise CorruptError(f"{folder} cannot be read ({error!r}). {_advice(root)}") from error


def check_same(described: Described, columns: Mapping[str, Any], own: OwnColumns, where: str, root: Path) -> None:
    """Check that an episode still has the steps that its description was written for.

    Raises:
        CorruptError: it does not.
    """
    privileged = (own.privileged.get(name, name) for name in described.privileged)
    wanted = [*_CHECKED, *map(age_column, described.inputs), *privileged]
    if not set(wanted) <= set(columns) or steps_crc32c(columns) != described.steps_crc32c:
        raise CorruptError(f"{where} is not as hlm wrote it: edited since, or damaged. {_advice(root)}")


def check_dataset(sidecar: Sidecar, folder: LeRobotFolder) -> None:
    """Check that LeRobot's description says of the whole dataset what the sidecar says.

    Raises:
        CorruptError: it does not.
    """
    root, numbers, described = folder.path, folder.numbers, len(sidecar.episodes)
    if len(numbers) != described:
        raise CorruptError(f"{root} has {len(numbers)} episodes, hlm described {described}. {_advice(root)}")
    if numbers != tuple(range(described)):
        raise CorruptError(f"{root} has episodes {ranges(numbers)}, hlm described 0-{described - 1}. {_advice(root)}")
    pairs = {
        "steps per second": (folder.info.rate_hz, sidecar.dataset.get("rate_hz")),
        "the robot": (folder.info.robot, sidecar.dataset.get("embodiment")),
    }
    for what, (said, ours) in pairs.items():
        if said != ours:
            raise CorruptError(f"{root}: {what} in meta/info.json: {said}, in {FOLDER}: {ours}. {_advice(root)}")


def steps_crc32c(columns: Mapping[str, Any]) -> str:
    """CRC-32C of stamps, states and actions, as hexadecimal digits."""
    arrays = (np.ascontiguousarray(columns[name]) for name in _CHECKED)
    data = b"".join(array.astype(array.dtype.newbyteorder("<")).tobytes() for array in arrays)
    return checksum(data).hex()


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name != ATTRIBUTES_CHECKSUM}


def _described(line: str) -> Described:
    value = renamed(json.loads(line), _NAMES_1)
    attributes = dict(value["attributes"])
    if attributes.get("schema_version", SCHEMA_VERSION) < SCHEMA_VERSION:
        attributes = episode_attributes_3(attributes)
    return Described(number=int(value["number"]), attributes=attributes, steps_crc32c=str(value["steps_crc32c"]))


def _lines(path: Path) -> list[str]:
    lines = []
    with path.open(encoding="utf-8") as file:
        while line := file.readline(LIMIT_BYTES):
            lines.append(line)
    return lines


def _advice(root: Path) -> str:
    return f"To convert the dataset without hlm's descriptions, move {root / FOLDER} away."
