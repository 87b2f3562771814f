"""What tells two policies apart: a digest of everything that decides their actions. Imports no torch by itself."""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hlm.core.documents import to_document
from hlm.core.errors import CorruptError, HlmError
from hlm.core.files import storage_errors
from hlm.core.serialization import json_bytes, read_json
from hlm.datasets.statistics import Statistics
from hlm.policies.catalog import find_policy_config
from hlm.policies.checkpoint_config import STATISTICS_FILE, WEIGHTS_FILE, CheckpointConfig, Sampling, read_config

if TYPE_CHECKING:
    from torch import Tensor

    from hlm.policies.checkpoint import Checkpoint

# A safetensors file: the length of the header in 8 bytes, the header, which is JSON, and the tensors.
_LENGTH_BYTES = 8
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


def policy_digest(checkpoint: Checkpoint, sampling: Sampling) -> str:
    """SHA-256 of weights, statistics, options, encoding, words and sampling, in hexadecimal digits.

    A copy is the same policy, wherever it lies and whatever its card says.

    Args:
        checkpoint: the policy.
        sampling: how its chunks are sampled, where that differs from the checkpoint's default.
    """
    described = _described(checkpoint.config, checkpoint.statistics, sampling)
    return hashlib.sha256(described + _of_weights(checkpoint.weights)).hexdigest()


def folder_digest(path: Path, euler_steps: int | None = None) -> str:
    """The `policy_digest` of the policy in a checkpoint folder, which is not loaded for it.

    Args:
        path: the folder.
        euler_steps: flow steps per chunk; the checkpoint's default if None.

    Raises:
        CorruptError: a file is damaged.
        StorageError: a file cannot be read.
    """
    config = read_config(path)
    sampling = config.sampling if euler_steps is None else replace(config.sampling, euler_steps=euler_steps)
    try:
        statistics = Statistics.from_dict(read_json(path / STATISTICS_FILE))
    except HlmError as error:
        raise CorruptError(f"{path / STATISTICS_FILE} is damaged: {error}") from error
    return hashlib.sha256(_described(config, statistics, sampling) + _of_file(path / WEIGHTS_FILE)).hexdigest()


def _described(config: CheckpointConfig, statistics: Statistics, sampling: Sampling) -> bytes:
    sources = find_policy_config(config.policy).sources
    described = {
        "policy": config.policy,
        "policy_config": {name: value for name, value in config.policy_config.items() if name not in sources},
        "encoding": to_document(config.encoding),
        "vocabulary": to_document(config.vocabulary),
        "statistics": statistics.to_dict(),
        "sampling": to_document(sampling),
    }
    return json_bytes(described)


def _of_weights(weights: Mapping[str, Tensor]) -> bytes:
    import torch

    total = hashlib.sha256()
    for name in sorted(weights):
        weight = weights[name].detach().cpu().contiguous()
        total.update(_titled(name, str(weight.dtype), list(weight.shape)))
        total.update(weight.reshape(-1).view(torch.uint8).numpy())
    return total.digest()


def _of_file(path: Path) -> bytes:
    """What `_of_weights` gives for the tensors in a safetensors file."""
    total = hashlib.sha256()
    with storage_errors("read", path), path.open("rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
                start = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
                header: dict[str, Any] = json.loads(data[_LENGTH_BYTES:start])
                for name in sorted(header.keys() - {"__metadata__"}):
                    entry = header[name]
                    begin, end = entry["data_offsets"]
                    total.update(_titled(name, f"torch.{_DTYPES[entry['dtype']]}", entry["shape"]))
                    with view[start + begin : start + end] as piece:
                        total.update(piece)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptError(f"{path} is damaged: {error}. Copy the checkpoint again.") from error
    return total.digest()


def _titled(name: str, dtype: str, shape: list[int]) -> bytes:
    return f"{name} {dtype} {shape} ".encode()
