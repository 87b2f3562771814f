"""Numbers of rows over many episodes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from hlm.datasets.reader import Episode


class RowIndex:
    """The rows of episodes, numbered one episode after the other.

    Args:
        episodes: whose rows, in this order.
    """

    def __init__(self, episodes: Sequence[Episode]) -> None:
        self.episodes = tuple(episodes)
        self._ends = list(accumulate(len(episode) for episode in self.episodes))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def locate(self, number: int) -> tuple[Episode, int]:
        """The episode that a row is in, and its number there.

        Raises:
            IndexError: there is no such row.
        """
        if not 0 <= number < len(self):
            raise IndexError(f"no sample {number}; there are {len(self)}.")
        place = bisect_right(self._ends, number)
        return self.episodes[place], number - self._ends[place] + len(self.episodes[place])
