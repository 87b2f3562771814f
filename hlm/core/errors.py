"""Errors that tell a person what was asked, what was found, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HlmError(Exception):
    """Base of every error that a user can cause or mend; the command line prints it as one line, exit code 2."""


class UnknownNameError(HlmError):
    """A name that is not among the known ones; the text lists them and suggests the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        super().__init__(f"no {kind} '{name}'. Known: {', '.join(names) or 'none'}.{hint}")
        self._asked = (kind, name, tuple(names))

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, tuple[str, ...]]]:
        # Errors come back from worker processes as their arguments, and by default those would be the finished text.
        return type(self), self._asked


class InputError(HlmError):
    """An argument, setting or value that cannot be used."""


class MissingFileError(HlmError):
    """A path that does not lead to what was asked for."""


class ExistsError(HlmError):
    """An output that is already there and would have been overwritten."""


class MismatchError(HlmError):
    """Two parts that do not belong together: another embodiment, rate, camera set, or shape."""


class CorruptError(HlmError):
    """A file that is there but cannot be read as what it claims to be."""


class StorageError(HlmError):
    """The operating system refused to read or write a file."""


class MissingDependencyError(HlmError):
    """An optional package or system library that is not installed; the text gives the command that installs it."""


class ElsewhereError(HlmError):
    """A process that works with others ends because of what one of them says; it has nothing to add."""
