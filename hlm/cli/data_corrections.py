"""`hlm data corrections`: what others than the policy did, as a dataset of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hlm.cli.arguments import Positional, parse
from hlm.cli.progress import progress
from hlm.cli.tables import console


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectionsArguments:
    """Copy what somebody else than the policy did, in episodes that ended in success, into a new dataset to train on.

    Attributes:
        path: path of the dataset, as `hlm record --source policy --takeover` records it.
        into: path of the new dataset; one episode for each stretch.
        by: who corrected, e.g. scripted; everybody but the policy by default.
        all: also take corrections from episodes that did not end in success.
        dry_run: only report what would be done.
    """

    path: Positional[Path]
    into: Positional[Path]
    by: tuple[str, ...] = ()
    all: bool = False
    dry_run: bool = False


def run(arguments: Sequence[str]) -> int:
    """Copy corrections."""
    config = parse(CorrectionsArguments, "hlm data corrections", arguments)
    from hlm.datasets.edits.corrections import Wanted, corrections

    wanted = Wanted(by=config.by, failures=config.all)
    with progress("corrections") as show:
        version = corrections(config.path, config.into, wanted, dry_run=config.dry_run, show=show)
    screen = console()
    for line in version.details:
        screen.out(line)
    screen.out(f"{'would' if config.dry_run else 'done:'} {version.did}")
    return 0
