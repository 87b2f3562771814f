"""Prompts as tokens of PaliGemma."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import InputError
from hlm.policies.pretrained.hub import TOKENIZER_FILES, model_folder, unreadable
from hlm.policies.transforms.state_prompt import prompt
from hlm.policies.transforms.text import Tokens, must_have_words


@dataclass(frozen=True, slots=True, eq=False)
class PromptTokenizer:
    """Encodes instruction and state in the prompt format of pi0.5, padded on the right as LeRobot does; a `Text`.

    Attributes:
        tokenizer: tokenizer of the language model, from `transformers`.
        slots: tokens of the longest prompt.
    """

    tokenizer: Any
    slots: int

    @classmethod
    def load(cls, source: str | Path, slots: int = 200) -> Self:
        """The tokenizer of a language model.

        Args:
            source: folder written by `save` or Hugging Face, or Hugging Face name, fetched once.
            slots: tokens of the longest prompt.

        Raises:
            MissingFileError: no such tokenizer.
        """
        from transformers import AutoTokenizer

        folder = model_folder(source, "a tokenizer", TOKENIZER_FILES)
        try:
            return cls(AutoTokenizer.from_pretrained(folder), slots)
        except (OSError, ValueError) as error:
            raise unreadable(folder, "tokenizer", error) from error

    @property
    def vocabulary_size(self) -> int:
        """Tokens that the network has an embedding for; tokens added beyond these have none."""
        return int(self.tokenizer.vocab_size)

    def encode(self, instruction: str, state: FloatArray | None = None) -> Tokens:
        """The tokens of an instruction and a [dimension] normalised state.

        Raises:
            InputError: the instruction is empty; the prompt is too long, or contains tokens without an embedding.
                Nothing is truncated.
        """
        must_have_words(instruction)
        found = self._tokens(instruction, state)
        if unknown := [number for number in found if number >= self.vocabulary_size]:
            mark = self.tokenizer.convert_ids_to_tokens(unknown[0])
            raise InputError(f"the policy has no embedding for '{mark}' in the instruction '{instruction[:80]}'.")
        if len(found) > self.slots:
            with_state = "" if state is None else f" with a state of {len(state)} dimensions"
            raise InputError(
                f"the instruction{with_state} has {len(found)} tokens; the policy reads at most {self.slots}: "
                f"'{instruction[:80]}'. Shorten it, or train with a larger token_limit."
            )
        return Tokens.filled(found, self.slots)

    def check(self, instruction: str, dimensions: int) -> None:
        """Check that an instruction fits whatever the state, before a robot moves.

        Args:
            instruction: the instruction.
            dimensions: dimensions of the state; 0 without proprioception.

        Raises:
            InputError: with some states it does not fit.
        """
        if not dimensions:
            self.encode(instruction)
            return
        # Three-digit numbers, and numbers below the range, which have a sign.
        extremes = [np.full(dimensions, value, np.float32) for value in (1.0, -2.0)]
        self.encode(instruction, max(extremes, key=lambda state: len(self._tokens(instruction, state))))

    def save(self, folder: Path) -> None:
        """Write the tokenizer to a folder, for `load`."""
        self.tokenizer.save_pretrained(folder)

    def _tokens(self, instruction: str, state: FloatArray | None) -> list[int]:
        return list(self.tokenizer(prompt(instruction, state))["input_ids"])
