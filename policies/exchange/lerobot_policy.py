"""A policy in LeRobot's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from hlm.core.errors import MismatchError
from hlm.core.files import in_home
from hlm.policies.pretrained.hub import HUB_NAME


@dataclass(frozen=True, kw_only=True, slots=True)
class LeRobotPolicy:
    """What LeRobot needs to run a policy.

    Attributes:
        config: LeRobot's configuration of the policy.
        weights: tensors by LeRobot's names.
        image_stats: mean and standard deviation that images are normalised with; None if they are not normalised.
        tokenizer: folder or Hugging Face name of the tokenizer; None for policies that read no instructions.
    """

    config: Any
    weights: Mapping[str, Tensor]
    image_stats: Mapping[str, Tensor] | None = None
    tokenizer: str | None = None


def findable(source: str, option: str) -> str:
    """A folder as an absolute path, or a Hugging Face name, which LeRobot finds from any working directory.

    Args:
        source: folder or Hugging Face name.
        option: option of the policy that names it, for error messages.

    Raises:
        MismatchError: neither.
    """
    folder = in_home(Path(source))
    if folder.is_dir():
        return str(folder.resolve())
    if HUB_NAME.fullmatch(source) and not source.startswith("."):
        return source
    raise MismatchError(
        f"LeRobot needs the checkpoint's {option}, and there is no folder {source}. Restore the folder."
    )
