"""Attributes of Zarr groups, protected by a checksum, which Zarr itself does not have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hlm.core.errors import CorruptError
from hlm.core.files import write_atomic
from hlm.core.serialization import json_bytes, read_json
from hlm.datasets.store.checksum import checksum
from hlm.datasets.store.naming import METADATA, is_name

# Attribute of every group: CRC-32C of its other attributes.
ATTRIBUTES_CHECKSUM = "crc32c"


def group_metadata(attributes: Mapping[str, Any]) -> bytes:
    """Content of a group's `zarr.json`: its attributes with their checksum."""
    return json_bytes({"zarr_format": 3, "node_type": "group", "attributes": sealed(attributes)})


def group_attributes(folder: Path) -> dict[str, Any]:
    """Read the attributes of a Zarr v3 group; their checksum is not verified.

    Raises:
        CorruptError: there is no such group.
    """
    metadata = read_json(folder / METADATA)
    attributes = metadata.get("attributes", {})
    if metadata.get("zarr_format") != 3 or metadata.get("node_type") != "group" or not isinstance(attributes, dict):
        raise CorruptError(f"{folder} is not a Zarr v3 group.")
    return attributes


def sealed(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes with their checksum."""
    plain = json.loads(json_bytes(attributes))
    return {**plain, ATTRIBUTES_CHECKSUM: attributes_checksum(plain)}


def attributes_checksum(attributes: Mapping[str, Any]) -> str:
    """CRC-32C of JSON-able attributes except the checksum, as eight hexadecimal digits.

    It is computed from their JSON text with sorted keys, without spaces, in ASCII, so it does not depend on the program
    that wrote the file.
    """
    others = {name: value for name, value in attributes.items() if name != ATTRIBUTES_CHECKSUM}
    text = json.dumps(others, sort_keys=True, separators=(",", ":"))
    return f"{int.from_bytes(checksum(text.encode()), 'little'):08x}"


def check_attributes(attributes: Mapping[str, Any], path: Path) -> None:
    """Verify the checksum of attributes.

    Args:
        attributes: the attributes, with their checksum.
        path: where they come from, for the error.

    Raises:
        CorruptError: the attributes were damaged, or edited outside hlm.
    """
    if attributes.get(ATTRIBUTES_CHECKSUM) != attributes_checksum(attributes):
        raise CorruptError(
            f"the attributes in {path} differ from their checksum: they were damaged, or edited outside hlm."
        )


def write_attributes(folder: Path, attributes: Mapping[str, Any]) -> None:
    """Write the attributes of an episode. A partial episode that has attributes is complete."""
    write_atomic(folder / METADATA, group_metadata(attributes))


def steps_in(attributes: Mapping[str, Any]) -> int:
    """The number of steps in an episode's attributes.

    Raises:
        CorruptError: it is missing or invalid.
    """
    steps = attributes.get("steps")
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise CorruptError(f"the episode's attributes cannot be read: 'steps' should be at least 1, is {steps!r}.")
    return steps


def names_in(attributes: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The names in a list attribute of an episode.

    Args:
        attributes: attributes of the episode.
        key: name of the attribute.

    Raises:
        CorruptError: the list is missing, or holds a name that cannot be part of an array's name.
    """
    names = attributes.get(key)
    if not isinstance(names, list) or not all(is_name(name) for name in names):
        raise CorruptError(f"the episode's attributes cannot be read: '{key}' should be a list of names, is {names!r}.")
    return tuple(names)
