"""How a compact policy is put together; implements `hlm.policies.policy_type.PolicyType`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from hlm.core.errors import CorruptError
from hlm.datasets.reader import Episode
from hlm.policies.compact.config import CompactConfig
from hlm.policies.compact.network import CompactNetwork
from hlm.policies.compact.network_config import CompactNetworkConfig
from hlm.policies.compact.privileged import PrivilegedCandidates, instructions_of
from hlm.policies.encoding import Encoding
from hlm.policies.instructions import must_have_instructions
from hlm.policies.load_report import LoadReport
from hlm.policies.transforms.spline import SplineBasis
from hlm.policies.transforms.text import Text
from hlm.policies.transforms.vocabulary import Vocabulary


def new_text(config: CompactConfig, episodes: Sequence[Episode]) -> Vocabulary:
    """The words of every instruction that the episodes could have been recorded for."""
    del config
    return Vocabulary.fit(instructions_of(episodes))


def save_text(text: Vocabulary, folder: Path) -> None:
    """The words stand in the checkpoint's config."""
    del text, folder


def saved_text(config: CompactConfig, vocabulary: Vocabulary | None, folder: Path) -> Vocabulary:
    """The words that the checkpoint lists.

    Raises:
        CorruptError: it lists none.
    """
    del config
    if vocabulary is None:
        raise CorruptError(f"{folder} lists no words; a compact policy needs them.")
    return vocabulary


def build(config: CompactConfig, encoding: Encoding) -> CompactNetwork:
    """A network with random weights."""
    shape = CompactNetworkConfig(
        views=len(encoding.cameras),
        image_size=encoding.image_size,
        vocabulary_size=1 + len(_vocabulary(encoding.text).words),
        word_slots=encoding.text.slots,
        architecture=config.architecture,
        dimensions=encoding.dimensions,
    )
    basis = SplineBasis(encoding.horizon, config.architecture.coefficients)
    active, state_active = (torch.from_numpy(flags) for flags in (encoding.action_active, encoding.state_active))
    return CompactNetwork(shape, config.objective, basis, active, state_active)


def initialise(network: CompactNetwork, config: CompactConfig) -> LoadReport | None:
    """A compact policy is learnt from scratch."""
    del network, config
    return None


def privileged(episodes: Sequence[Episode], encoding: Encoding) -> PrivilegedCandidates:
    """Where the objects are that the instructions could have named, as far as the episodes say.

    Raises:
        InputError: an episode has no instruction.
    """
    must_have_instructions(episodes)
    return PrivilegedCandidates(episodes, encoding.text)


def _vocabulary(text: Text) -> Vocabulary:
    if not isinstance(text, Vocabulary):
        raise TypeError(f"a compact policy reads words, not {type(text).__name__}.")
    return text
