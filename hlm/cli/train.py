"""`hlm train`: a policy from recorded episodes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from hlm.cli.arguments import parse
from hlm.cli.tables import console


def run(arguments: Sequence[str]) -> int:
    """Train, and say where the checkpoint lies."""
    from hlm.policies.training.config import TrainConfig

    config = parse(TrainConfig, "hlm train", arguments)
    from hlm.policies.training.trainer import train  # torch, which `--help` and usage errors need not wait for

    checkpoint = train(config, command=shlex.join(["hlm", "train", *arguments]))
    console().out(f"checkpoint: {checkpoint}")
    return 0
