"""Selections of episodes on command lines: `3 5-7`, `outcome=failure`, `0-49 instruction="put the red cup*"`.

Numbers and ranges name episodes; `KEY=VALUE` narrows them down. The same key twice means either value, different keys
mean both. `*` in a value stands for any text. Without numbers, all episodes are meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hlm.core.errors import CorruptError, InputError, UnknownNameError
from hlm.datasets.reader import Dataset, Episode
from hlm.datasets.schema import OUTCOMES, SOURCES, EpisodeInfo

ALL = "all"
_TEXT_KEYS = ("instruction", "operator", "outcome", "source", "task")
_NUMBER_KEYS = ("seed", "stage")
_CLOSED = {"outcome": OUTCOMES, "source": SOURCES}
_NUMBERS = re.compile(r"(\d{1,9})(?:(-)(\d{0,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Numbers:
    """A range of episode numbers.

    Attributes:
        first: lowest number.
        last: highest number, included; None if the range is open.
    """

    first: int
    last: int | None

    def __contains__(self, number: int) -> bool:
        return self.first <= number and (self.last is None or number <= self.last)

    def __str__(self) -> str:
        return str(self.first) if self.last == self.first else f"{self.first}-{'' if self.last is None else self.last}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """A selection of episodes.

    Attributes:
        numbers: ranges of episode numbers; empty for all.
        conditions: accepted values by key.
    """

    numbers: tuple[Numbers, ...] = ()
    conditions: Mapping[str, tuple[str, ...]]

    def choose(self, infos: Mapping[int, EpisodeInfo | None], path: Path) -> list[int]:
        """Numbers of the selected episodes, ascending; at least one.

        Args:
            infos: description of every episode, by number; None if it cannot be read.
            path: folder of the dataset, for errors.

        Raises:
            InputError: an episode does not exist, or none fits.
            CorruptError: there is a condition on an episode that cannot be read.
        """
        chosen = self._numbered(sorted(infos), path)
        for key, values in self.conditions.items():
            fitting = []
            for number in chosen:
                info = infos[number]
                if info is None:
                    raise CorruptError(
                        f"episode {number} of {path} cannot be read, so its {key} is unknown; "
                        f"`hlm data verify {path}` says why, `hlm data delete {path} {number}` removes it."
                    )
                if _fits(getattr(info, key), values, key):
                    fitting.append(number)
            if not fitting:
                found = sorted({_shown(getattr(infos[number], key)) for number in chosen})
                raise InputError(
                    f"no episode of {path} with {key} {' or '.join(map(repr, values))}"
                    f"{f' among {ranges(chosen)}' if len(chosen) < len(infos) else ''}; there is {_listed(found)}."
                )
            chosen = fitting
        return chosen

    def _numbered(self, known: list[int], path: Path) -> list[int]:
        for asked in self.numbers:
            if not any(number in asked for number in known):
                raise InputError(f"no episode {asked} in {path}; it has {ranges(known) or 'none'}.")
        if not known:
            raise InputError(f"{path} has no episodes to choose from.")
        return [number for number in known if not self.numbers or any(number in asked for asked in self.numbers)]


def parse_selection(terms: Sequence[str]) -> Selection:
    """Parse the terms of a selection. No terms, or `all`, mean all episodes.

    Raises:
        InputError: a term is neither a number, a range, nor `KEY=VALUE`.
        UnknownNameError: an unknown key, outcome or source.
    """
    numbers: list[Numbers] = []
    conditions: dict[str, tuple[str, ...]] = {}
    for term in terms:
        key, equals, value = term.partition("=")
        if equals:
            conditions[key] = (*conditions.get(key, ()), _checked_value(key, value))
        elif term != ALL:
            numbers += [_numbers(part, term) for part in term.split(",")]
    return Selection(numbers=tuple(numbers), conditions=conditions)


def chosen_episodes(dataset: Dataset, selection: Sequence[str]) -> tuple[Episode, ...]:
    """Episodes of an open dataset that the terms of a selection choose, by number.

    Raises:
        InputError: see `parse_selection` and `Selection.choose`.
    """
    numbers = set(parse_selection(selection).choose({one.number: one.info for one in dataset}, dataset.path))
    return tuple(episode for episode in dataset if episode.number in numbers)


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in short, e.g. `0-2, 5`; inverse of `parse_selection`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(Numbers(first, last)) for first, last in runs)


def _numbers(part: str, term: str) -> Numbers:
    match = _NUMBERS.fullmatch(part)
    if not match:
        raise InputError(
            f"'{term}' selects no episodes. Write numbers (3), ranges (5-7, or 5- for all from 5 on), {ALL}, or "
            f"KEY=VALUE with one of {', '.join((*_TEXT_KEYS, *_NUMBER_KEYS))}."
        )
    first = int(match[1])
    last = first if not match[2] else int(match[3]) if match[3] else None
    if last is not None and last < first:
        raise InputError(f"range '{part}' runs backwards; write {last}-{first}.")
    return Numbers(first, last)


def _checked_value(key: str, value: str) -> str:
    if key not in (*_TEXT_KEYS, *_NUMBER_KEYS):
        raise UnknownNameError("selection key", key, (*_TEXT_KEYS, *_NUMBER_KEYS))
    if key in _NUMBER_KEYS:
        _numbers(value, f"{key}={value}")
    if key in _CLOSED and "*" not in value and value not in _CLOSED[key]:
        raise UnknownNameError(key, value, _CLOSED[key])
    return value


def _fits(has: str | int | None, values: Sequence[str], key: str) -> bool:
    if key in _NUMBER_KEYS:
        return isinstance(has, int) and any(has in _numbers(value, value) for value in values)
    patterns = (".*".join(re.escape(part) for part in value.split("*")) for value in values)
    return any(re.fullmatch(pattern, str(has), re.DOTALL) for pattern in patterns)


def _shown(value: object) -> str:
    return "none" if value is None else repr(value)


def _listed(values: Sequence[str], most: int = 6) -> str:
    more = f" and {len(values) - most} more" if len(values) > most else ""
    return ", ".join(values[:most]) + more
