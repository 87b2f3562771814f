"""The tokenizer inside a checkpoint folder, so that the checkpoint needs nothing from elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from hlm.core.files import storage_errors

TOKENIZER_FOLDER = "tokenizer"
PARTIAL_FOLDER = f"{TOKENIZER_FOLDER}.partial"


def keep_tokenizer(save: Callable[[Path], object], checkpoint: Path) -> None:
    """Write a tokenizer into a checkpoint folder, all or nothing; an existing one stays.

    Args:
        save: writes the tokenizer to a folder that does not exist yet.
        checkpoint: the checkpoint folder.

    Raises:
        StorageError: it could not be written.
    """
    kept = checkpoint / TOKENIZER_FOLDER
    if kept.is_dir():  # Renamed into place, so it is complete.
        return
    partial = checkpoint / PARTIAL_FOLDER
    with storage_errors("write", partial):
        shutil.rmtree(partial, ignore_errors=True)
        save(partial)
        partial.rename(kept)
