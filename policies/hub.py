"""Folders of pretrained models, on this machine or fetched from Hugging Face once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hlm.core.errors import MissingFileError

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
WEIGHTS = ("*.json", "*.safetensors")
WORDS = ("*.json", "*.model", "*.txt", "*.jinja")
"""Files of a tokenizer, and what describes the model that it belongs to."""


def model_folder(source: str | Path, what: str, patterns: Sequence[str]) -> Path:
    """The folder of a model; one of Hugging Face is fetched, or found where it was fetched to.

    Args:
        source: folder, or Hugging Face name (owner/name).
        what: it is wanted for, in words.
        patterns: files that are needed.

    Raises:
        MissingFileError: there is no such folder, and no such model to be fetched.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise MissingFileError(f"{what} must be a folder, and {path} is a file.")
    if not HUB_NAME.fullmatch(str(source)):
        raise MissingFileError(f"no folder {path} of {what}, and that is no Hugging Face name (owner/name).")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(source), allow_patterns=list(patterns)))
    except (OSError, ValueError) as error:  # every error of the hub is one of these
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise MissingFileError(
            f"no folder {source} of {what}, and Hugging Face does not give it ({reason}). Fetch it where there is a "
            f"network: hf download {source} (after hf auth login, where a licence has to be accepted)"
        ) from error
