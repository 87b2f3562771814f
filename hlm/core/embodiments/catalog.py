"""The robots by name."""

from __future__ import annotations

from hlm.core.embodiment import Embodiment
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import UnknownNameError

EMBODIMENTS: dict[str, Embodiment] = {embodiment.name: embodiment for embodiment in (UNITREE_G1,)}


def find_embodiment(name: str) -> Embodiment:
    """The embodiment with this name.

    Raises:
        UnknownNameError: no embodiment has this name.
    """
    if name not in EMBODIMENTS:
        raise UnknownNameError("embodiment", name, EMBODIMENTS)
    return EMBODIMENTS[name]
