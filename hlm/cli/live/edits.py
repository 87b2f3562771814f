"""What a person changes in a session of what was recorded before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hlm.cli.live.front import Delete, Relabel

if TYPE_CHECKING:
    from hlm.teleop.session.takes import Takes


def edit(takes: Takes, wish: Delete | Relabel, own: int) -> int:
    """Change what was recorded before.

    Args:
        takes: the episodes.
        wish: what to change.
        own: how many of them, the newest, are of this session.

    Returns:
        How many of those are gone.

    Raises:
        HlmError: see `hlm.teleop.session.takes.Takes`.
    """
    match wish:
        case Delete(name):
            kept = takes.kept()
            gone = name in {one.name for one in kept[len(kept) - own :]}
            takes.delete([name])
            return int(gone)
        case Relabel(name, instruction, outcome, note):
            takes.relabel(name, instruction=instruction, outcome=outcome, note=note)
            return 0
