"""The seam between a person's device and the session: references, and all that a session asks about them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from hlm.core.arrays import FloatArray
from hlm.core.protocols import ReferenceSource
from hlm.core.values import Reference


class PersonSource(ReferenceSource, Protocol):
    """References from a person; while it holds, or its device is late, it keeps a pose that is safe to stay in."""

    @property
    def live(self) -> FloatArray | None:
        """[34] where the person has the body now, followed or not; None before anything is known."""
        ...

    @property
    def trouble(self) -> str:
        """Why the person is not followed, in one line; empty while all is well."""
        ...

    @property
    def age_s(self) -> float:
        """Age of what the person said last; infinite before the first."""
        ...

    def look(self, now_ns: int) -> None:
        """Listen while another one commands, so that `trouble` says whether the person could.

        Args:
            now_ns: the instant on the session's clock.
        """
        ...

    def hold(self) -> None:
        """Hold from the next reference on."""
        ...

    def follow(self) -> None:
        """Follow the person from the next reference on, without a jump."""
        ...


@runtime_checkable
class Continuing(Protocol):
    """A source that can go on from where another one left the robot."""

    def continue_from(self, reference: Reference) -> None:
        """Begin, at the next `reset`, as the last reference of the other source has the body."""
        ...
