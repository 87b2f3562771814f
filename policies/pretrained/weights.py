"""Folders of pretrained weights, read tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import safetensors
import torch
from safetensors import SafetensorError
from torch import Tensor

from hlm.core.errors import CorruptError, MissingFileError
from hlm.core.serialization import read_json
from hlm.policies.finite import is_finite
from hlm.policies.pretrained.hub import WEIGHT_FILES, model_folder

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
CONFIG_FILE = "config.json"
DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


class Found(NamedTuple):
    """A tensor in a file.

    Attributes:
        shape: its shape.
        dtype: its type, by safetensors' name.
    """

    shape: tuple[int, ...]
    dtype: str


class Weights:
    """The tensors in a folder by name, read one at a time; a context manager.

    Attributes:
        folder: the folder.
        found: shape and type of each tensor by name.
    """

    def __init__(self, folder: Path) -> None:
        """Open the files and list their tensors, without reading values.

        Raises:
            MissingFileError: there are no weights in the folder.
            CorruptError: a file is damaged.
        """
        self.folder = folder
        self._open = ExitStack()
        self._file_of: dict[str, Any] = {}
        self.found: Mapping[str, Found] = {}
        try:
            self.found = self._list(folder)
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def read(self, name: str) -> Tensor:
        """The tensor.

        Raises:
            CorruptError: it cannot be read, or holds values that are not finite.
        """
        try:
            tensor: Tensor = self._file_of[name].get_tensor(name)
        except (SafetensorError, OSError, ValueError) as error:
            raise CorruptError(f"{self.folder}: {name} cannot be read: {error}. {AGAIN}") from error
        if not is_finite(tensor):
            raise CorruptError(f"{self.folder}: {name} holds values that are not finite. {AGAIN}")
        return tensor

    def _list(self, folder: Path) -> dict[str, Found]:
        index = _shards(folder)
        found: dict[str, Found] = {}
        for path in dict.fromkeys(index.values()) if index else [folder / WEIGHTS_FILE]:
            file = self._open.enter_context(_opened(path))
            for name in file.keys():  # noqa: SIM118  (not a mapping: it has keys() only)
                if index.get(name, path) != path:
                    raise CorruptError(f"{path} holds {name}, which {INDEX_FILE} places in another file. {AGAIN}")
                part = file.get_slice(name)
                found[name] = Found(tuple(part.get_shape()), str(part.get_dtype()))
                self._file_of[name] = file
        absent = sorted(index.keys() - found.keys())
        if absent:
            raise CorruptError(f"{folder} lacks {len(absent)} tensors of {INDEX_FILE}, such as {absent[0]}. {AGAIN}")
        return found


AGAIN = "Copy or download it again."


def locate(pretrained: str) -> Path:
    """The folder of pretrained weights; those of a Hugging Face model are fetched once.

    Raises:
        MissingFileError: no such folder, and the model cannot be fetched.
    """
    return model_folder(pretrained, "pretrained weights", WEIGHT_FILES)


def _shards(folder: Path) -> dict[str, Path]:
    """The file of each tensor, for weights in several files; empty for a single file."""
    if (folder / WEIGHTS_FILE).is_file():
        return {}
    if not (folder / INDEX_FILE).is_file():
        raise MissingFileError(f"{folder} has neither {WEIGHTS_FILE} nor {INDEX_FILE}.")
    mapping = read_json(folder / INDEX_FILE).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise CorruptError(f"{folder / INDEX_FILE} has no weight_map. {AGAIN}")
    for file in mapping.values():
        if not isinstance(file, str) or Path(file).name != file or not file.endswith(".safetensors"):
            raise CorruptError(f"{folder / INDEX_FILE} names {file!r}, which is not a file next to it. {AGAIN}")
    return {name: folder / file for name, file in mapping.items()}


def _opened(path: Path) -> Any:
    try:
        return safetensors.safe_open(path, "pt")
    except FileNotFoundError:
        raise CorruptError(f"{path} is missing. {AGAIN}") from None
    except (SafetensorError, OSError) as error:
        raise CorruptError(f"{path} is damaged: {error}. {AGAIN}") from error
