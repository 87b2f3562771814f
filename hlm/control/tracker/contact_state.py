"""Which feet are in contact with the ground at one instant."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.control.model import LEFT, RIGHT
from hlm.core.arrays import BoolArray

FEET = (LEFT, RIGHT)


class ContactState(NamedTuple):
    """Contact of both feet, indexed by `LEFT` and `RIGHT`; the body stands, so at least one is in contact.

    Attributes:
        left: whether the left foot is in contact.
        right: whether the right foot is in contact.
    """

    left: bool
    right: bool

    @staticmethod
    def of(mask: BoolArray) -> ContactState:
        """The state of a [foot] mask; inverse of `mask`."""
        return ContactState(bool(mask[LEFT]), bool(mask[RIGHT]))

    @property
    def mask(self) -> BoolArray:
        """[foot] whether each foot is in contact."""
        return np.array(self)

    @property
    def double_support(self) -> bool:
        """Whether both feet are in contact."""
        return self.left and self.right

    @property
    def swing_foot(self) -> int:
        """The foot in the air; defined in single support only."""
        return RIGHT if self.left else LEFT


DOUBLE_SUPPORT = ContactState(left=True, right=True)
