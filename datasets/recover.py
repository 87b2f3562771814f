"""Recovery of episodes that were left partial when the process died, the disk filled up, or power was lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hlm.core.errors import HlmError
from hlm.core.files import storage_errors
from hlm.core.wording import counted
from hlm.datasets.command import IN_COMMAND
from hlm.datasets.reader import read_spec
from hlm.datasets.schema import PAUSES_NS, DatasetSpec, EpisodeInfo, Json
from hlm.datasets.store.attributes import check_attributes, group_attributes, steps_in
from hlm.datasets.store.consolidated import drop_consolidated
from hlm.datasets.store.journal import HEADER_FILE, Header, read_records, steps_written
from hlm.datasets.store.lock import FolderLock
from hlm.datasets.store.naming import METADATA, numbered_episodes
from hlm.datasets.store.notes import read_commands, read_pauses_ns
from hlm.datasets.store.packing import finish, pack
from hlm.datasets.store.version import check_version


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """Outcome of recovering a partial episode.

    Attributes:
        number: number of the episode.
        episode: folder of the recovered episode; None if it could not be recovered, and was left as it is.
        steps: number of recovered steps.
        text: the outcome in words.
    """

    number: int
    episode: Path | None
    steps: int
    text: str


def recover(path: Path | str) -> list[Recovery]:
    """Complete each partial episode of a dataset, up to its last intact step.

    A recovered episode keeps its number, its pauses and who was in command; its outcome is "unlabelled" and its
    attribute `recovered` is true. An episode that was committed and lacked only its final name is completed as it was
    committed.

    Raises:
        LockedError: another process is writing the dataset.
        MissingFileError: there is no dataset at `path`.
        StorageError: the folder cannot be written.
    """
    path = Path(path)
    spec = read_spec(path)
    with FolderLock(path):
        with storage_errors("recover", path):
            drop_consolidated(path)
        return [_recover_one(number, folder, spec) for number, folder in numbered_episodes(path, partial=True)]


def _recover_one(number: int, folder: Path, spec: DatasetSpec) -> Recovery:
    try:
        with storage_errors("recover", folder):
            if (folder / METADATA).is_file():
                return _finish_one(number, folder)
            if not (folder / HEADER_FILE).is_file():
                return _lost(number, f"has no steps; delete {folder}")
            header = Header.read(folder)
            spec.check_cameras(header.columns.cameras)
            described = EpisodeInfo.from_attributes(header.description)
            records = read_records(folder, header.columns)
            damaged = steps_written(folder, header.columns) - len(records)
            if not len(records):
                return _lost(number, f"has no complete step; delete {folder}")
            extra = {**described.extra, **_noted(folder, int(records["stamp_ns"][-1]))}
            info = replace(described, outcome="unlabelled", stage=None, extra=extra)
            episode = pack(folder, header, records, info.to_attributes(), recovered=True)
    except HlmError as error:
        return _lost(number, str(error))
    text = f"recovered, {counted(len(records), 'step')}" + (f"; {damaged} after them were damaged" if damaged else "")
    return Recovery(number=number, episode=episode, steps=len(records), text=text)


def _noted(folder: Path, last_ns: int) -> dict[str, Json]:
    """Who was in command up to the last step, and the pauses before it, for `EpisodeInfo.extra`."""
    changes: list[Json] = [[stamp_ns, name] for stamp_ns, name in read_commands(folder) if stamp_ns <= last_ns]
    pauses: list[Json] = [list(pause_ns) for pause_ns in read_pauses_ns(folder) if pause_ns[1] <= last_ns]
    return {name: noted for name, noted in ((IN_COMMAND, changes), (PAUSES_NS, pauses)) if noted}


def _finish_one(number: int, folder: Path) -> Recovery:
    """Give a complete episode its final name, the last thing that its commit had left to do."""
    attributes = group_attributes(folder)
    check_version(attributes, folder)
    check_attributes(attributes, folder)
    steps = steps_in(attributes)
    return Recovery(number=number, episode=finish(folder), steps=steps, text=f"was complete, {counted(steps, 'step')}")


def _lost(number: int, text: str) -> Recovery:
    return Recovery(number=number, episode=None, steps=0, text=text)
