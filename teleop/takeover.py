"""One source in command, another that takes over and hands back, without a jump between them."""

from __future__ import annotations

from collections.abc import Callable

from hlm.core.protocols import ReferenceSource
from hlm.core.values import Observation, Reference
from hlm.teleop.blend import Blend
from hlm.teleop.person import Continuing

type Wanted = Callable[[Observation], bool]
"""Whether the second source is to be in command at this step."""


class Takeover:
    """Plays one of two sources; implements `hlm.core.protocols.ReferenceSource`.

    Whoever comes into command begins anew from what is observed then, and is blended in from the last reference. A
    `hlm.teleop.person.Continuing` source begins from that reference.

    Args:
        usual: in command at first, such as a policy.
        other: takes over, such as a person or a scripted operator.
        wanted: when.
        names: of the two, as datasets tell who was in command.
        begin: called when an episode begins, such as to forget what was asked before.
    """

    def __init__(
        self,
        usual: ReferenceSource,
        other: ReferenceSource,
        wanted: Wanted,
        names: tuple[str, str],
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        self._sources = (usual, other)
        self._wanted = wanted
        self._names = names
        self._begin = begin
        self._active = 0
        self._last: Reference | None = None
        self._blend: Blend | None = None

    @property
    def in_command(self) -> str:
        """Name of the source that gave the last reference."""
        return self._names[self._active]

    def reset(self, observation: Observation) -> None:
        """Begin with the usual source."""
        self._active, self._last, self._blend = 0, None, None
        self._begin()
        self._sources[0].reset(observation)

    def reference(self, observation: Observation) -> Reference | None:
        """The reference of who is in command; None when that one ends the episode."""
        active = int(self._wanted(observation))
        changed = active != self._active
        if changed:
            self._active = active
            source = self._sources[active]
            if self._last is not None and isinstance(source, Continuing):
                source.continue_from(self._last)
            source.reset(observation)
        wanted = self._sources[self._active].reference(observation)
        if wanted is None:
            return None
        now_ns, vector = observation.stamp_ns, wanted.vector
        if changed and self._last is not None:
            self._blend = Blend(self._last.vector, vector, now_ns)
        if self._blend is not None:
            vector = self._blend.at(now_ns, vector)
            self._blend = None if self._blend.done(now_ns) else self._blend
        self._last = Reference(now_ns, vector)
        return self._last
