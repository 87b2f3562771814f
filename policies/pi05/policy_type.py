"""How a pi0.5 policy is put together; implements `hlm.policies.policy_type.PolicyType`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from hlm.core.errors import MissingDependencyError
from hlm.datasets.reader import Episode
from hlm.policies.encoding import Encoding
from hlm.policies.instructions import must_have_instructions
from hlm.policies.load_report import LoadReport
from hlm.policies.pi05.config import Pi05Config
from hlm.policies.tokenizer_folder import TOKENIZER_FOLDER, keep_tokenizer
from hlm.policies.transforms.vocabulary import Vocabulary

try:
    from hlm.policies.pi05 import build as building
    from hlm.policies.pi05 import loading
    from hlm.policies.pi05.network import Pi05Network
    from hlm.policies.pi05.tokenizer import PromptTokenizer
except ModuleNotFoundError as error:
    raise MissingDependencyError(f"pi0.5 needs {error.name}: pip install 'hlm[pi]'.") from error


def new_text(config: Pi05Config, episodes: Sequence[Episode]) -> PromptTokenizer:
    """The language model's tokenizer.

    Raises:
        MissingFileError: no such tokenizer.
    """
    del episodes
    return PromptTokenizer.load(config.tokenizer, config.token_limit)


def save_text(text: PromptTokenizer, folder: Path) -> None:
    """Save the tokenizer, so that a checkpoint is complete."""
    keep_tokenizer(text.save, folder)


def saved_text(config: Pi05Config, vocabulary: Vocabulary | None, folder: Path) -> PromptTokenizer:
    """The tokenizer in the checkpoint.

    Raises:
        MissingFileError: the checkpoint has none.
    """
    del vocabulary
    return PromptTokenizer.load(folder / TOKENIZER_FOLDER, config.token_limit)


def build(config: Pi05Config, encoding: Encoding) -> Pi05Network:
    """The network; every weight is nan until `initialise` or a checkpoint sets it.

    Drawing three billion random numbers would take a minute.

    Raises:
        InputError: sizes that do not fit each other.
        MismatchError: the tokenizer's vocabulary is larger than the network's.
    """
    return building.build(config, encoding, draw=False)


def initialise(network: Pi05Network, config: Pi05Config) -> LoadReport:
    """Set the weights that training starts from; see `hlm.policies.pi05.loading.initialise`."""
    # The seed comes from torch's random state, which other networks draw their weights from.
    return loading.initialise(network, config, seed=int(torch.randint(2**62, ())))


def privileged(episodes: Sequence[Episode], encoding: Encoding) -> None:
    """Pi0.5 learns from observations and actions alone; checks that all instructions fit, whatever the state.

    Raises:
        InputError: an instruction is missing, or too long.
    """
    must_have_instructions(episodes)
    if isinstance(encoding.text, PromptTokenizer):
        for instruction in dict.fromkeys(episode.info.instruction for episode in episodes):
            encoding.text.check(instruction, encoding.dimensions if encoding.proprioception else 0)
