"""`hlm train`: train a policy on recorded episodes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hlm.cli.arguments import parse
from hlm.cli.tables import console
from hlm.cli.verbs import EXIT_ERROR, EXIT_INTERRUPTED
from hlm.core.errors import HlmError, InputError, PeerFailedError

if TYPE_CHECKING:
    from hlm.policies.training.config import TrainConfig

PROGRAM = "hlm train [CONFIG]"


def run(arguments: Sequence[str]) -> int:
    """Train a policy, and print the folder of its checkpoint.

    The optional config file comes first; options on the command line override its fields. Everything else comes from
    the run to resume, or from the defaults of the policy type. With several processes, only the first one prints.
    """
    try:
        config = _config(arguments)
    except HlmError:
        if _rank("LOCAL_RANK"):  # All processes of a machine meet the same error.
            return EXIT_ERROR
        raise
    from hlm.policies.training.processes import outlast_first  # Imports torch, which usage errors need not wait for.
    from hlm.policies.training.trainer import train

    try:
        checkpoint = train(config, command=shlex.join(["hlm", "train", *arguments]))
    except PeerFailedError:
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
    from hlm.policies.catalog import POLICY_TYPES
    from hlm.policies.training.config import TrainConfig, config_of, must_be_of, read_document

    options = list(arguments)
    document: dict[str, Any] = {}
    if options and not options[0].startswith("-"):
        document = read_document(Path(options.pop(0)))
    document |= {name: value for name in ("policy", "resume") if (value := _told(options, name)) is not None}
    base = None
    if document.get("resume"):
        from hlm.policies.training.resuming import resuming

        base = resuming(Path(str(document["resume"])))
    default = config_of(document, base=base)
    must_be_of(default.policy, [option[2:].partition(".")[0] for option in options if option.startswith("--")])
    _must_be_current(options)
    names, choices = {"policy_config": default.policy}, {"policy": POLICY_TYPES}
    return parse(TrainConfig, PROGRAM, options, default=default, names=names, choices=choices)


def _must_be_current(options: Sequence[str]) -> None:
    """Raise InputError for an option by the name that it had in an older hlm."""
    from hlm.policies.upgrade import RENAMED

    for option in options:
        name = option.partition("=")[0]
        if name.startswith("--") and (current := RENAMED.get(name[2:].replace("-", "_"))):
            raise InputError(f"option {name} is called --{current.replace('_', '-')} now.")


def _rank(name: str) -> int:
    """Rank of this process, as torchrun or accelerate launch set it: `RANK` of all, `LOCAL_RANK` on this machine."""
    return int(os.environ.get(name, "0"))


def _told(options: Sequence[str], name: str) -> str | None:
    """The last value of an option that other options' defaults depend on; None if it is not given."""
    found = None
    for place, option in enumerate(options):
        told, _, value = option.partition("=")
        if told == f"--{name}" and (value or place + 1 < len(options)):
            found = value or options[place + 1]
    return found
