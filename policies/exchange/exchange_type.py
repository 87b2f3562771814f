"""How policies of a type are written in LeRobot's format and read from it, and the policy types that can be."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from hlm.core.errors import MismatchError
from hlm.policies.checkpoint import Checkpoint
from hlm.policies.encoding import Encoding
from hlm.policies.exchange.folder import PolicyFolder
from hlm.policies.exchange.lerobot_policy import LeRobotPolicy
from hlm.policies.load_report import LoadReport
from hlm.policies.pretrained.lerobot_config import FixedFields

EXCHANGE_TYPES = {name: f"hlm.policies.exchange.{name}" for name in ("act", "smolvla", "pi05")}
"""Modules of the policy types that LeRobot has too; LeRobot calls them by the same names."""


class ExchangeType(Protocol):
    """A module with these constants and functions."""

    FIXED: FixedFields
    """Fields of LeRobot's configuration that hlm does not vary."""
    LETTERBOXING: str
    """What LeRobot does with images of another shape than the network's, in words."""
    STATE_IN_BINS: bool
    """Whether the network reads the bin of each state value rather than the value."""

    def to_lerobot(self, checkpoint: Checkpoint, encoding: Encoding) -> LeRobotPolicy:
        """The policy in LeRobot's terms.

        Raises:
            MismatchError: LeRobot cannot express it.
        """
        ...

    def processor_steps(self, policy: LeRobotPolicy, steps: Any, text: Any) -> tuple[list[Any], list[Any]]:
        """Steps of LeRobot's preprocessor, after renaming and resizing, and of its postprocessor.

        Args:
            policy: what `to_lerobot` returned.
            steps: LeRobot's default steps.
            text: the checkpoint's text encoder.
        """
        ...

    def notes(self, checkpoint: Checkpoint) -> tuple[str, ...]:
        """Differences between LeRobot and hlm that only this policy type has, a sentence each."""
        ...

    def config_of(self, folder: PolicyFolder) -> Any:
        """The options of the policy type for a policy that LeRobot saved.

        Raises:
            MismatchError: hlm cannot express it.
        """
        ...

    def image_size(self, folder: PolicyFolder) -> tuple[int, int]:
        """Height and width of the images that the network sees, px."""
        ...

    def euler_steps(self, folder: PolicyFolder) -> int:
        """Flow steps per chunk; 1 for policies without a flow."""
        ...

    def load(self, network: Any, config: Any, folder: PolicyFolder) -> LoadReport:
        """Load the folder's weights into a network."""
        ...


def find_exchange_type(name: str, refusal: str) -> ExchangeType:
    """The module of a policy type.

    Args:
        name: the policy type.
        refusal: beginning of the error message, e.g. "LeRobot has no policy type 'compact'".

    Raises:
        MismatchError: LeRobot or hlm does not have it.
    """
    if name not in EXCHANGE_TYPES:
        raise MismatchError(f"{refusal}; known: {', '.join(EXCHANGE_TYPES)}.")
    found: Any = import_module(EXCHANGE_TYPES[name])
    return found


def tokenizer_step(text: Any, name: str | None, padding: str) -> Any:
    """LeRobot's step that encodes instructions as a text encoder does.

    Args:
        text: a text encoder with a tokenizer of `transformers`.
        name: folder or Hugging Face name of the tokenizer.
        padding: as LeRobot names it.
    """
    from lerobot.processor import TokenizerProcessorStep

    step = TokenizerProcessorStep(
        tokenizer=text.tokenizer, max_length=text.slots, padding_side="right", padding=padding
    )
    # LeRobot saves the name of a tokenizer only if it has loaded the tokenizer itself.
    step.tokenizer, step.tokenizer_name = None, name
    return step
