"""Keys of the terminal as requests to stop."""

from __future__ import annotations

from hlm.core.terminal import Terminal

# Most people's hands know one of them; Ctrl+C is a signal.
_KEYS = b" qQ\x1b"


class StopKeys(Terminal):
    """Within the context, space, q and Escape on the terminal are noticed without Enter."""

    def pressed(self) -> bool:
        """Whether such a key was pressed since the last call; never waits."""
        return any(key in _KEYS for key in self.typed())
