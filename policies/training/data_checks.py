"""Whether there is something to learn from data, before anything long begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hlm.core.errors import InputError
from hlm.core.layout import NAMES
from hlm.core.wording import counted
from hlm.datasets.reader import Episode
from hlm.datasets.statistics import STILL_RANGE, Statistics

# Far beyond any joint's angle in rad, any yaw rate in rad/s, and any opening.
LARGEST = 1e3


def must_be_plausible(episodes: Sequence[Episode], statistics: Statistics) -> None:
    """Check that no state or action is far beyond what any robot does, as broken recordings have it.

    Args:
        episodes: episodes to learn from.
        statistics: of them.

    Raises:
        InputError: a value is; the text names its episode and step.
    """
    for name, vector in (("state", statistics.state), ("action", statistics.action)):
        if (np.maximum(np.abs(vector.min), np.abs(vector.max)) > LARGEST).any():
            raise InputError(_told(episodes, name))


def doubts(samples: int, statistics: Statistics) -> Iterator[str]:
    """What a person should know about data that teaches little, in lines."""
    if samples == 1:
        yield "there is a single step to learn from: the policy will only repeat it"
    elif statistics.action.still.all():
        yield f"no action moves by {STILL_RANGE:g} or more in training: the policy will only learn to hold still"


def _told(episodes: Sequence[Episode], name: str) -> str:
    """Which episodes have a value that is too large, and where the first has it."""
    found: list[str] = []
    for episode in episodes:
        values = getattr(episode, name)
        if (large := np.abs(values) > LARGEST).any():
            step, place = np.argwhere(large)[0]
            found.append(f"{episode.path} step {step} holds {values[step, place]:g} in its {name} of {NAMES[place]}")
    if not found:  # Only in the differences that relative actions are.
        return f"the {name}s are far beyond what any robot does; look at them with `hlm data verify`."
    more = f"; so it is in {counted(len(found) - 1, 'other episode')}" if len(found) > 1 else ""
    return f"{found[0]}, which no robot reaches{more}. Leave them out, or mend them (`hlm data verify`)."
