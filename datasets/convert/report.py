"""Report on a conversion, episode by episode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hlm import __version__
from hlm.core.errors import InputError
from hlm.core.wording import counted
from hlm.datasets.schema import Json
from hlm.datasets.selection import ranges

type Show = Callable[[int, int], None]


def quiet(done: int, total: int) -> None:
    """A `Show` that shows nothing. It is called with the number of converted steps and of all steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Converted:
    """Outcome of converting an episode.

    Attributes:
        name: name of the episode in the converted dataset.
        episodes: its numbers in the new dataset: one, several if it was split, none if it was rejected.
        steps: number of steps in the new dataset.
        found: number of steps in the converted dataset; 0 if unknown.
        reason: why the episode was cut, split or rejected; empty if it is whole.
    """

    name: str
    episodes: tuple[int, ...]
    steps: int
    found: int
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversion:
    """Outcome of a conversion.

    Attributes:
        dataset: name of the converted dataset.
        format: format of the converted dataset.
        episodes: outcome of each episode, in order.
        left_out: columns and cameras that have no place in the new dataset.
        notes: what the dataset said twice and differently, or what was put right; a line each.
    """

    dataset: str
    format: str
    episodes: tuple[Converted, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[Converted, ...]:
        """Episodes that are in the new dataset, whole or not."""
        return tuple(episode for episode in self.episodes if episode.episodes)

    @property
    def made(self) -> int:
        """Number of episodes in the new dataset."""
        return sum(len(episode.episodes) for episode in self.episodes)

    @property
    def imperfect(self) -> tuple[Converted, ...]:
        """Episodes that were cut, split or rejected."""
        return tuple(episode for episode in self.episodes if episode.reason)

    def to_attributes(self) -> Mapping[str, Json]:
        """JSON-able form for the attributes of the new dataset: its origin, and what was lost."""
        lost: list[dict[str, Any]] = [asdict(episode) for episode in self.imperfect]
        return {
            "dataset": self.dataset,
            "format": self.format,
            "software": __version__,
            "episodes": self.made,
            "cut_or_rejected": lost,
            "left_out": list(self.left_out),
            "notes": list(self.notes),
        }

    def must_have_episodes(self) -> None:
        """Check that an episode is left.

        Raises:
            InputError: every episode was rejected.
        """
        if not self.kept:
            first = self.episodes[0]
            raise InputError(
                f"none of the {counted(len(self.episodes), 'episode')} of {self.dataset} can be converted. "
                f"The first, {first.name}: {first.reason}."
            )


def episodes_said(numbers: Iterable[int]) -> str:
    """Numbers of episodes in words: "episode 3", "episodes 0-4, 7"."""
    found = sorted(numbers)
    return f"episode{'s' if len(found) != 1 else ''} {ranges(found)}"
