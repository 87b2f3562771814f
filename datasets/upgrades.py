"""Upgrades of a dataset's folders from one version of the schema to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlm.core.files import write_atomic
from hlm.core.serialization import json_bytes, read_json
from hlm.datasets.schema_2 import episode_attributes_3, info_attributes_3, renamed
from hlm.datasets.store.attributes import (
    ATTRIBUTES_CHECKSUM,
    attributes_checksum,
    group_attributes,
    group_metadata,
    sealed,
)
from hlm.datasets.store.journal import HEADER_FILE
from hlm.datasets.store.naming import METADATA

type Change = Callable[[Path], None]


def _nothing(_: Path) -> None:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Upgrade:
    """Change from one version of the schema to the next.

    Both functions get a folder of a copy, and change anything but the version numbers in it. They may add, delete,
    rename and replace files (`write_atomic`), but never edit one in place: the copy shares its files with the dataset.

    Attributes:
        summary: the change in a few words.
        episode: changes the folder of an episode, complete or partial.
        dataset: changes the folder of the dataset, but not the episodes in it.
    """

    summary: str
    episode: Change = _nothing
    dataset: Change = _nothing


def stamp(folder: Path, version: int) -> None:
    """Write a version number into the attributes and the journal's header of a folder, as far as it has them."""
    _change_attributes(folder, lambda attributes: {**attributes, "schema_version": version})
    _change_header(folder, lambda header: {**header, "schema_version": version})


def _change_attributes(folder: Path, change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Change the attributes of a group, if it has any. Damage that their checksum reveals stays detectable."""
    if (folder / METADATA).is_file():
        attributes = group_attributes(folder)
        changed = change(attributes)
        if is_intact(attributes):
            write_atomic(folder / METADATA, group_metadata(changed))
        else:
            write_atomic(folder / METADATA, json_bytes(read_json(folder / METADATA) | {"attributes": changed}))


def _change_header(folder: Path, change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Change the header of a partial episode's journal in the same way."""
    if (folder / HEADER_FILE).is_file():
        header = read_json(folder / HEADER_FILE)
        changed = change(header)
        write_atomic(folder / HEADER_FILE, json_bytes(sealed(changed) if is_intact(header) else changed))


def is_intact(attributes: Mapping[str, Any]) -> bool:
    """Whether the attributes of a group, or the header of a journal, fit their checksum."""
    return attributes.get(ATTRIBUTES_CHECKSUM) == attributes_checksum(attributes)


def _seal_episode(folder: Path) -> None:
    for file in folder.rglob(METADATA):
        if read_json(file).get("node_type") == "group":
            _seal(file.parent)
    if (folder / HEADER_FILE).is_file():
        write_atomic(folder / HEADER_FILE, json_bytes(sealed(read_json(folder / HEADER_FILE))))


def _seal(folder: Path) -> None:
    write_atomic(folder / METADATA, group_metadata(group_attributes(folder)))


# The version in which time steps were rows, privileged quantities were labels, and `extra` held what is a field now.
_JOURNAL_2, _JOURNAL_3 = "journal.rows", "journal.steps"
_LABELS_2, _PRIVILEGED_3 = "label", "privileged"


def _name_fields(folder: Path) -> None:
    _change_attributes(folder, episode_attributes_3)
    _change_header(folder, _header_3)
    for old, new in ((_LABELS_2, _PRIVILEGED_3), (_JOURNAL_2, _JOURNAL_3)):
        if (folder / old).exists():
            (folder / old).rename(folder / new)


def _name_conversion(folder: Path) -> None:
    _change_attributes(folder, _dataset_attributes_3)


def _header_3(header: Mapping[str, Any]) -> dict[str, Any]:
    columns = renamed(header.get("columns", {}), {"labels": "privileged"})
    return {**header, "info": info_attributes_3(header.get("info", {})), "columns": columns}


def _dataset_attributes_3(attributes: Mapping[str, Any]) -> dict[str, Any]:
    conversion = attributes.get("conversion")
    if not isinstance(conversion, dict):
        return dict(attributes)
    conversion = renamed(conversion, {"source": "dataset", "kind": "format"})
    lost = [renamed(one, {"rows": "steps"}) for one in conversion.get("cut_or_rejected", [])]
    return {**attributes, "conversion": {**conversion, "cut_or_rejected": lost}}


# By the version that they start from. A new version of the schema is one more entry here.
UPGRADES = {
    1: Upgrade(
        summary="attributes get a checksum, so that damage to them is found", episode=_seal_episode, dataset=_seal
    ),
    2: Upgrade(
        summary="candidates, scene and stages become attributes; rows are called steps, labels privileged",
        episode=_name_fields,
        dataset=_name_conversion,
    ),
}
