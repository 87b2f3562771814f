"""Who was in command at each step of an episode in which several take turns, such as a policy and a person.

An episode tells it as instants from which on somebody commands. Instants survive trimming and cutting.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from hlm.core.errors import CorruptError, InputError
from hlm.datasets.reader import Episode
from hlm.datasets.schema import EpisodeInfo, Json

# In `EpisodeInfo.extra`: [stamp_ns, name] for each change of command, the first step included.
IN_COMMAND = "in_command"


class CommandLog:
    """Notes who is in command while an episode is recorded."""

    def __init__(self) -> None:
        self._changes: list[tuple[int, str]] = []

    def note(self, stamp_ns: int, name: str) -> bool:
        """Note a step; whether somebody else commands from it on.

        Args:
            stamp_ns: of the step; increases.
            name: who gave its reference; empty where one source gives all of them, which notes nothing.
        """
        changed = bool(name) and (not self._changes or self._changes[-1][1] != name)
        if changed:
            self._changes.append((stamp_ns, name))
        return changed

    @property
    def takeovers(self) -> int:
        """How often another one than at the start came into command."""
        return sum(name != self._changes[0][1] for _, name in self._changes)

    @property
    def extra(self) -> dict[str, Json]:
        """To be added to `EpisodeInfo.extra`; empty if nothing was noted."""
        return {IN_COMMAND: [[stamp_ns, name] for stamp_ns, name in self._changes]} if self._changes else {}


class Stretch(NamedTuple):
    """Steps of an episode in which one was in command.

    Attributes:
        name: who.
        start: first step.
        stop: the step after the last one.
    """

    name: str
    start: int
    stop: int


def tells_command(info: EpisodeInfo) -> bool:
    """Whether an episode says who was in command."""
    return IN_COMMAND in info.extra


def commanders(info: EpisodeInfo) -> tuple[str, ...]:
    """Who came into command one after the other; empty when unknown.

    Raises:
        CorruptError: what the episode says cannot be read.
    """
    return tuple(name for _, name in _changes(info))


def in_command(episode: Episode) -> list[str]:
    """[time] name of who was in command at each step.

    Raises:
        InputError: the episode does not say.
        CorruptError: what it says cannot be read, or is not about all of its steps.
    """
    if not tells_command(episode.info):
        raise InputError(f"{episode.path} does not say who was in command; only episodes with a takeover do.")
    changes = _changes(episode.info)
    places = np.searchsorted([stamp_ns for stamp_ns, _ in changes], episode.stamp_ns, side="right") - 1
    if len(episode) and places[0] < 0:
        raise CorruptError(f"{episode.path} does not say who was in command at its first step.")
    return [changes[place][1] for place in places]


def stretches(names: Sequence[str]) -> list[Stretch]:
    """The stretches of [time] names of who was in command, in order; together they are all steps."""
    found: list[Stretch] = []
    for name, steps in groupby(names):
        start = found[-1].stop if found else 0
        found.append(Stretch(name, start, start + sum(1 for _ in steps)))
    return found


def command_text(episode: Episode) -> str:
    """Who was in command from when to when, in words; empty where the episode does not say.

    Raises:
        CorruptError: what the episode says cannot be read.
    """
    if not tells_command(episode.info):
        return ""
    seconds = (episode.stamp_ns - episode.stamp_ns[0]) * 1e-9
    return ", ".join(f"{name} from {seconds[start]:.1f} s" for name, start, _ in stretches(in_command(episode)))


def _changes(info: EpisodeInfo) -> list[tuple[int, str]]:
    told = info.extra.get(IN_COMMAND, [])
    try:
        changes = [(int(stamp_ns), str(name)) for stamp_ns, name in told]  # type: ignore[union-attr, misc, arg-type]
    except (TypeError, ValueError) as error:
        raise CorruptError(
            f"'{IN_COMMAND}' of an episode must be a list of [stamp_ns, name]; it is {told!r}."
        ) from error
    if any(later[0] <= earlier[0] for earlier, later in pairwise(changes)):
        raise CorruptError(f"the instants of '{IN_COMMAND}' of an episode must increase; they are {told!r}.")
    return changes
