"""Prompts as PaliGemma's tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import InputError, MissingFileError
from hlm.policies.hub import WORDS, model_folder
from hlm.policies.transforms.state_prompt import prompt
from hlm.policies.transforms.text import Tokens


@dataclass(frozen=True, slots=True, eq=False)
class PromptTokenizer:
    """Instruction and state in the words that pi0.5 was taught, filled up on the right as LeRobot does; a `Text`.

    Attributes:
        tokenizer: of the language model, from `transformers`.
        slots: tokens of the longest prompt.
    """

    tokenizer: Any
    slots: int

    @classmethod
    def load(cls, source: str | Path, slots: int = 200) -> Self:
        """The tokenizer of a language model.

        Args:
            source: folder that `save` or Hugging Face wrote, or Hugging Face name, which is fetched once.
            slots: tokens of the longest prompt.

        Raises:
            MissingFileError: there is none.
        """
        from transformers import AutoTokenizer

        folder = model_folder(source, "a tokenizer", WORDS)
        try:
            return cls(AutoTokenizer.from_pretrained(folder), slots)
        except (OSError, ValueError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise MissingFileError(f"there is no tokenizer in {folder}: {reason}") from error

    @property
    def vocabulary(self) -> int:
        """Words that it may give the number of, 0 included; marks that were added beyond have no embedding."""
        return int(self.tokenizer.vocab_size)

    def encode(self, instruction: str, state: FloatArray | None = None) -> Tokens:
        """The tokens of an instruction and a [dimension] normalised state; implements `Text`.

        Raises:
            InputError: they are more than the network reads, or stand for something else than words. Nothing is cut.
        """
        found = self._tokens(instruction, state)
        if strange := [number for number in found if number >= self.vocabulary]:
            mark = self.tokenizer.convert_ids_to_tokens(strange[0])
            raise InputError(f"'{mark}' is no word, and the policy has no number for it: '{instruction[:80]}'.")
        if len(found) > self.slots:
            with_state = "" if state is None else f" with a state of {len(state)} numbers"
            raise InputError(
                f"the instruction{with_state} takes {len(found)} tokens, and the policy reads at most {self.slots}: "
                f"'{instruction[:80]}'. Say it shorter, or train with a larger token_limit."
            )
        return Tokens.filled(found, self.slots)

    def check(self, instruction: str, dimensions: int) -> None:
        """Make sure that an instruction fits whatever the state, before a robot moves.

        Args:
            instruction: what is to be done.
            dimensions: of the states; 0 if it is told none.

        Raises:
            InputError: there are states with which it does not.
        """
        if not dimensions:
            self.encode(instruction)
            return
        # Numbers of three digits, and those below the range, which have a sign.
        extremes = [np.full(dimensions, value, np.float32) for value in (1.0, -2.0)]
        self.encode(instruction, max(extremes, key=lambda state: len(self._tokens(instruction, state))))

    def save(self, folder: Path) -> None:
        """Write it to a folder that `load` reads without a network."""
        self.tokenizer.save_pretrained(folder)

    def _tokens(self, instruction: str, state: FloatArray | None) -> list[int]:
        return list(self.tokenizer(prompt(instruction, state))["input_ids"])
