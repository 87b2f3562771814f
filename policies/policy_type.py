"""What a policy type provides: the functions that put its policies together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hlm.datasets.reader import Episode
from hlm.policies.encoding import Encoding
from hlm.policies.load_report import LoadReport
from hlm.policies.network import Network
from hlm.policies.transforms.text import Text
from hlm.policies.transforms.vocabulary import Vocabulary

type PrivilegedOf = Callable[[Episode, int], Mapping[str, np.ndarray[Any, Any]]]
"""Privileged quantities of an episode's step by name, each of the same shape for all steps."""


class PolicyType(Protocol):
    """A module with these functions. `config` is always an instance of the policy type's own options."""

    def new_text(self, config: Any, episodes: Sequence[Episode]) -> Text:
        """The text encoder for a new policy.

        Args:
            config: options of the policy type.
            episodes: training episodes, for encoders that are fitted to their instructions.
        """
        ...

    def save_text(self, text: Any, folder: Path) -> None:
        """Write what `saved_text` needs besides the vocabulary into a checkpoint folder."""
        ...

    def saved_text(self, config: Any, vocabulary: Vocabulary | None, folder: Path) -> Text:
        """The text encoder of the checkpoint in `folder`."""
        ...

    def build(self, config: Any, encoding: Encoding) -> Network:
        """A network with random weights, drawn from torch's random state, or none.

        A large network is built without: its weights are nan until `initialise` or a checkpoint sets every one.
        """
        ...

    def initialise(self, network: Any, config: Any) -> LoadReport | None:
        """Load the pretrained weights that the config names into a new network, and draw what `build` did not.

        Returns:
            What became of each tensor; None for types that are always trained from scratch.
        """
        ...

    def privileged(self, episodes: Sequence[Episode], encoding: Encoding) -> PrivilegedOf | None:
        """The privileged quantities that the network learns from besides observations and actions; None if none."""
        ...
