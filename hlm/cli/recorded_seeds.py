"""Seeds that a dataset holds already, so that recording into it goes on after them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from hlm.core.errors import HlmError


def recorded_seeds(dataset: Path, task: str) -> set[int]:
    """Seeds of a task's episodes, the unfinished ones included: `hlm data recover` may still keep those.

    Args:
        dataset: folder; there may be nothing yet.
        task: name of the task.

    Raises:
        HlmError: a finished episode cannot be read.
    """
    from hlm.datasets.reader import open_dataset
    from hlm.datasets.schema import EpisodeInfo
    from hlm.datasets.store.journal import Header
    from hlm.datasets.store.naming import numbered_episodes

    if not dataset.is_dir() or not any(dataset.iterdir()):
        return set()
    infos = []
    if numbered_episodes(dataset, partial=False):
        infos = [episode.info for episode in open_dataset(dataset)]
    for _, folder in numbered_episodes(dataset, partial=True):
        with suppress(HlmError, OSError):  # what has no header any more cannot be recovered either
            infos.append(EpisodeInfo.from_attributes(Header.read(folder).description))
    return {info.seed for info in infos if info.task == task and info.seed is not None}
