"""The folder that a run writes its checkpoint to: checks that fail early rather than at the first save."""

from __future__ import annotations

import shutil
from pathlib import Path

from humanize import naturalsize

from hlm.core.errors import ExistsError, StorageError
from hlm.core.files import storage_errors
from hlm.datasets.store.lock import LOCK_FILE
from hlm.policies.checkpoint import EARLY_FILES, TRAINING_FILE, is_temporary
from hlm.policies.checkpoint_config import WEIGHTS_FILE
from hlm.policies.training.reports import LOG_FOLDER, WANDB_FOLDER


def must_be_new(out: Path) -> None:
    """Raise ExistsError if something is there already, other than leftovers of a run without a checkpoint."""
    if out.is_file():
        raise ExistsError(f"{out} is a file, and a checkpoint is a folder; choose another --out.")
    if not out.is_dir():
        return
    begun = any((out / name).is_file() for name in (WEIGHTS_FILE, TRAINING_FILE))
    # Left by a run that was killed before its first checkpoint; may be overwritten.
    early = (LOG_FOLDER, WANDB_FOLDER, LOCK_FILE, *EARLY_FILES)
    others = [entry for entry in out.iterdir() if entry.name not in early and not is_temporary(entry)]
    if begun or others:
        again = f"--resume {out} to continue it, or " if (out / TRAINING_FILE).is_file() else ""
        raise ExistsError(f"{out} exists already: {again}choose another --out.")


def must_have_space(out: Path, needed_bytes: int) -> None:
    """Make the folder, and raise StorageError if a checkpoint would not fit."""
    with storage_errors("write to", out):
        out.mkdir(parents=True, exist_ok=True)
        free_bytes = shutil.disk_usage(out).free
    if free_bytes < needed_bytes:
        needed, free = _told_apart(needed_bytes, free_bytes)
        # A run that is resumed stays where it is.
        other = "" if (out / TRAINING_FILE).is_file() else ", or choose another --out"
        raise StorageError(f"a checkpoint takes {needed}, and {out} has {free} left. Free some space{other}.")


def _told_apart(first: int, second: int) -> tuple[str, str]:
    """Two different sizes, rounded so that they still differ."""
    for form in ("%.0f", "%.1f", "%.3f"):
        shown = naturalsize(first, format=form), naturalsize(second, format=form)
        if shown[0] != shown[1]:
            return shown
    return f"{first} bytes", f"{second} bytes"
