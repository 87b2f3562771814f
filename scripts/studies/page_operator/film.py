"""A film of a page, from the pictures that the browser itself sends."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def filmed(page: Any, folder: Path) -> Iterator[None]:
    """Write each new picture of a page into a folder, named by its time in ms.

    Args:
        page: to film.
        folder: is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    session = page.context.new_cdp_session(page)

    def keep(event: dict[str, Any]) -> None:
        name = f"{round(1000.0 * event['metadata']['timestamp'])}.jpg"
        (folder / name).write_bytes(base64.b64decode(event["data"]))
        session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    session.on("Page.screencastFrame", keep)
    session.send("Page.startScreencast", {"format": "jpeg", "quality": 85})
    try:
        yield
    finally:
        session.send("Page.stopScreencast")
