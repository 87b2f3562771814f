"""Who is in command of an open episode, beside its journal, so that a recording that was killed still knows it."""

from __future__ import annotations

import json
from pathlib import Path

from hlm.datasets.store.checksum import checksum

COMMAND_FILE = "journal.command"


def command_line(stamp_ns: int, name: str) -> bytes:
    """The line of a change of command, with its checksum.

    Args:
        stamp_ns: of the first step that `name` commands.
        name: who commands from then on.
    """
    data = json.dumps([stamp_ns, name], ensure_ascii=False).encode()
    return checksum(data).hex().encode() + b" " + data + b"\n"


def read_commands(folder: Path) -> list[tuple[int, str]]:
    """The changes of command of a partial episode, up to the first line that is damaged; none without any.

    Args:
        folder: of the partial episode.
    """
    try:
        lines = (folder / COMMAND_FILE).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    changes: list[tuple[int, str]] = []
    for line in lines:
        told, _, data = line.partition(b" ")
        if told != checksum(data).hex().encode():
            break
        stamp_ns, name = json.loads(data)
        changes.append((int(stamp_ns), str(name)))
    return changes
