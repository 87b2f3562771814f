"""How a pi0.5 policy is put together; implements `hlm.policies.policy_type.PolicyType`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from hlm.core.errors import MissingDependencyError
from hlm.datasets.reader import Episode
from hlm.policies.encoding import Encoding
from hlm.policies.network import LoadReport
from hlm.policies.pi05.config import Pi05Config
from hlm.policies.tokenizer_folder import TOKENIZER_FOLDER, keep_tokenizer
from hlm.policies.transforms.vocabulary import Vocabulary

try:
    from hlm.policies.pi05 import build as building
    from hlm.policies.pi05.network import Pi05Network
    from hlm.policies.pi05.tokenizer import PromptTokenizer
except ModuleNotFoundError as error:
    raise MissingDependencyError(f"pi0.5 needs {error.name}: pip install 'hlm[pi]'.") from error


def new_text(settings: Pi05Config, episodes: Sequence[Episode]) -> PromptTokenizer:
    """The language model's tokens.

    Raises:
        MissingFileError: its tokenizer is not there.
    """
    del episodes
    return PromptTokenizer.load(settings.tokenizer, settings.token_limit)


def save_text(text: PromptTokenizer, folder: Path) -> None:
    """Keep the tokenizer, so that a checkpoint needs nothing from elsewhere."""
    keep_tokenizer(text.save, folder)


def saved_text(settings: Pi05Config, vocabulary: Vocabulary | None, folder: Path) -> PromptTokenizer:
    """The language model's tokens, from the checkpoint.

    Raises:
        MissingFileError: its tokenizer is not there.
    """
    del vocabulary
    return PromptTokenizer.load(folder / TOKENIZER_FOLDER, settings.token_limit)


def build(settings: Pi05Config, encoding: Encoding) -> Pi05Network:
    """The network; every weight is nan until `initialise` or a checkpoint gives it.

    Three thousand million random numbers take a minute to draw.

    Raises:
        InputError: sizes that do not fit each other.
        MismatchError: the tokenizer knows more words than the network.
    """
    return building.build(settings, encoding, draw=False)


def initialise(network: Pi05Network, settings: Pi05Config) -> LoadReport:
    """Give the network the weights that it starts to learn from; see `hlm.policies.pi05.loading.initialise`."""
    return building.initialise(network, settings, seed=_seed())


def privileged(episodes: Sequence[Episode], encoding: Encoding) -> None:
    """Pi0.5 learns from observations and actions alone; their instructions must fit, whatever the state.

    Raises:
        InputError: one of them does not.
    """
    if isinstance(encoding.text, PromptTokenizer):
        for instruction in dict.fromkeys(episode.info.instruction for episode in episodes):
            encoding.text.check(instruction, encoding.dimensions if encoding.proprioception else 0)


def _seed() -> int:
    """From torch's random state, as other networks draw their weights from."""
    return int(torch.randint(2**62, ()))
