"""What is noted of an open episode beside its journal, so that a recording that was killed still knows it."""

from __future__ import annotations

import json
from pathlib import Path

from hlm.datasets.store.checksum import checksum

# Lines of the stamp of the first step that somebody commands, and their name.
COMMAND_FILE = "journal.command"
# Lines of the stamps before and after a pause.
PAUSES_FILE = "journal.pauses"
NOTE_FILES = (COMMAND_FILE, PAUSES_FILE)


def note_line(stamp_ns: int, said: str | int) -> bytes:
    """A line of one of the files, with its checksum.

    Args:
        stamp_ns: of a step.
        said: of it, see the files.
    """
    data = json.dumps([stamp_ns, said], ensure_ascii=False).encode()
    return checksum(data).hex().encode() + b" " + data + b"\n"


def read_commands(folder: Path) -> list[tuple[int, str]]:
    """The changes of command of a partial episode, up to the first line that is damaged; none without any.

    Args:
        folder: of the partial episode.
    """
    return [(stamp_ns, str(name)) for stamp_ns, name in _read(folder / COMMAND_FILE)]


def read_pauses_ns(folder: Path) -> list[tuple[int, int]]:
    """Last and first instants around the pauses of a partial episode, up to the first line that is damaged.

    Args:
        folder: of the partial episode.
    """
    return [(stamp_ns, int(next_ns)) for stamp_ns, next_ns in _read(folder / PAUSES_FILE)]


def _read(path: Path) -> list[tuple[int, str | int]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    notes: list[tuple[int, str | int]] = []
    for line in lines:
        told, _, data = line.partition(b" ")
        if told != checksum(data).hex().encode():
            break
        stamp_ns, said = json.loads(data)
        notes.append((int(stamp_ns), said))
    return notes
