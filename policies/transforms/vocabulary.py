"""Instructions as numbers of words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from hlm.core.arrays import FloatArray
from hlm.core.errors import InputError
from hlm.policies.transforms.text import Tokens

PUNCTUATION = ".,;:!?\"'"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words of the training instructions by number; 0 is the empty slot.

    Attributes:
        words: in the order of their numbers, from 1 on.
        slots: words of the longest instruction.
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

    def encode(self, instruction: str, state: FloatArray | None = None) -> Tokens:
        """Word numbers of an instruction; implements `Text`, and tells no state.

        Raises:
            InputError: a word that training never saw, or too many words.
        """
        words = split_words(instruction)
        unknown = [word for word in words if word not in self.words]
        if unknown or not words:
            problem = (
                f"the policy does not know {', '.join(map(repr, unknown))}" if unknown else "the instruction is empty"
            )
            raise InputError(f"{problem}. Words it knows: {', '.join(self.words)}.")
        if len(words) > self.slots:
            raise InputError(f"the instruction has {len(words)} words; the policy reads at most {self.slots}.")
        return Tokens.filled([1 + self.words.index(word) for word in words], self.slots)


def split_words(instruction: str) -> list[str]:
    """Lower-case words without punctuation."""
    return [word for part in instruction.lower().split() if (word := part.strip(PUNCTUATION))]
