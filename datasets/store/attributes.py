"""Attributes of a Zarr group, with a checksum that Zarr itself does not give them."""

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
    """The `zarr.json` of a group, its attributes with their checksum."""
    return json_bytes({"zarr_format": 3, "node_type": "group", "attributes": sealed(attributes)})


def group_attributes(folder: Path) -> dict[str, Any]:
    """Attributes of a Zarr v3 group.

    Raises:
        CorruptError: no such group.
    """
    metadata = read_json(folder / METADATA)
    attributes = metadata.get("attributes", {})
    if metadata.get("zarr_format") != 3 or metadata.get("node_type") != "group" or not isinstance(attributes, dict):
        raise CorruptError(f"{folder} is no Zarr v3 group.")
    return attributes


def sealed(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes with a checksum that fits them."""
    plain = json.loads(json_bytes(attributes))
    return {**plain, ATTRIBUTES_CHECKSUM: attributes_checksum(plain)}


def attributes_checksum(attributes: Mapping[str, Any]) -> str:
    """CRC-32C in eight hexadecimal digits of JSON-able attributes, without the checksum itself.

    It is that of their JSON text with sorted keys, without spaces, in ASCII, and so does not depend on who wrote the
    file.
    """
    others = {name: value for name, value in attributes.items() if name != ATTRIBUTES_CHECKSUM}
    text = json.dumps(others, sort_keys=True, separators=(",", ":"))
    return f"{int.from_bytes(checksum(text.encode()), 'little'):08x}"


def check_attributes(attributes: Mapping[str, Any], path: Path) -> None:
    """Make sure that attributes are as they were written.

    Raises:
        CorruptError: they were damaged, or edited without their checksum.
    """
    if attributes.get(ATTRIBUTES_CHECKSUM) != attributes_checksum(attributes):
        raise CorruptError(f"the attributes in {path} differ from their checksum: damaged, or edited outside hlm.")


def write_attributes(folder: Path, attributes: Mapping[str, Any]) -> None:
    """Write the attributes of an episode; a partial episode that has them is complete."""
    write_atomic(folder / METADATA, group_metadata(attributes))


def steps_in(attributes: Mapping[str, Any]) -> int:
    """The number of steps that an episode's attributes give.

    Raises:
        CorruptError: missing, or no such number.
    """
    steps = attributes.get("steps")
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise CorruptError(f"the episode's attributes cannot be read: 'steps' should be at least 1, is {steps!r}.")
    return steps


def names_in(attributes: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The names of arrays that an episode's attribute lists.

    Raises:
        CorruptError: missing, no list, or a name that cannot be part of an array's name.
    """
    names = attributes.get(key)
    if not isinstance(names, list) or not all(is_name(name) for name in names):
        raise CorruptError(f"the episode's attributes cannot be read: '{key}' should be a list of names, is {names!r}.")
    return tuple(names)
