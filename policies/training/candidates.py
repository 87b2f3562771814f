"""What an episode is about: objects that an instruction could have named, where they are, when it is decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.errors import CorruptError
from hlm.datasets.reader import Episode
from hlm.policies.transforms import Vocabulary

CANDIDATES = "candidate_in_hand_m"
GOAL = "goal_in_hand_m"
# A candidate that came this near to the grip point once is as good as chosen: from there on it is seen in the hand.
REACHED_M = 0.06
# Aligning and closing the gripper take about this long after that.
GRASP_S = 1.0

type Flags = np.ndarray[Any, np.dtype[np.bool_]]


def instructions_of(episodes: Sequence[Episode]) -> list[str]:
    """Every instruction that the episodes could have been recorded for."""
    return [instruction for episode in episodes for instruction in candidates_of(episode)[0]]


def candidates_of(episode: Episode) -> tuple[tuple[str, ...], int]:
    """Instructions of an episode's candidates, and which of them was asked for; its own alone where none are told.

    Raises:
        CorruptError: the candidates contradict the episode's instruction.
    """
    extra = episode.info.extra
    told, asked = extra.get("candidates"), extra.get("candidate")
    if not isinstance(told, list) or not isinstance(asked, int) or isinstance(asked, bool):
        return (episode.info.instruction,), 0
    candidates = tuple(str(instruction) for instruction in told)
    if not 0 <= asked < len(candidates) or candidates[asked] != episode.info.instruction:
        raise CorruptError(
            f"{episode.path} says that candidate {asked} of {list(candidates)} is '{episode.info.instruction}'."
        )
    return candidates, asked


def candidate_columns(episode: Episode, vocabulary: Vocabulary, widest: int) -> dict[str, np.ndarray[Any, Any]]:
    """What `TrainingData` holds of each row about candidates; `undecided` tells where another could still be asked for.

    Args:
        episode: whose rows.
        vocabulary: of the instructions.
        widest: candidates of the episode that has most.

    Raises:
        CorruptError: the labels do not fit the candidates.
    """
    rows = len(episode)
    candidates, asked = candidates_of(episode)
    words = np.zeros((widest, vocabulary.slots), np.int64)
    words[: len(candidates)] = [vocabulary.encode(instruction) for instruction in candidates]
    candidate_m, goal_m = np.zeros((rows, widest, 3), np.float32), np.zeros((rows, 3), np.float32)
    undecided = deciding = np.zeros(rows, bool)
    labelled = "candidates" in episode.info.extra and {CANDIDATES, GOAL} <= set(episode.labels)
    if labelled:
        known_m, wanted = episode.label(CANDIDATES), (rows, len(candidates), 3)
        if known_m.shape != wanted:
            raise CorruptError(
                f"{episode.path}: {CANDIDATES} has shape {list(known_m.shape)}, expected {list(wanted)}."
            )
        candidate_m[:, : len(candidates)] = known_m
        goal_m[:] = episode.label(GOAL)
        undecided, deciding = reaching(episode.stamp_ns, known_m[:, asked])
    return {
        "candidate_words": np.tile(words, (rows, 1, 1)),
        "candidate_m": candidate_m,
        "goal_m": goal_m,
        "asked": np.full(rows, asked),
        "candidates": np.full(rows, len(candidates)),
        "labelled": np.full(rows, labelled),
        "undecided": undecided,
        "deciding": deciding,
    }


def reaching(stamp_ns: np.ndarray[Any, np.dtype[np.int64]], target_m: FloatArray) -> tuple[Flags, Flags]:
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
