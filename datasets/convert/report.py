"""What became of each episode in a conversion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hlm import __version__
from hlm.core.errors import InputError
from hlm.core.wording import counted
from hlm.datasets.schema import Json

type Show = Callable[[int, int], None]


def quiet(done: int, total: int) -> None:
    """Shows nothing; any `Show` is told how many of how many steps are done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Converted:
    """One episode.

    Attributes:
        name: in the source.
        episode: its number in the target; None: it was rejected.
        steps: that the target has.
        found: steps that the source has; 0: not even that is known.
        reason: why it was cut or rejected; empty: it is whole.
    """

    name: str
    episode: int | None
    steps: int
    found: int
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversion:
    """A whole one.

    Attributes:
        dataset: name of what was converted.
        format: its format.
        episodes: in the source's order.
        left_out: columns and cameras of the source that have no place in the target.
    """

    dataset: str
    format: str
    episodes: tuple[Converted, ...]
    left_out: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[Converted, ...]:
        """Episodes that are in the target."""
        return tuple(episode for episode in self.episodes if episode.episode is not None)

    @property
    def imperfect(self) -> tuple[Converted, ...]:
        """Episodes that were cut or rejected."""
        return tuple(episode for episode in self.episodes if episode.reason)

    def to_attributes(self) -> Mapping[str, Json]:
        """JSON-able form for the target: where it is from, and what was lost on the way."""
        lost: list[dict[str, Any]] = [asdict(episode) for episode in self.imperfect]
        return {
            "dataset": self.dataset,
            "format": self.format,
            "software": __version__,
            "episodes": len(self.kept),
            "cut_or_rejected": lost,
            "left_out": list(self.left_out),
        }

    def must_have_episodes(self) -> None:
        """Make sure that something is left.

        Raises:
            InputError: every episode was rejected.
        """
        if not self.kept:
            first = self.episodes[0]
            raise InputError(
                f"none of the {counted(len(self.episodes), 'episode')} of {self.dataset} can be converted. "
                f"The first, {first.name}: {first.reason}."
            )
