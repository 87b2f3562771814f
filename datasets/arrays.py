"""Zarr v3 arrays in the two forms that an episode has, written and read without going through Zarr.

A low-dimensional array is one raw chunk with a checksum; a camera is one shard with a JPEG file and a checksum per
frame. Any Zarr v3 implementation reads both (the JPEG files with imagecodecs' codec). Reading them directly takes a
twentieth of the time, and finds a missing chunk, which Zarr would replace by zeros.
Source of the format: Zarr v3 core specification, codecs `bytes`, `crc32c` and `sharding_indexed`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError
from hlm.datasets.images import QUALITY
from hlm.datasets.storage import CHECKSUM_BYTES, checksum, json_bytes, read_json, sync_folder, write_durable

METADATA = "zarr.json"
IMAGE_DIMENSIONS = ("time", "height", "width", "channel")

_BYTES: dict[str, Any] = {"name": "bytes", "configuration": {"endian": "little"}}
_CHECKSUM: dict[str, Any] = {"name": "crc32c"}
_RAW_CODECS = [_BYTES, _CHECKSUM]
_JPEG_CODECS: list[dict[str, Any]] = [{"name": "imagecodecs_jpeg", "configuration": {"level": QUALITY}}, _CHECKSUM]
_DTYPES = ("int64", "float32")


def chunk_name(dimensions: int) -> str:
    """File that holds the only chunk, or shard, of an array with so many dimensions."""
    return ".".join(["c", *["0"] * dimensions])


def group_metadata(attributes: Mapping[str, Any]) -> bytes:
    """The `zarr.json` of a group."""
    return json_bytes({"zarr_format": 3, "node_type": "group", "attributes": attributes})


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


def write_array(folder: Path, array: FloatArray, dimensions: Sequence[str]) -> None:
    """Write an int64 or float32 array as a new Zarr array, durably."""
    folder.mkdir(parents=True, exist_ok=True)
    data = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
    write_durable(folder / chunk_name(array.ndim), data + checksum(data))
    metadata = _metadata(array.shape, array.dtype.name, _RAW_CODECS, dimensions)
    write_durable(folder / METADATA, json_bytes(metadata))
    sync_folder(folder)


def read_array(folder: Path) -> np.ndarray[Any, Any]:
    """A read-only array, after checking its checksum.

    Raises:
        CorruptError: missing, damaged, or stored in another form.
    """
    metadata = read_json(folder / METADATA)
    shape, dtype = tuple(metadata.get("shape", ())), metadata.get("data_type")
    if dtype not in _DTYPES or not _is_form(metadata, _RAW_CODECS):
        raise CorruptError(f"{folder} is not stored as one chunk with a checksum; it was not written by hlm.")
    path = folder / chunk_name(len(shape))
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CorruptError(f"{path} is missing.") from None
    body = data[:-CHECKSUM_BYTES]
    if len(body) != int(np.prod(shape)) * np.dtype(dtype).itemsize or checksum(body) != data[-CHECKSUM_BYTES:]:
        raise CorruptError(f"{path} is damaged: its checksum differs.")
    return np.frombuffer(body, np.dtype(dtype).newbyteorder("<")).reshape(shape)


def write_image_metadata(folder: Path, shape: tuple[int, int, int, int]) -> None:
    """Describe the shard in `folder` as a [time, height, width, 3] uint8 Zarr array, durably."""
    metadata = _metadata(shape, "uint8", _shard_codecs(shape), IMAGE_DIMENSIONS)
    write_durable(folder / METADATA, json_bytes(metadata))
    sync_folder(folder)


def image_shape(folder: Path) -> tuple[int, int, int, int]:
    """(time, height, width, 3) of a camera's array.

    Raises:
        CorruptError: missing, or stored in another form.
    """
    metadata = read_json(folder / METADATA)
    shape = metadata.get("shape", [])
    if len(shape) != 4 or metadata.get("data_type") != "uint8" or not _is_form(metadata, _shard_codecs(shape)):
        raise CorruptError(f"{folder} is not stored as one shard of JPEG frames; it was not written by hlm.")
    time, height, width, channels = (int(size) for size in shape)
    return time, height, width, channels


def _shard_codecs(shape: Sequence[int]) -> list[dict[str, Any]]:
    configuration = {
        "chunk_shape": [1, *shape[1:]],
        "codecs": _JPEG_CODECS,
        "index_codecs": _RAW_CODECS,
        "index_location": "end",
    }
    return [{"name": "sharding_indexed", "configuration": configuration}]


def _metadata(
    shape: Sequence[int], dtype: str, codecs: list[dict[str, Any]], dimensions: Sequence[str]
) -> dict[str, Any]:
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(shape)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": 0,
        "codecs": codecs,
        "attributes": {},
        "dimension_names": list(dimensions),
    }


def _is_form(metadata: Mapping[str, Any], codecs: list[dict[str, Any]]) -> bool:
    """Whether an array is stored as `_metadata` describes it, whatever its type, attributes and dimension names."""
    wanted = _metadata(metadata.get("shape", ()), "", codecs, ())
    free = ("data_type", "dimension_names", "attributes", "fill_value")
    return all(metadata.get(key) == value for key, value in wanted.items() if key not in free)
