"""Folders of pretrained models, on this machine or fetched once from Hugging Face."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hlm.core.errors import MissingFileError
from hlm.core.files import in_home

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
WEIGHT_FILES = ("*.json", "*.safetensors")
TOKENIZER_FILES = ("*.json", "*.model", "*.txt", "*.jinja")
"""Files of a tokenizer, and the description of the model that it belongs to."""


def model_folder(source: str | Path, what: str, patterns: Sequence[str]) -> Path:
    """The folder of a model, which is fetched from Hugging Face unless it is on this machine already.

    Args:
        source: folder, or Hugging Face name (owner/name).
        what: purpose of the model, for error messages, e.g. "a tokenizer".
        patterns: files that are needed.

    Raises:
        MissingFileError: no such folder, and the model cannot be fetched.
    """
    path = in_home(Path(source))
    if path.is_dir():
        return path
    if path.exists():
        raise MissingFileError(f"{path} is a file; {what} must be a folder.")
    if not HUB_NAME.fullmatch(str(source)):
        raise MissingFileError(f"no folder {path} with {what}, and it is not a Hugging Face name (owner/name).")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(source), allow_patterns=list(patterns)))
    except (OSError, ValueError) as error:  # All errors of the hub derive from one of these.
        raise MissingFileError(
            f"no folder {source} with {what}, and it cannot be fetched from Hugging Face ({_reason(error)}). Fetch it "
            f"where there is a network: hf download {source} (after hf auth login if it has a licence to accept)"
        ) from error


def unreadable(folder: str | Path, part: str, error: Exception) -> MissingFileError:
    """The error that a model's folder lacks a part, or that the part cannot be read."""
    return MissingFileError(f"no usable {part} in {folder}: {_reason(error)}")


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
