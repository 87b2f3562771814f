"""Small frozen transforms, each with its undo, that training and serving share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.interpolate import BSpline

from hlm.core.arrays import FloatArray, frozen
from hlm.core.errors import InputError
from hlm.datasets.statistics import STILL_RANGE

SPLINE_DEGREE = 3
PUNCTUATION = ".,;:!?\"'"


@dataclass(frozen=True, slots=True, eq=False)
class Quantiles:
    """Maps the 1 % and 99 % quantiles of each dimension to -1 and 1; dimensions that hardly move are inactive.

    An inactive dimension is 0 when normalised, and comes back as the middle of its range.

    Attributes:
        low: [dimension] 1 % quantile.
        high: [dimension] 99 % quantile.
    """

    low: FloatArray
    high: FloatArray

    def __post_init__(self) -> None:
        """Check shapes and make the arrays read-only copies."""
        object.__setattr__(self, "low", frozen(self.low, (None,), "1 % quantiles", np.float32))
        object.__setattr__(self, "high", frozen(self.high, self.low.shape, "99 % quantiles", np.float32))

    @property
    def active(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """[dimension] True where the values move."""
        return np.asarray(self.high - self.low >= STILL_RANGE)

    def normalise(self, values: FloatArray) -> FloatArray:
        """[..., dimension] float32; beyond [-1, 1] where the values are beyond the quantiles."""
        scaled = (np.asarray(values, np.float32) - self._middle) / self._half
        return np.where(self.active, scaled, np.float32(0.0))

    def undo(self, values: FloatArray) -> FloatArray:
        """[..., dimension] float32 values that `normalise` maps to these; inactive ones are constant."""
        scaled = np.where(self.active, np.asarray(values, np.float32), np.float32(0.0))
        return scaled * self._half + self._middle

    @property
    def _middle(self) -> FloatArray:
        return np.float32(0.5) * (self.low + self.high)

    @property
    def _half(self) -> FloatArray:
        return np.where(self.active, np.float32(0.5) * (self.high - self.low), np.float32(1.0))


@dataclass(frozen=True, slots=True, eq=False)
class SplineBasis:
    """Chunks of actions as coefficients of clamped uniform cubic B-splines.

    A policy that predicts coefficients cannot emit the high-frequency noise that a whole-body tracker falls over.

    Attributes:
        horizon: actions of a chunk.
        coefficients: per dimension, 4 to `horizon`.
    """

    horizon: int
    coefficients: int

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            InputError: too few or too many coefficients.
        """
        if not SPLINE_DEGREE < self.coefficients <= self.horizon:
            raise InputError(
                f"a chunk of {self.horizon} actions takes 4 to {self.horizon} coefficients, got {self.coefficients}."
            )

    @property
    def matrix(self) -> FloatArray:
        """[time, coefficient] value of each spline at each action."""
        ends = [0.0] * SPLINE_DEGREE, [1.0] * SPLINE_DEGREE
        knots = np.concatenate([ends[0], np.linspace(0.0, 1.0, self.coefficients - SPLINE_DEGREE + 1), ends[1]])
        grid = np.linspace(0.0, 1.0, self.horizon)
        return np.asarray(BSpline.design_matrix(grid, knots, SPLINE_DEGREE).toarray())

    def project(self, chunks: FloatArray) -> FloatArray:
        """[..., coefficient, dimension] float32 least-squares fit of [..., time, dimension] chunks."""
        return (np.linalg.pinv(self.matrix) @ np.asarray(chunks)).astype(np.float32)

    def undo(self, coefficients: FloatArray) -> FloatArray:
        """[..., time, dimension] float32 chunks of [..., coefficient, dimension] coefficients."""
        return (self.matrix @ np.asarray(coefficients)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words of the training instructions by number; 0 is the empty slot.

    Attributes:
        words: in the order of their numbers, from 1 on.
        slots: longest instruction.
    """

    words: tuple[str, ...]
    slots: int

    @classmethod
    def fit(cls, instructions: Iterable[str]) -> Self:
        """Every word of the instructions, in alphabetical order.

        Raises:
            InputError: there are no words.
        """
        sentences = [split_words(instruction) for instruction in instructions]
        words = sorted({word for sentence in sentences for word in sentence})
        if not words:
            raise InputError("no training episode has an instruction; a policy needs words to learn from.")
        return cls(tuple(words), max(len(sentence) for sentence in sentences))

    def encode(self, instruction: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        """[slot] word numbers of an instruction.

        Raises:
            InputError: a word that training never saw, or too many words.
        """
        words = split_words(instruction)
        unknown = [word for word in words if word not in self.words]
        if unknown or not words:
            asked = (
                f"the policy does not know {', '.join(map(repr, unknown))}" if unknown else "the instruction is empty"
            )
            raise InputError(f"{asked}. Words it knows: {', '.join(self.words)}.")
        if len(words) > self.slots:
            raise InputError(f"the instruction has {len(words)} words; the policy reads at most {self.slots}.")
        numbers = np.zeros(self.slots, np.int64)
        numbers[: len(words)] = [1 + self.words.index(word) for word in words]
        return numbers

    def undo(self, numbers: np.ndarray[Any, np.dtype[np.int64]]) -> str:
        """The instruction, in lower case and without punctuation, that `encode` gives these [slot] numbers."""
        return " ".join(self.words[number - 1] for number in numbers if number > 0)


def split_words(instruction: str) -> list[str]:
    """Lower-case words without punctuation."""
    return [word for part in instruction.lower().split() if (word := part.strip(PUNCTUATION))]
