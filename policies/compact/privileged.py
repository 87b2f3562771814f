"""Privileged quantities that the compact policy learns from: the candidates, where they are, when the choice is made.

A candidate is an object that the instruction could have named. Simulated episodes record them; others have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hlm.core.arrays import BoolArray, FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.errors import CorruptError
from hlm.datasets.reader import Episode
from hlm.policies.transforms.text import Text

CANDIDATES = "candidate_in_hand_m"
GOAL = "goal_in_hand_m"
# Once a candidate has been this close to the grip point, the choice is made: from then on images show it in the hand.
REACHED_M = 0.06
# Aligning and closing the gripper take about this long from there.
GRASP_S = 1.0


class PrivilegedCandidates:
    """Privileged quantities of a step, as `CompactNetwork` learns from them; cached per episode after the first use.

    Args:
        episodes: episodes to read from. Lists of candidates are padded with zeros to the longest one among them.
        text: encodes the candidates' instructions.
    """

    def __init__(self, episodes: Iterable[Episode], text: Text) -> None:
        self._text = text
        self._widest = max(len(candidates_of(episode)[0]) for episode in episodes)
        self._episodes: dict[Episode, dict[str, np.ndarray[Any, Any]]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the cache, which a worker process fills itself."""
        return self.__dict__ | {"_episodes": {}}

    def __call__(self, episode: Episode, step: int) -> dict[str, np.ndarray[Any, Any]]:
        """The quantities of a step, by name.

        - `candidate_tokens` [candidate, slot] instruction of each candidate
        - `candidate_m` [candidate, 3] position of each candidate in the gripper's frame; 0 where not located
        - `goal_m` [3] position of the goal in the gripper's frame; 0 where not located
        - `candidate` [] index of the candidate that the demonstration is about
        - `candidate_count` [] number of candidates, >= 1
        - `located` [] bool, whether candidate_m and goal_m are known
        - `undecided` [] bool, whether the demonstration so far fits another candidate too
        - `deciding` [] bool, whether the candidate is being reached for or grasped

        Raises:
            CorruptError: the recorded quantities do not fit the candidates.
        """
        if episode not in self._episodes:
            self._episodes[episode] = self._columns(episode)
        columns = self._episodes[episode]
        return {name: column if name in _WHOLE else column[step] for name, column in columns.items()}

    def _columns(self, episode: Episode) -> dict[str, np.ndarray[Any, Any]]:
        steps = len(episode)
        candidates, candidate, known = candidates_of(episode)
        tokens = np.zeros((self._widest, self._text.slots), np.int64)
        tokens[: len(candidates)] = [self._text.encode(instruction, None)[0] for instruction in candidates]
        candidate_m, goal_m = np.zeros((steps, self._widest, 3), np.float32), np.zeros((steps, 3), np.float32)
        undecided: BoolArray = np.zeros(steps, bool)
        deciding = undecided
        located = known and {CANDIDATES, GOAL} <= set(episode.privileged)
        if located:
            known_m = _recorded(episode, CANDIDATES, (steps, len(candidates), 3))
            candidate_m[:, : len(candidates)] = known_m
            goal_m[:] = _recorded(episode, GOAL, (steps, 3))
            undecided, deciding = reaching(episode.stamp_ns, known_m[:, candidate])
        return {
            "candidate_tokens": tokens,
            "candidate_m": candidate_m,
            "goal_m": goal_m,
            "candidate": np.asarray(candidate),
            "candidate_count": np.asarray(len(candidates)),
            "located": np.asarray(located),
            "undecided": undecided & (len(candidates) > 1),
            "deciding": deciding,
        }


# Quantities that are the same for all steps of an episode.
_WHOLE = frozenset({"candidate_tokens", "candidate", "candidate_count", "located"})


def instructions_of(episodes: Sequence[Episode]) -> list[str]:
    """Every instruction that the episodes could have been recorded for."""
    return [instruction for episode in episodes for instruction in candidates_of(episode)[0]]


class Candidates(NamedTuple):
    """What an episode's instruction could have named.

    Attributes:
        instructions: one for each candidate.
        candidate: index of the one that the episode is about.
        known: False where the episode lists no candidates; `instructions` is then its own instruction alone.
    """

    instructions: tuple[str, ...]
    candidate: int
    known: bool


def candidates_of(episode: Episode) -> Candidates:
    """The candidates of an episode; its instruction alone where they are unknown."""
    info = episode.info
    if info.candidate is None:
        return Candidates((info.instruction,), 0, known=False)
    return Candidates(info.candidates, info.candidate, known=True)


def _recorded(episode: Episode, name: str, shape: tuple[int, ...]) -> FloatArray:
    values = episode.privileged_quantity(name)
    if values.shape != shape:
        raise CorruptError(f"{episode.path}: {name} has shape {list(values.shape)}, expected {list(shape)}.")
    return values


def reaching(stamp_ns: np.ndarray[Any, np.dtype[np.int64]], target_m: FloatArray) -> tuple[BoolArray, BoolArray]:
    """[time] bool, steps before the target was reached; and [time] bool, those steps and the grasp that follows.

    Args:
        stamp_ns: [time] instant of each step.
        target_m: [time, 3] position of the target in the gripper's frame.
    """
    reached = np.linalg.norm(target_m, axis=-1) < REACHED_M
    undecided = ~np.logical_or.accumulate(reached)
    first = int(undecided.sum())
    if first == len(reached):
        return undecided, undecided
    return undecided, stamp_ns < stamp_ns[first] + round(GRASP_S * NS_PER_S)
