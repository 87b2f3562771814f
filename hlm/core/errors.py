"""Errors whose text says what was asked, what was found, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HlmError(Exception):
    """Base of all errors that a user can cause or fix; the command line prints them as one line, with exit code 2."""


class UnknownNameError(HlmError):
    """A name that does not exist; the text lists those that do and suggests the nearest.

    Args:
        noun: what the name stands for, as in `no NOUN 'NAME'`.
        name: what was asked for.
        known: names that exist.
    """

    def __init__(self, noun: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        super().__init__(f"no {noun} '{name}'. Known: {', '.join(names) or 'none'}.{hint}")
        self._arguments = (noun, name, tuple(names))

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, tuple[str, ...]]]:
        # Without this, an error from a worker process would be rebuilt with its text as the only argument.
        return type(self), self._arguments


class InputError(HlmError):
    """An argument or value that cannot be used."""


class MissingFileError(HlmError):
    """A file or folder that does not exist."""


class ExistsError(HlmError):
    """An output that exists already and would have been overwritten."""


class MismatchError(HlmError):
    """Two things that do not fit together, because of their embodiments, rates, cameras or shapes."""


class CorruptError(HlmError):
    """A file that exists but is damaged or not of the expected format."""


class StorageError(HlmError):
    """The operating system refused to read or write a file."""


class MissingDependencyError(HlmError):
    """A package or system library that is not installed; the text gives the command that installs it."""


class TrackingError(HlmError):
    """A body that cannot be controlled any more."""


class LostError(HlmError):
    """Something that all further work depends on is gone or has changed, such as a policy server."""


class SimulationError(HlmError):
    """A simulated world whose numbers mean nothing any more."""


class WorkerDiedError(HlmError):
    """A worker process that was killed before it could say why."""


class PeerFailedError(HlmError):
    """Another process of the same run failed, which reports the error itself; this process only ends."""
