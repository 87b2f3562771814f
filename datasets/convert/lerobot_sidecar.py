"""What LeRobot has no place for, in a folder of its own beside LeRobot's: `meta/hlm/`.

`dataset.json` holds the dataset's attributes and the shapes of its labels, `episodes.jsonl` one line for each episode:
its number, its attributes, and a checksum of its rows, so that descriptions are never put beside the rows of another
episode after somebody has edited the dataset.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.errors import CorruptError, MismatchError
from hlm.datasets.convert.lerobot_names import ACTION, STAMP, STATE, age_column, label_column
from hlm.datasets.reader import Dataset, Episode
from hlm.datasets.schema import SCHEMA_VERSION, names_in
from hlm.datasets.store.arrays import ATTRIBUTES_CHECKSUM
from hlm.datasets.store.storage import JSON_LIMIT_BYTES, checksum, json_bytes, read_json

FOLDER = Path("meta/hlm")
DATASET_FILE = "dataset.json"
EPISODES_FILE = "episodes.jsonl"
VERSION = 1
_CHECKED = (STAMP, STATE, ACTION)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Described:
    """An episode as it was in hlm.

    Attributes:
        number: that it had.
        attributes: all of them.
        rows_crc32c: of its stamps, states and actions.
    """

    number: int
    attributes: Mapping[str, Any]
    rows_crc32c: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """Inputs whose ages it has."""
        return names_in(self.attributes, "inputs")

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that it has."""
        return names_in(self.attributes, "labels")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sidecar:
    """Everything in the folder.

    Attributes:
        dataset: attributes of the dataset.
        labels: shape of each label.
        cameras: hlm's names by LeRobot's.
        episodes: in LeRobot's order.
    """

    dataset: Mapping[str, Any]
    labels: Mapping[str, tuple[int, ...]]
    cameras: Mapping[str, str]
    episodes: Sequence[Described]

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        episodes: Iterable[Episode],
        labels: Mapping[str, tuple[int, ...]],
        cameras: Mapping[str, str],
    ) -> Sidecar:
        """The sidecar of some episodes."""
        described = [
            Described(
                number=episode.number,
                attributes=_plain(episode.attributes),
                rows_crc32c=rows_crc32c({STAMP: episode.stamp_ns, STATE: episode.state, ACTION: episode.action}),
            )
            for episode in episodes
        ]
        return cls(dataset=dataset.spec.to_attributes(), labels=labels, cameras=cameras, episodes=described)

    def write(self, root: Path) -> None:
        """Write it into a LeRobot dataset."""
        folder = root / FOLDER
        folder.mkdir()
        value = {"version": VERSION, "dataset": self.dataset, "labels": self.labels, "cameras": self.cameras}
        (folder / DATASET_FILE).write_bytes(json_bytes(value))
        lines = [
            json.dumps({"number": one.number, "rows_crc32c": one.rows_crc32c, "attributes": one.attributes})
            for one in self.episodes
        ]
        (folder / EPISODES_FILE).write_text("\n".join([*lines, ""]), encoding="utf-8")

    @classmethod
    def read(cls, root: Path) -> Sidecar | None:
        """The sidecar of a LeRobot dataset; None when it has none.

        Raises:
            CorruptError: it cannot be read.
            MismatchError: a newer hlm wrote it.
        """
        folder = root / FOLDER
        if not folder.exists():
            return None
        value = read_json(folder / DATASET_FILE)
        try:
            if value["version"] > VERSION or value["dataset"]["schema_version"] > SCHEMA_VERSION:
                raise MismatchError(f"{folder} is of a newer hlm. Install that one.")
            episodes = [_described(line) for line in _lines(folder / EPISODES_FILE)]
            numbers = [episode.number for episode in episodes]
            if numbers != sorted(set(numbers)) or min(numbers, default=0) < 0:
                raise ValueError(f"episodes are numbered {numbers}")
            return cls(
                dataset=dict(value["dataset"]),
                labels={str(name): tuple(map(int, shape)) for name, shape in value["labels"].items()},
                cameras={str(old): str(new) for old, new in value["cameras"].items()},
                episodes=episodes,
            )
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            raise CorruptError(f"{folder} cannot be read ({error!r}). {_advice(root)}") from error


def check_same(described: Described, columns: Mapping[str, Any], where: str, root: Path) -> None:
    """Make sure that an episode's rows are those that its description was written with.

    Raises:
        CorruptError: they are not.
    """
    wanted = [*_CHECKED, *map(age_column, described.inputs), *map(label_column, described.labels)]
    if not set(wanted) <= set(columns) or rows_crc32c(columns) != described.rows_crc32c:
        raise CorruptError(f"{where} is not as hlm wrote it: edited since, or damaged. {_advice(root)}")


def check_count(sidecar: Sidecar, episodes: int, root: Path) -> None:
    """Make sure that there are as many episodes as descriptions.

    Raises:
        CorruptError: there are not.
    """
    if len(sidecar.episodes) != episodes:
        raise CorruptError(f"{root} has {episodes} episodes, hlm described {len(sidecar.episodes)}. {_advice(root)}")


def rows_crc32c(columns: Mapping[str, Any]) -> str:
    """CRC-32C of stamps, states and actions, in hexadecimal digits."""
    arrays = (np.ascontiguousarray(columns[name]) for name in _CHECKED)
    data = b"".join(array.astype(array.dtype.newbyteorder("<")).tobytes() for array in arrays)
    return checksum(data).hex()


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name != ATTRIBUTES_CHECKSUM}


def _described(line: str) -> Described:
    value = json.loads(line)
    attributes = dict(value["attributes"])
    return Described(number=int(value["number"]), attributes=attributes, rows_crc32c=str(value["rows_crc32c"]))


def _lines(path: Path) -> list[str]:
    lines = []
    with path.open(encoding="utf-8") as file:
        while line := file.readline(JSON_LIMIT_BYTES):
            lines.append(line)
    return lines


def _advice(root: Path) -> str:
    return f"To convert what is there without what hlm knew about it, move {root / FOLDER} away."
