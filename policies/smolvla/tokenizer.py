"""Instructions as a language model's tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hlm.core.arrays import FloatArray
from hlm.core.errors import InputError
from hlm.policies.hub import WORDS, model_folder
from hlm.policies.lerobot.loading import not_found
from hlm.policies.transforms.text import Tokens


@dataclass(frozen=True, slots=True, eq=False)
class InstructionTokenizer:
    """The instruction and a line break, as LeRobot gives it to SmolVLA.

    Attributes:
        tokenizer: of the language model, from `transformers`.
        slots: tokens of the longest text.
        source: folder of the language model; its shape is described there as well.
    """

    tokenizer: Any
    slots: int
    source: str

    @classmethod
    def of(cls, source: str, slots: int) -> Self:
        """The tokenizer of a language model.

        Args:
            source: folder or Hugging Face name of the model.
            slots: tokens of the longest text.

        Raises:
            MissingFileError: there is none.
        """
        from transformers import AutoTokenizer

        folder = str(model_folder(source, "a vision-language model", WORDS))
        try:
            return cls(AutoTokenizer.from_pretrained(folder), slots, folder)
        except (OSError, ValueError) as error:
            raise not_found(source, "tokenizer", error) from error

    def encode(self, instruction: str, state: FloatArray | None = None) -> Tokens:
        """The tokens of an instruction; implements `Text`, and tells no state.

        Raises:
            InputError: it is too long.
        """
        text = instruction if instruction.endswith("\n") else f"{instruction}\n"
        found = self.tokenizer(text)["input_ids"]
        if len(found) > self.slots:
            raise InputError(f"the instruction has {len(found)} tokens; the policy reads at most {self.slots}.")
        return Tokens.filled(found, self.slots)

    def save(self, folder: Path) -> None:
        """Write all of the language model but its weights into a folder, for `of` and to build its network."""
        from transformers import AutoConfig, AutoProcessor

        AutoConfig.from_pretrained(self.source).save_pretrained(folder)
        AutoProcessor.from_pretrained(self.source).save_pretrained(folder)
