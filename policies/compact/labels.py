"""What an episode is about: objects that an instruction could have named, where they are, when it is decided."""

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
# A candidate that came this near to the grip point once is as good as chosen: from there on it is seen in the hand.
REACHED_M = 0.06
# Aligning and closing the gripper take about this long after that.
GRASP_S = 1.0


class CandidateLabels:
    """Labels of rows about candidates, as `CompactNetwork` learns from them; kept per episode after their first use.

    Args:
        episodes: whose rows will be asked for; lists of candidates are filled up with zeros to the longest of theirs.
        text: encodes the candidates' instructions.
    """

    def __init__(self, episodes: Iterable[Episode], text: Text) -> None:
        self._text = text
        self._widest = max(len(candidates_of(episode)[0]) for episode in episodes)
        self._episodes: dict[Episode, dict[str, np.ndarray[Any, Any]]] = {}

    def __call__(self, episode: Episode, row: int) -> dict[str, np.ndarray[Any, Any]]:
        """Labels of a row, by name.

        - `candidate_tokens` [candidate, slot] instruction of each candidate
        - `candidate_m` [candidate, 3] each candidate in the gripper's frame; 0 where not labelled
        - `goal_m` [3] the goal in the gripper's frame; likewise
        - `asked` [] which candidate the demonstration is about
        - `candidates` [] how many there are, >= 1
        - `labelled` [] bool, whether candidate_m and goal_m are known
        - `undecided` [] bool, whether another candidate could still have been asked for
        - `deciding` [] bool, whether the asked candidate is being reached for or grasped

        Raises:
            CorruptError: the labels do not fit the candidates.
        """
        if episode not in self._episodes:
            self._episodes[episode] = self._columns(episode)
        known = self._episodes[episode]
        return {name: column if name in _WHOLE else column[row] for name, column in known.items()}

    def _columns(self, episode: Episode) -> dict[str, np.ndarray[Any, Any]]:
        rows = len(episode)
        candidates, asked, told = candidates_of(episode)
        tokens = np.zeros((self._widest, self._text.slots), np.int64)
        tokens[: len(candidates)] = [self._text.encode(instruction, None)[0] for instruction in candidates]
        candidate_m, goal_m = np.zeros((rows, self._widest, 3), np.float32), np.zeros((rows, 3), np.float32)
        undecided: BoolArray = np.zeros(rows, bool)
        deciding = undecided
        labelled = told and {CANDIDATES, GOAL} <= set(episode.labels)
        if labelled:
            known_m = _label(episode, CANDIDATES, (rows, len(candidates), 3))
            candidate_m[:, : len(candidates)] = known_m
            goal_m[:] = _label(episode, GOAL, (rows, 3))
            undecided, deciding = reaching(episode.stamp_ns, known_m[:, asked])
        return {
            "candidate_tokens": tokens,
            "candidate_m": candidate_m,
            "goal_m": goal_m,
            "asked": np.asarray(asked),
            "candidates": np.asarray(len(candidates)),
            "labelled": np.asarray(labelled),
            "undecided": undecided & (len(candidates) > 1),
            "deciding": deciding,
        }


# Labels that are the same for all rows of an episode.
_WHOLE = frozenset({"candidate_tokens", "asked", "candidates", "labelled"})


def instructions_of(episodes: Sequence[Episode]) -> list[str]:
    """Every instruction that the episodes could have been recorded for."""
    return [instruction for episode in episodes for instruction in candidates_of(episode)[0]]


class Candidates(NamedTuple):
    """What an episode's instruction could have named.

    Attributes:
        instructions: one for each candidate.
        asked: which of them the episode is about.
        told: False where the episode names none, so that its own instruction stands alone.
    """

    instructions: tuple[str, ...]
    asked: int
    told: bool


def candidates_of(episode: Episode) -> Candidates:
    """The candidates of an episode; none are told where a mixture gives it another instruction than was recorded.

    Raises:
        CorruptError: the candidates contradict the episode's instruction.
    """
    extra = episode.info.extra
    told, asked = extra.get("candidates"), extra.get("candidate")
    alone = Candidates((episode.info.instruction,), 0, told=False)
    if not isinstance(told, list) or not isinstance(asked, int) or isinstance(asked, bool):
        return alone
    candidates = tuple(str(instruction) for instruction in told)
    if episode.info.instruction != episode.attributes.get("instruction"):
        return alone  # a mixture's prompt stands in its place, and names no candidate
    if not 0 <= asked < len(candidates) or candidates[asked] != episode.info.instruction:
        raise CorruptError(
            f"{episode.path} says that candidate {asked} of {list(candidates)} is '{episode.info.instruction}'."
        )
    return Candidates(candidates, asked, told=True)


def _label(episode: Episode, name: str, shape: tuple[int, ...]) -> FloatArray:
    label = episode.label(name)
    if label.shape != shape:
        raise CorruptError(f"{episode.path}: {name} has shape {list(label.shape)}, expected {list(shape)}.")
    return label


def reaching(stamp_ns: np.ndarray[Any, np.dtype[np.int64]], target_m: FloatArray) -> tuple[BoolArray, BoolArray]:
    """[time] rows before the target was reached, and those rows with the grasp that follows.

    Args:
        stamp_ns: [time] instant of each row.
        target_m: [time, 3] the target in the gripper's frame.
    """
    near = np.linalg.norm(target_m, axis=-1) < REACHED_M
    undecided = ~np.logical_or.accumulate(near)
    first = int(undecided.sum())
    if first == len(near):
        return undecided, undecided
    return undecided, stamp_ns < stamp_ns[first] + round(GRASP_S * NS_PER_S)
