"""What the page's process does: it serves the page, draws the 3-D view, and turns what is touched into commands."""

from __future__ import annotations

from hlm.core.processes import Leash
from hlm.teleop.page.mailboxes import Mailboxes
from hlm.teleop.page.page_config import PageConfig

_POLL_S = 0.1


def serve_page(leash: Leash, config: PageConfig, boxes: Mailboxes) -> None:
    """Serve the page until it is released.

    Raises:
        HlmError: it cannot be served.
    """
    del boxes
    leash.die_with_parent()
    leash.ready(f"http://{config.host}:{config.port}/")
    while not leash.wait(_POLL_S):
        pass
