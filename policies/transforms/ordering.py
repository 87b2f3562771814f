"""The 34 dimensions in the order in which a network has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hlm.core import layout
from hlm.core.arrays import FloatArray, frozen
from hlm.core.errors import InputError
from hlm.core.layout import DIMENSIONS

Order = Literal["bimanual", "humanoid"]


@dataclass(frozen=True, slots=True, eq=False)
class Ordering:
    """An order of the dimensions.

    Attributes:
        indices: [dimension] which of the contract's dimensions stands at each of the network's places.
    """

    indices: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check that every dimension has one place, and make the array a read-only copy.

        Raises:
            InputError: one is missing or has two.
        """
        object.__setattr__(self, "indices", frozen(self.indices, (DIMENSIONS,), "order", np.int64))
        if sorted(self.indices) != list(range(DIMENSIONS)):
            raise InputError(f"an order must name each of the {DIMENSIONS} dimensions once, got {self.indices}.")

    def apply[Number: np.generic](self, vectors: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """[..., dimension] in the network's order, of the contract's."""
        return vectors[..., self.indices]

    def undo(self, vectors: FloatArray) -> FloatArray:
        """[..., dimension] in the contract's order, of the network's."""
        return vectors[..., np.argsort(self.indices)]


def _joined(*parts: slice) -> Ordering:
    return Ordering(np.concatenate([np.arange(DIMENSIONS)[part] for part in parts]))


ORDERINGS: Mapping[Order, Ordering] = {
    "bimanual": Ordering(np.arange(DIMENSIONS)),
    "humanoid": _joined(
        layout.ROOT,
        layout.LEFT_LEG,
        layout.RIGHT_LEG,
        layout.WAIST,
        layout.LEFT_ARM,
        layout.RIGHT_ARM,
        layout.GROUPS["left gripper"],
        layout.GROUPS["right gripper"],
    ),
}
"""The contract's own order, in which a network that learnt from two arms finds its dimensions first, and the order in
which OpenHLM records a humanoid, its body before its grippers (the paper's ablation in its Fig. 5)."""
