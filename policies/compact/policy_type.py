"""How a compact policy is put together; implements `hlm.policies.kinds.Kind`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from hlm.core.errors import CorruptError
from hlm.datasets.reader import Episode
from hlm.policies.compact.config import CompactConfig
from hlm.policies.compact.network import CompactNetwork
from hlm.policies.compact.privileged import PrivilegedCandidates, instructions_of
from hlm.policies.compact.settings import CompactSettings
from hlm.policies.encoding import Encoding
from hlm.policies.network import LoadReport
from hlm.policies.transforms.spline import SplineBasis
from hlm.policies.transforms.text import Text
from hlm.policies.transforms.vocabulary import Vocabulary


def new_text(settings: CompactSettings, episodes: Sequence[Episode]) -> Vocabulary:
    """The words of every instruction that the episodes could have been recorded for."""
    del settings
    return Vocabulary.fit(instructions_of(episodes))


def save_text(text: Vocabulary, folder: Path) -> None:
    """The words stand in the checkpoint's config."""
    del text, folder


def saved_text(settings: CompactSettings, vocabulary: Vocabulary | None, folder: Path) -> Vocabulary:
    """The words that the checkpoint lists.

    Raises:
        CorruptError: it lists none.
    """
    del settings
    if vocabulary is None:
        raise CorruptError(f"{folder} lists no words; a compact policy needs them.")
    return vocabulary


def build(settings: CompactSettings, encoding: Encoding) -> CompactNetwork:
    """A network with random weights."""
    config = CompactConfig(
        views=len(encoding.cameras),
        image_size=encoding.image_size,
        vocabulary_size=1 + len(_vocabulary(encoding.text).words),
        word_slots=encoding.text.slots,
        size=settings.network,
        dimensions=encoding.dimensions,
    )
    basis = SplineBasis(encoding.horizon, settings.network.coefficients)
    active, state_active = (torch.from_numpy(flags) for flags in (encoding.action_active, encoding.state_active))
    return CompactNetwork(config, settings.recipe, basis, active, state_active)


def initialise(network: CompactNetwork, settings: CompactSettings) -> LoadReport | None:
    """A compact policy is learnt from scratch."""
    del network, settings
    return None


def privileged(episodes: Sequence[Episode], encoding: Encoding) -> PrivilegedCandidates:
    """What the episodes know about objects that could have been asked for."""
    return PrivilegedCandidates(episodes, encoding.text)


def _vocabulary(text: Text) -> Vocabulary:
    if not isinstance(text, Vocabulary):
        raise TypeError(f"a compact policy reads words, not {type(text).__name__}.")
    return text
