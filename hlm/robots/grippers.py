"""The seam to grippers that hang on a wire of their own beside the robot's."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

import numpy as np

from hlm.core.arrays import FloatArray


class Grippers(Protocol):
    """The left and the right gripper; openings are 1 = open, 0 = closed."""

    def __enter__(self) -> Self:
        """Connect."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect; the grippers keep what they hold."""
        ...

    def read(self) -> tuple[FloatArray, int]:
        """[2] newest measured opening, left and right, and when it arrived, ns; -1 before the first."""
        ...

    def command(self, opening: FloatArray) -> None:
        """Move to an opening [2], left and right; never waits."""
        ...


class NoGrippers:
    """A robot without grippers: always open, and commands go nowhere. Implements `Grippers`."""

    def __enter__(self) -> Self:
        """Nothing to connect."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to disconnect."""

    def read(self) -> tuple[FloatArray, int]:
        """Open; since the beginning of time."""
        return np.ones(2), 0

    def command(self, opening: FloatArray) -> None:
        """Nothing moves."""
