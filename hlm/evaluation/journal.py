"""The results of finished rollouts on disk, a line each as soon as it is there."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hlm.core.errors import CorruptError, HlmError
from hlm.core.files import storage_errors, write_all
from hlm.evaluation.plan import Plan
from hlm.evaluation.results import RolloutResult, rollout_of, values_of

JOURNAL_FILE = "rollouts.jsonl"


def append(folder: Path, result: RolloutResult) -> None:
    """Add a result, and wait until it is on the disk.

    Raises:
        StorageError: it could not be written; those before it are safe.
    """
    line = json.dumps(values_of(result), ensure_ascii=False).encode() + b"\n"
    path = folder / JOURNAL_FILE
    with storage_errors("write to", path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            write_all(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def finished(folder: Path) -> int:
    """Number of rollouts in the journal; changes nothing.

    Raises:
        StorageError: it cannot be read.
    """
    path = folder / JOURNAL_FILE
    with storage_errors("read", path):
        return path.read_bytes().count(b"\n") if path.is_file() else 0


def read(folder: Path, plan: Plan) -> dict[int, RolloutResult]:
    """The results by seed; a last line that was cut off is removed from the file.

    Raises:
        CorruptError: a line is damaged, or belongs to another evaluation.
        StorageError: the file cannot be read or mended.
    """
    path = folder / JOURNAL_FILE
    if not path.is_file():
        return {}
    with storage_errors("read", path):
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(path, whole)
    results: dict[int, RolloutResult] = {}
    for number, line in enumerate(data[:whole].split(b"\n")[:-1], 1):
        try:
            result = rollout_of(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, HlmError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise CorruptError(
                f"line {number} of {path} is damaged ({reason}); delete it to run its seed again."
            ) from error
        if result.seed not in plan.seeds:
            raise CorruptError(f"line {number} of {path} has seed {result.seed}, which is not of this evaluation.")
        results[result.seed] = result
    return results
