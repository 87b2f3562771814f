"""`hlm train`: a policy from recorded episodes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Console

from hlm.cli.arguments import parse


def run(arguments: Sequence[str]) -> int:
    """Train, and say where the checkpoint lies."""
    from hlm.policies.training.config import TrainConfig

    config = parse(TrainConfig, "hlm train", arguments)
    from hlm.policies.training.trainer import train  # torch, which `--help` and usage errors need not wait for

    checkpoint = train(config, command=shlex.join(["hlm", "train", *arguments]))
    Console().out(f"checkpoint: {checkpoint}", highlight=False)
    return 0
