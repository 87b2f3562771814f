"""Whether grippers still say where they are."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from hlm.core.clock import NS_PER_S, Clock
from hlm.core.errors import InputError
from hlm.robots.grippers import Grippers


class GripperWatch:
    """Listens beside whoever commands, and says when the state has not come for too long.

    A gripper that says nothing keeps what it holds, but a policy that is told an old opening goes on as if its hand had
    closed. So an old state counts as a picture that does not come.

    Args:
        grippers: a link of its own, which never commands.
        clock: the session's clock.
        max_age_s: what is too long. OpenHLM's gripper server tells its state 50 times a second, but over TCP, which
            sends what was lost again after 0.2 s, and once more 0.4 s later.
    """

    def __init__(self, grippers: Grippers, clock: Clock, max_age_s: float = 1.0) -> None:
        if not max_age_s > 0.0:
            raise InputError(f"the oldest state of the grippers must be allowed more than 0 s, got {max_age_s:g} s.")
        self._grippers = grippers
        self._clock = clock
        self._max_age_s = max_age_s
        self._begun_ns: int | None = None

    def __enter__(self) -> Self:
        """Listen."""
        self._grippers.__enter__()
        self._begun_ns = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        self._grippers.__exit__(kind, error, trace)

    def trouble(self) -> str:
        """What is wrong, in words; empty when nothing is. Never waits; ages count from the first call at the latest."""
        _, stamp_ns = self._grippers.read()
        now_ns = self._clock.now_ns()
        self._begun_ns = now_ns if self._begun_ns is None else self._begun_ns
        age_s = (now_ns - max(stamp_ns, self._begun_ns)) / NS_PER_S
        return "" if age_s <= self._max_age_s else f"the grippers have not said where they are for {age_s:.2f} s"
