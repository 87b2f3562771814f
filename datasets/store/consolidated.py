"""Zarr's consolidated metadata: a copy of all metadata in the root, which `zarr.consolidate_metadata` makes.

Zarr believes it instead of the folders, so an episode that was recorded after it was made is not there for Zarr. hlm
never reads it, drops it whenever a dataset changes, and reports one that is out of date.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hlm.core.errors import CorruptError
from hlm.core.files import write_atomic
from hlm.core.serialization import json_bytes, read_json
from hlm.datasets.store.naming import METADATA

_CONSOLIDATED = "consolidated_metadata"


def drop_consolidated(folder: Path) -> None:
    """Drop the consolidated metadata of a group, if it has any; everything else in its `zarr.json` stays."""
    metadata = read_json(folder / METADATA)
    if _CONSOLIDATED in metadata:
        kept = {name: value for name, value in metadata.items() if name != _CONSOLIDATED}
        write_atomic(folder / METADATA, json_bytes(kept))


def stale_consolidated(folder: Path) -> list[str]:
    """Groups and arrays of which the consolidated metadata of a group differ from what is there, sorted.

    Raises:
        CorruptError: the metadata of the group cannot be read. What cannot be read below it differs.
    """
    listed = _listed(read_json(folder / METADATA))
    if listed is None:
        return []
    there = {str(file.parent.relative_to(folder)): file for file in folder.rglob(METADATA) if file.parent != folder}
    missing = set(there) ^ set(listed)
    changed = {name for name in set(there) & set(listed) if _essence(_read(there[name])) != _essence(listed[name])}
    return sorted(missing | changed)


def _read(path: Path) -> Any:
    """Metadata in a file; None if it cannot be read."""
    try:
        return read_json(path)
    except CorruptError:
        return None


def _listed(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Metadata in the consolidated metadata, by path; None without any."""
    consolidated = metadata.get(_CONSOLIDATED)
    if consolidated is None:
        return None
    listed = consolidated.get("metadata") if isinstance(consolidated, dict) else None
    return listed if isinstance(listed, dict) else {}


def _essence(metadata: Any) -> Any:
    """What readers need, and what Zarr writes as it found it."""
    if not isinstance(metadata, dict):
        return None
    return [metadata.get(name) for name in ("node_type", "shape", "data_type")], metadata.get("attributes") or {}
