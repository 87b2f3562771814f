"""Zarr v3 arrays in the two forms that episodes use, written and read directly.

A low-dimensional array is one raw chunk with a checksum; a camera is one shard with an image file and a checksum per
frame. Any Zarr v3 implementation reads both (the image files with imagecodecs' codecs). Reading them directly takes a
twentieth of the time and detects missing chunks, which Zarr would replace by zeros.
Source of the format: Zarr v3 core specification, codecs `bytes`, `crc32c` and `sharding_indexed`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError
from hlm.core.files import sync_folder, write_durable
from hlm.core.serialization import json_bytes, read_json
from hlm.datasets.store.checksum import CHECKSUM_BYTES, checksum
from hlm.datasets.store.images import CODECS, Codec, codec_of
from hlm.datasets.store.naming import METADATA

IMAGE_DIMENSIONS = ("time", "height", "width", "channel")

_BYTES: dict[str, Any] = {"name": "bytes", "configuration": {"endian": "little"}}
_CHECKSUM: dict[str, Any] = {"name": "crc32c"}
_RAW_CODECS = [_BYTES, _CHECKSUM]
# Zarr's settings for writing. Files say themselves how to read them, so theirs may differ.
_IMAGE_LEVELS: dict[Codec, int] = {"jpeg": 95, "avif": 60}
# Enough of a file to tell its codec.
_MARK_BYTES = 16
_DTYPES = ("int64", "float32")
# Metadata that is not needed to read an array.
_FREE = ("dimension_names", "attributes", "fill_value")


def chunk_name(dimensions: int) -> str:
    """Name of the file with the only chunk, or shard, of an array.

    Args:
        dimensions: number of the array's dimensions.
    """
    return ".".join(["c", *["0"] * dimensions])


def dimension_names(array: str, count: int) -> list[str]:
    """Names of the dimensions of a low-dimensional array of an episode.

    Args:
        array: name of the array.
        count: number of its dimensions.
    """
    if array in ("state", "action"):
        return ["time", "dimension"]
    return ["time", *(f"axis_{number}" for number in range(1, count))]


def write_array(folder: Path, array: FloatArray, dimensions: Sequence[str]) -> None:
    """Write an int64 or float32 array as a new Zarr array, durably."""
    folder.mkdir(parents=True, exist_ok=True)
    data = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
    write_durable(folder / chunk_name(array.ndim), data + checksum(data))
    metadata = _metadata(array.shape, array.dtype.name, _RAW_CODECS, dimensions)
    write_durable(folder / METADATA, json_bytes(metadata))
    sync_folder(folder)


def read_array(folder: Path) -> np.ndarray[Any, Any]:
    """Read an array, after verifying its checksum; the result is read-only.

    Raises:
        CorruptError: the array is missing, damaged, or stored in another form.
    """
    metadata = read_json(folder / METADATA)
    shape, dtype = _shape(metadata), metadata.get("data_type")
    if dtype not in _DTYPES or not _is_form(metadata, _RAW_CODECS):
        raise CorruptError(f"{folder} is not stored as one chunk with a checksum; it was not written by hlm.")
    path = folder / chunk_name(len(shape))
    size = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        # A file of another size is not read at all, since it could fill the memory.
        data = path.read_bytes() if path.stat().st_size == size + CHECKSUM_BYTES else b""
    except FileNotFoundError:
        raise CorruptError(f"{path} is missing.") from None
    body = data[:size]
    if checksum(body) != data[size:]:
        raise CorruptError(f"{path} is damaged: its checksum differs.")
    return np.frombuffer(body, np.dtype(dtype).newbyteorder("<")).reshape(shape)


def check_metadata(folder: Path, dimensions: Sequence[str]) -> None:
    """Check the metadata that reading an array does not check.

    Raises:
        CorruptError: names of dimensions, fill value or attributes are not as hlm writes them.
    """
    metadata = read_json(folder / METADATA)
    wanted = _metadata((), "", [], dimensions)
    for key in _FREE:
        if metadata.get(key) != wanted[key]:
            raise CorruptError(f"{folder / METADATA} is damaged or was edited: its {key} should be {wanted[key]!r}.")


def write_image_metadata(folder: Path, shape: tuple[int, int, int, int]) -> None:
    """Describe the shard in `folder` as a [time, height, width, 3] uint8 Zarr array, durably."""
    with (folder / chunk_name(len(shape))).open("rb") as file:
        codec = codec_of(file.read(_MARK_BYTES))
    metadata = _metadata(shape, "uint8", _shard_codecs(shape, codec), IMAGE_DIMENSIONS)
    write_durable(folder / METADATA, json_bytes(metadata))
    sync_folder(folder)


def image_shape(folder: Path) -> tuple[int, int, int, int]:
    """(time, height, width, 3) of a camera's array.

    Raises:
        CorruptError: the array is missing, or stored in another form.
    """
    metadata = read_json(folder / METADATA)
    shape = _shape(metadata)
    known = len(shape) == 4 and any(_is_form(metadata, _shard_codecs(shape, codec)) for codec in CODECS)
    if not known or metadata.get("data_type") != "uint8":
        raise CorruptError(f"{folder} is not stored as one shard of JPEG or AVIF files; it was not written by hlm.")
    time, height, width, channels = shape
    return time, height, width, channels


def _shape(metadata: Mapping[str, Any]) -> tuple[int, ...]:
    """The shape in an array's metadata; () if there is no valid one."""
    shape = metadata.get("shape")
    if not isinstance(shape, list) or not all(isinstance(size, int) and size >= 0 for size in shape):
        return ()
    return tuple(shape)


def _shard_codecs(shape: Sequence[int], codec: Codec) -> list[dict[str, Any]]:
    image = {"name": f"imagecodecs_{codec}", "configuration": {"level": _IMAGE_LEVELS[codec]}}
    configuration = {
        "chunk_shape": [1, *shape[1:]],
        "codecs": [image, _CHECKSUM],
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
    """Whether an array is stored as `_metadata` describes it, regardless of type, attributes and dimension names."""
    wanted = _metadata(_shape(metadata), "", codecs, ())
    return all(metadata.get(key) == value for key, value in wanted.items() if key not in ("data_type", *_FREE))
