"""Folders of pretrained weights: found, or fetched from Hugging Face, and read tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import safetensors
import torch
from safetensors import SafetensorError
from torch import Tensor

from hlm.core.errors import CorruptError, MismatchError, MissingFileError
from hlm.core.serialization import read_json
from hlm.policies.hub import WEIGHTS, model_folder

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
CONFIG_FILE = "config.json"
DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


class Found(NamedTuple):
    """A tensor in a file.

    Attributes:
        shape: of it.
        dtype: as safetensors names it.
    """

    shape: tuple[int, ...]
    dtype: str


class Weights:
    """Tensors of a folder by name, read one at a time; a context manager.

    Attributes:
        folder: where they lie.
        found: shapes and types by name.
    """

    def __init__(self, folder: Path) -> None:
        """Open the files and look at what they hold, not at the numbers.

        Raises:
            MissingFileError: there are no weights in the folder.
            CorruptError: a file is damaged.
        """
        self.folder = folder
        self._open = ExitStack()
        self._file_of: dict[str, Any] = {}
        self.found: Mapping[str, Found] = {}
        try:
            self.found = self._look(folder)
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
            CorruptError: it cannot be read, or holds values that are no numbers.
        """
        try:
            tensor: Tensor = self._file_of[name].get_tensor(name)
        except (SafetensorError, OSError, ValueError) as error:
            raise CorruptError(f"{self.folder}: {name} cannot be read: {error}. {AGAIN}") from error
        # A sum is not finite if any summand is not, and needs no second tensor.
        if not torch.isfinite(tensor.sum(dtype=torch.float32)):
            raise CorruptError(f"{self.folder}: {name} holds values that are no finite numbers. {AGAIN}")
        return tensor

    def _look(self, folder: Path) -> dict[str, Found]:
        index = _shards(folder)
        found: dict[str, Found] = {}
        for path in dict.fromkeys(index.values()) if index else [folder / WEIGHTS_FILE]:
            file = self._open.enter_context(_opened(path))
            for name in file.keys():  # noqa: SIM118  (no mapping, only has keys)
                if index.get(name, path) != path:
                    raise CorruptError(f"{path} holds {name}, which {INDEX_FILE} says is elsewhere. {AGAIN}")
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
        MissingFileError: there is no such folder, and no such model to be fetched.
    """
    return model_folder(pretrained, "pretrained weights", WEIGHTS)


def check_kind(folder: Path, *, vision_language: bool) -> None:
    """Make sure that a folder holds pi0.5, or what else the vision-language model may come from.

    Raises:
        CorruptError: its description cannot be read.
        MismatchError: it describes something else.
    """
    # openpi and OpenHLM describe nothing; their tensors have to speak for themselves.
    document = read_json(folder / CONFIG_FILE) if (folder / CONFIG_FILE).exists() else {}
    kind = document.get("type", document.get("model_type", "pi05"))
    known = ("pi05", "paligemma") if vision_language else ("pi05",)
    if kind not in known:
        raise MismatchError(f"{folder} holds a '{kind}' model; init needs {' or '.join(known)}.")


def _shards(folder: Path) -> dict[str, Path]:
    """File of each tensor, for weights in several files."""
    if (folder / WEIGHTS_FILE).is_file():
        return {}
    if not (folder / INDEX_FILE).is_file():
        raise MissingFileError(f"{folder} has no {WEIGHTS_FILE}, nor {INDEX_FILE}.")
    mapping = read_json(folder / INDEX_FILE).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise CorruptError(f"{folder / INDEX_FILE} has no weight_map. {AGAIN}")
    for file in mapping.values():
        if not isinstance(file, str) or Path(file).name != file or not file.endswith(".safetensors"):
            raise CorruptError(f"{folder / INDEX_FILE} names {file!r}, which is no file beside it. {AGAIN}")
    return {name: folder / file for name, file in mapping.items()}


def _opened(path: Path) -> Any:
    try:
        return safetensors.safe_open(path, "pt")
    except FileNotFoundError:
        raise CorruptError(f"{path} is missing. {AGAIN}") from None
    except (SafetensorError, OSError) as error:
        raise CorruptError(f"{path} is damaged: {error}. {AGAIN}") from error
