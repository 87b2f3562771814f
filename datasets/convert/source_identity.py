"""Identity of a conversion's source: equal as long as no file in it was changed, added or removed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def source_identity(path: Path, options: Any) -> str:
    """Hash of options, and of name, size and modification time of every file below a folder; links are followed.

    Contents are not read: they would take as long as the conversion.

    Args:
        path: the folder.
        options: anything whose text names it.
    """
    files: list[tuple[str, int, int]] = []
    visited: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(path, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in visited:
            # A link to a folder above it.
            folders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        for name in names:
            file = Path(folder, name)
            if file.exists():
                found = file.stat()
                files.append((os.fspath(file.relative_to(path)), found.st_size, found.st_mtime_ns))
    return hashlib.sha256(json.dumps([repr(options), sorted(files)]).encode()).hexdigest()
