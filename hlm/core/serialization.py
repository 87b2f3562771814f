"""JSON and YAML files: written as bytes, read back with one-line errors."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hlm.core.errors import CorruptError, MissingFileError

# Metadata and configs take kilobytes; a file from elsewhere must not fill the memory.
LIMIT_BYTES = 16 * 2**20


def json_bytes(value: Any) -> bytes:
    """Indented UTF-8 JSON; NumPy scalars are written as plain numbers."""
    return json.dumps(value, indent=1, ensure_ascii=False, default=_plain).encode()


def read_json(path: Path, limit_bytes: int | None = None) -> dict[str, Any]:
    """Read the JSON object in a file.

    Args:
        path: the file.
        limit_bytes: size of the largest file to read; `LIMIT_BYTES` by default.

    Raises:
        CorruptError: the file is missing, too large, or not a JSON object.
    """
    try:
        data = _read(path, limit_bytes)
    except FileNotFoundError:
        raise CorruptError(f"{path} is missing.") from None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptError(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise CorruptError(f"{path} holds no JSON object.")
    return value


def yaml_bytes(document: Any) -> bytes:
    """UTF-8 YAML of a document, its keys in their order; `read_yaml` reads back what was written."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None).encode()


def read_yaml(path: Path) -> dict[str, Any]:
    """Read the YAML mapping in a file.

    Numbers are those of YAML 1.2 and JSON, for every file: `1e-3` is one, which YAML 1.1 takes for text; `1:30`, which
    it takes for 90, `010`, for 8, and dates are texts. A key that is given twice is an error: the YAML library would
    silently keep the last one.

    Raises:
        MissingFileError: there is no such file.
        CorruptError: the file is too large, not valid YAML, or not a mapping.
    """
    if not path.is_file():
        raise MissingFileError(f"no file {path}: {'this is a folder' if path.is_dir() else 'there is nothing'}.")
    try:
        document = yaml.load(_read(path), _Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise CorruptError(f"{path} is not valid YAML: {error.problem}{place}.") from error
    # Beyond its own errors, the library lets those of Python through where a value is not of its tag.
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise CorruptError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(document, dict):
        raise CorruptError(f"{path} must hold lines such as `name: value`.")
    return document


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        counts = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        for key, _ in reversed(node.value):
            if isinstance(key, yaml.ScalarNode) and counts[key.value] > 1:
                raise yaml.MarkedYAMLError(
                    problem=f"'{key.value}' is given {counts[key.value]} times", problem_mark=key.start_mark
                )
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    """Quotes the texts that `_Loader`, or another program's YAML 1.1, would read as numbers or dates."""


_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"(?:[-+]?(?:0|[1-9]\d*)|0x[0-9a-fA-F]{1,16})$")
_NUMBER = re.compile(
    r"(?:[-+]?(?:(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN))$"
)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag.removeprefix(_TAG) not in ("int", "float", "timestamp")]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _yaml_class in (_Loader, _Dumper):
    _yaml_class.add_implicit_resolver(_TAG + "int", _INTEGER, list("-+0123456789"))
    _yaml_class.add_implicit_resolver(_TAG + "float", _NUMBER, list("-+.0123456789"))


def _read(path: Path, limit_bytes: int | None = None) -> bytes:
    limit_bytes = LIMIT_BYTES if limit_bytes is None else limit_bytes
    with path.open("rb") as file:
        data = file.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise CorruptError(f"{path} is larger than {limit_bytes / 2**20:.0f} MiB; this is not the right file.")
    return data


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not fit into JSON")
