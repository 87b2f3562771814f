"""The instructions of training episodes, checked before anything long begins."""

from __future__ import annotations

from collections.abc import Sequence

from hlm.core.errors import InputError
from hlm.datasets.reader import Episode


def must_have_instructions(episodes: Sequence[Episode]) -> None:
    """Check that every episode says what is done in it, for networks that read instructions.

    From blank ones a network would learn to act without being asked to.

    Raises:
        InputError: some say nothing; the text names the first of them.
    """
    blank = [episode for episode in episodes if not episode.info.instruction.strip()]
    if blank:
        raise InputError(
            f"{len(blank)} of {len(episodes)} training episodes have no instruction, such as {blank[0].path}: name the "
            "task (hlm data relabel), give the dataset a prompt in the mixture, or leave them out."
        )
