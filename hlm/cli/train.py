"""`hlm train`: a policy from recorded episodes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hlm.cli.arguments import parse
from hlm.cli.tables import console
from hlm.cli.verbs import EXIT_ERROR, EXIT_INTERRUPTED
from hlm.core.errors import ElsewhereError, HlmError

if TYPE_CHECKING:
    from hlm.policies.training.config import TrainConfig

PROGRAM = "hlm train [CONFIG]"


def run(arguments: Sequence[str]) -> int:
    """Train, and say where the checkpoint lies.

    The config file, if any, comes first; every field of it can be given on the command line too, which counts more.
    What neither tells is as the run was started that is to be resumed, or else as the kind of policy has it by default.
    Of several processes that train together, the first one speaks for all.
    """
    try:
        config = _config(arguments)
    except HlmError:
        if _rank("LOCAL_RANK"):  # all processes of a machine run into the same
            return EXIT_ERROR
        raise
    from hlm.policies.training.processes import outlast_first  # torch, which usage errors need not wait for
    from hlm.policies.training.trainer import train

    try:
        checkpoint = train(config, command=shlex.join(["hlm", "train", *arguments]))
    except ElsewhereError:
        outlast_first()
        return EXIT_ERROR
    except KeyboardInterrupt:
        if not _rank("RANK"):
            raise
        outlast_first()
        return EXIT_INTERRUPTED
    if not _rank("RANK"):
        console().out(f"checkpoint: {checkpoint}")
    return 0


def _config(arguments: Sequence[str]) -> TrainConfig:
    from hlm.policies.training.config import TrainConfig, config_of, read_document

    options = list(arguments)
    document: dict[str, Any] = {}
    if options and not options[0].startswith("-"):
        document = read_document(Path(options.pop(0)))
    document |= {name: value for name in ("policy", "resume") if (value := _told(options, name)) is not None}
    base = None
    if document.get("resume"):
        from hlm.policies.training.resuming import resuming

        base = resuming(Path(str(document["resume"])))
    return parse(TrainConfig, PROGRAM, options, default=config_of(document, base=base))


def _rank(name: str) -> int:
    """Number of this process among those that torchrun or accelerate launch started: of all, or of this machine's."""
    return int(os.environ.get(name, "0"))


def _told(options: Sequence[str], name: str) -> str | None:
    """The value of an option that the defaults of all others depend on, its last; None where it is not given."""
    found = None
    for place, option in enumerate(options):
        told, _, value = option.partition("=")
        if told == f"--{name}" and (value or place + 1 < len(options)):
            found = value or options[place + 1]
    return found
