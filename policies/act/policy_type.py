"""How an ACT policy is put together; implements `hlm.policies.policy_type.PolicyType`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hlm.core.errors import MissingDependencyError
from hlm.datasets.reader import Episode
from hlm.policies.act.config import ActConfig
from hlm.policies.encoding import Encoding
from hlm.policies.transforms.text import NoText, Text
from hlm.policies.transforms.vocabulary import Vocabulary

try:
    from hlm.policies.act.network import build as build
    from hlm.policies.act.network import initialise as initialise
except ModuleNotFoundError as error:
    raise MissingDependencyError(f"ACT needs {error.name}: pip install 'hlm[pi]'.") from error


def new_text(config: ActConfig, episodes: Sequence[Episode]) -> NoText:
    """ACT reads no instructions."""
    del config, episodes
    return NoText()


def save_text(text: Text, folder: Path) -> None:
    """ACT reads no instructions, so there is nothing to save."""
    del text, folder


def saved_text(config: ActConfig, vocabulary: Vocabulary | None, folder: Path) -> NoText:
    """ACT reads no instructions."""
    del config, vocabulary, folder
    return NoText()


def privileged(episodes: Sequence[Episode], encoding: Encoding) -> None:
    """ACT learns from observations and actions alone."""
    del episodes, encoding
