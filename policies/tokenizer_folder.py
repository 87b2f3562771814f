"""Where a checkpoint keeps the tokenizer of its language model, so that it needs nothing from elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from hlm.core.files import storage_errors

TOKENIZER_FOLDER = "tokenizer"
PARTIAL_FOLDER = f"{TOKENIZER_FOLDER}.partial"


def keep_tokenizer(save: Callable[[Path], object], checkpoint: Path) -> None:
    """Put a tokenizer into a checkpoint's folder, as a whole; one that is there already stays.

    Args:
        save: writes the tokenizer to a folder that is not there yet.
        checkpoint: its folder.

    Raises:
        StorageError: it could not be written.
    """
    kept = checkpoint / TOKENIZER_FOLDER
    if kept.is_dir():  # it came there as a whole
        return
    partial = checkpoint / PARTIAL_FOLDER
    with storage_errors("write", partial):
        shutil.rmtree(partial, ignore_errors=True)
        save(partial)
        partial.rename(kept)
