"""How a SmolVLA policy is put together; implements `hlm.policies.policy_type.PolicyType`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hlm.core.errors import MissingDependencyError
from hlm.datasets.reader import Episode
from hlm.policies.encoding import Encoding
from hlm.policies.smolvla.config import SmolVLAConfig
from hlm.policies.tokenizer_folder import TOKENIZER_FOLDER, keep_tokenizer
from hlm.policies.transforms.vocabulary import Vocabulary

try:
    from hlm.policies.smolvla.network import build as build
    from hlm.policies.smolvla.network import initialise as initialise
    from hlm.policies.smolvla.tokenizer import InstructionTokenizer
except ModuleNotFoundError as error:
    raise MissingDependencyError(f"SmolVLA needs {error.name}: pip install 'hlm[pi]'.") from error


def new_text(settings: SmolVLAConfig, episodes: Sequence[Episode]) -> InstructionTokenizer:
    """The language model's tokens.

    Raises:
        MissingFileError: its tokenizer is not there.
    """
    del episodes
    return InstructionTokenizer.of(settings.vlm, settings.max_tokens)


def save_text(text: InstructionTokenizer, folder: Path) -> None:
    """Keep tokenizer and shape of the language model, so that a checkpoint needs nothing from elsewhere."""
    keep_tokenizer(text.save, folder)


def saved_text(settings: SmolVLAConfig, vocabulary: Vocabulary | None, folder: Path) -> InstructionTokenizer:
    """The language model's tokens, from the checkpoint.

    Raises:
        MissingFileError: its tokenizer is not there.
    """
    del vocabulary
    return InstructionTokenizer.of(str(folder / TOKENIZER_FOLDER), settings.max_tokens)


def privileged(episodes: Sequence[Episode], encoding: Encoding) -> None:
    """SmolVLA learns from observations and actions alone."""
    del episodes, encoding
