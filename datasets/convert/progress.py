"""What a conversion has finished, kept on disk, so that a conversion that was killed can go on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from hlm.core.files import write_all
from hlm.datasets.convert.report import Converted
from hlm.datasets.schema import Json


class Progress:
    """Outcomes of a conversion's episodes: those of an earlier attempt, and those of this one.

    An outcome is added when its episodes are complete in the new dataset. Whatever else is there after a kill belongs
    to no outcome, and is deleted before the conversion goes on.

    Args:
        file: one JSON text per line, one line per outcome; it need not exist. A last line that was cut off is ignored.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._outcomes: dict[str, Converted] = {}
        self._facts: dict[str, Mapping[str, Json]] = {}
        lines = file.read_bytes().split(b"\n")[:-1] if file.is_file() else []
        for line in lines:
            fields, facts = json.loads(line)
            outcome = Converted(**fields | {"episodes": tuple(fields["episodes"])})
            self._outcomes[outcome.name], self._facts[outcome.name] = outcome, facts
        if file.is_file():
            # The next line must not continue one that was cut off.
            os.truncate(file, sum(len(line) + 1 for line in lines))

    def __len__(self) -> int:
        return len(self._outcomes)

    @property
    def numbers(self) -> frozenset[int]:
        """Numbers of all episodes that are complete in the new dataset."""
        return frozenset(number for outcome in self._outcomes.values() for number in outcome.episodes)

    def outcome(self, name: str) -> Converted | None:
        """What became of an episode; None if it is yet to be converted."""
        return self._outcomes.get(name)

    def facts(self, name: str) -> Mapping[str, Json]:
        """What was kept with the outcome of an episode, see `add`.

        Raises:
            KeyError: the episode is yet to be converted.
        """
        return self._facts[name]

    def add(self, outcome: Converted, facts: Mapping[str, Json] | None = None) -> Converted:
        """Keep an outcome, durably; returns it.

        Args:
            outcome: what became of an episode.
            facts: what the report on the whole dataset needs to know of the episode.
        """
        self._outcomes[outcome.name], self._facts[outcome.name] = outcome, facts or {}
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            write_all(descriptor, json.dumps([asdict(outcome), facts or {}]).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return outcome
