"""The kinds of policies by the name that configs and checkpoints carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hlm.core.errors import UnknownNameError
from hlm.datasets.reader import Episode
from hlm.policies.encoding import Encoding
from hlm.policies.network import LoadReport, Network
from hlm.policies.transforms.text import Text
from hlm.policies.transforms.vocabulary import Vocabulary

MODULES = {
    "compact": "hlm.policies.compact.policy_type",
    "pi05": "hlm.policies.pi05.policy_type",
    "smolvla": "hlm.policies.smolvla.policy_type",
    "act": "hlm.policies.act.policy_type",
}
"""Loaded on demand: what a kind is built on may take seconds to import, or not be installed."""

type PrivilegedOf = Callable[[Episode, int], Mapping[str, np.ndarray[Any, Any]]]
"""Privileged quantities of an episode's step by name, each of the same shape for all steps."""


class Kind(Protocol):
    """How a kind of policy is put together: a module with these functions. `settings` is always of the kind's class."""

    def new_text(self, settings: Any, episodes: Sequence[Episode]) -> Text:
        """What will encode instructions; the episodes are those that the policy is to learn from."""
        ...

    def save_text(self, text: Any, folder: Path) -> None:
        """Write into a checkpoint's folder what `saved_text` needs besides the vocabulary."""
        ...

    def saved_text(self, settings: Any, vocabulary: Vocabulary | None, folder: Path) -> Text:
        """What encoded instructions when the checkpoint in `folder` was trained."""
        ...

    def build(self, settings: Any, encoding: Encoding) -> Network:
        """A network with random weights, drawn from torch's random state."""
        ...

    def initialise(self, network: Any, settings: Any) -> LoadReport | None:
        """Load what the settings name into a new network, and say what became of each tensor; None if nothing."""
        ...

    def privileged(self, episodes: Sequence[Episode], encoding: Encoding) -> PrivilegedOf | None:
        """What the network learns from besides observations and actions; None if nothing."""
        ...


def find_kind(name: str) -> Kind:
    """A kind by its name.

    Raises:
        UnknownNameError: there is no such kind.
        MissingDependencyError: what it is built on is not installed.
    """
    if name not in MODULES:
        raise UnknownNameError("policy type", name, MODULES)
    kind: Any = import_module(MODULES[name])
    return kind
