"""What becomes of an instruction before the network sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from hlm.core.arrays import BoolArray, FloatArray
from hlm.core.errors import InputError

type TokenArray = np.ndarray[Any, np.dtype[np.int64]]


class Tokens(NamedTuple):
    """An instruction in numbers.

    Attributes:
        numbers: [slot] int64, 0 in empty slots.
        mask: [slot] True where there is a token.
    """

    numbers: TokenArray
    mask: BoolArray

    @classmethod
    def filled(cls, found: Sequence[int], slots: int) -> Self:
        """At most `slots` numbers, the other slots empty."""
        numbers = np.zeros(slots, np.int64)
        numbers[: len(found)] = found
        return cls(numbers, np.arange(slots) < len(found))


class Text(Protocol):
    """Makes tokens of instructions."""

    @property
    def slots(self) -> int:
        """Tokens of the longest text."""
        ...

    def encode(self, instruction: str, state: FloatArray | None = None) -> Tokens:
        """The tokens of an instruction.

        Args:
            instruction: what is to be done.
            state: [dimension] normalised, in the network's order, for prompts that contain it; None leaves it out.

        Raises:
            InputError: words that cannot be encoded.
        """
        ...


def must_have_words(instruction: str) -> None:
    """Check that an instruction says something, for text encoders that would make tokens of nothing.

    Raises:
        InputError: it is empty, or all blanks.
    """
    if not instruction.strip():
        raise InputError("the instruction is empty; say in words what is to be done.")


@dataclass(frozen=True, slots=True)
class NoText:
    """For networks that read no instructions: any instruction is no tokens."""

    slots: int = 0

    def encode(self, instruction: str, state: FloatArray | None = None) -> Tokens:
        """No tokens."""
        return Tokens(np.zeros(0, np.int64), np.zeros(0, bool))
