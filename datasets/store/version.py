"""The version of the schema that a dataset has on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hlm.core.errors import CorruptError, MismatchError
from hlm.datasets.store.naming import is_episode_folder

SCHEMA_VERSION = 3


def check_version(attributes: Mapping[str, Any], path: Path) -> None:
    """Check that attributes of a dataset or of an episode have the current version of the schema.

    Args:
        attributes: attributes with `schema_version`.
        path: where they come from, for the error.

    Raises:
        MismatchError: the version is newer or older; the text says what to do.
        CorruptError: the version is missing.
    """
    version = version_in(attributes, path)
    if version > SCHEMA_VERSION:
        raise MismatchError(f"{path} has schema {version}, this hlm reads up to {SCHEMA_VERSION}. Install a newer hlm.")
    if version < SCHEMA_VERSION:
        dataset = path.parent if is_episode_folder(path.name) else path
        raise MismatchError(
            f"{path} has schema {version}, this hlm reads {SCHEMA_VERSION}. Upgrade it: `hlm data migrate {dataset}`."
        )


def version_in(attributes: Mapping[str, Any], path: Path) -> int:
    """The version of the schema in attributes.

    Raises:
        CorruptError: it is missing.
    """
    version = attributes.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise CorruptError(f"{path} has no valid schema version: found {version!r}.")
    return version
