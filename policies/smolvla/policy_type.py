"""How a SmolVLA policy is put together; implements `hlm.policies.policy_type.PolicyType`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hlm.core.errors import MissingDependencyError
from hlm.datasets.reader import Episode
from hlm.policies.encoding import Encoding
from hlm.policies.instructions import must_have_instructions
from hlm.policies.smolvla.config import SmolVLAConfig
from hlm.policies.tokenizer_folder import TOKENIZER_FOLDER, keep_tokenizer
from hlm.policies.transforms.vocabulary import Vocabulary

try:
    from hlm.policies.smolvla.loading import initialise as initialise
    from hlm.policies.smolvla.network import build as build
    from hlm.policies.smolvla.tokenizer import InstructionTokenizer
except ModuleNotFoundError as error:
    raise MissingDependencyError(f"SmolVLA needs {error.name}: pip install 'hlm[pi]'.") from error


def new_text(config: SmolVLAConfig, episodes: Sequence[Episode]) -> InstructionTokenizer:
    """The tokenizer of the vision-language model.

    Raises:
        MissingFileError: no such tokenizer.
    """
    del episodes
    return InstructionTokenizer.load(config.vlm, config.max_tokens)


def save_text(text: InstructionTokenizer, folder: Path) -> None:
    """Save tokenizer and configuration of the vision-language model, so that a checkpoint is complete."""
    keep_tokenizer(text.save, folder)


def saved_text(config: SmolVLAConfig, vocabulary: Vocabulary | None, folder: Path) -> InstructionTokenizer:
    """The tokenizer in the checkpoint.

    Raises:
        MissingFileError: the checkpoint has none.
    """
    del vocabulary
    return InstructionTokenizer.load(folder / TOKENIZER_FOLDER, config.max_tokens)


def privileged(episodes: Sequence[Episode], encoding: Encoding) -> None:
    """SmolVLA learns from observations and actions alone; checks that there are instructions.

    Raises:
        InputError: one is missing.
    """
    del encoding
    must_have_instructions(episodes)
