"""Instructions as tokens of SmolVLA's language model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hlm.core.arrays import FloatArray
from hlm.core.errors import InputError
from hlm.policies.pretrained.hub import TOKENIZER_FILES, model_folder, unreadable
from hlm.policies.transforms.text import Tokens, must_have_words


@dataclass(frozen=True, slots=True, eq=False)
class InstructionTokenizer:
    """Encodes the instruction and a line break, as LeRobot does for SmolVLA; a `Text`.

    Attributes:
        tokenizer: tokenizer of the language model, from `transformers`.
        slots: tokens of the longest instruction.
        folder: folder of the vision-language model, with its configuration.
    """

    tokenizer: Any
    slots: int
    folder: str

    @classmethod
    def load(cls, source: str | Path, slots: int) -> Self:
        """The tokenizer of a vision-language model.

        Args:
            source: folder or Hugging Face name of the model.
            slots: tokens of the longest instruction.

        Raises:
            MissingFileError: no such model, or it has no tokenizer.
        """
        from transformers import AutoTokenizer

        folder = str(model_folder(source, "a vision-language model", TOKENIZER_FILES))
        try:
            return cls(AutoTokenizer.from_pretrained(folder), slots, folder)
        except (OSError, ValueError) as error:
            raise unreadable(folder, "tokenizer", error) from error

    def encode(self, instruction: str, state: FloatArray | None = None) -> Tokens:
        """The tokens of an instruction, without the state.

        Raises:
            InputError: the instruction is empty or too long.
        """
        must_have_words(instruction)
        text = instruction if instruction.endswith("\n") else f"{instruction}\n"
        found = self.tokenizer(text)["input_ids"]
        if len(found) > self.slots:
            raise InputError(f"the instruction has {len(found)} tokens; the policy reads at most {self.slots}.")
        return Tokens.filled(found, self.slots)

    def save(self, folder: Path) -> None:
        """Write tokenizer and configuration of the vision-language model, without its weights, for `load`."""
        from transformers import AutoConfig, AutoProcessor

        AutoConfig.from_pretrained(self.folder).save_pretrained(folder)
        AutoProcessor.from_pretrained(self.folder).save_pretrained(folder)
