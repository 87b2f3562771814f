"""A film of a page, from the pictures that the browser itself sends when something has changed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from hlm.evaluation.video import write_animation

RATE_HZ, WIDTH_PX = 5.0, 1000


class Picture(NamedTuple):
    """A picture of the page, and when it was made."""

    time_s: float
    jpeg: bytes


@contextmanager
def filmed(page: Any) -> Iterator[list[Picture]]:
    """The pictures of a page, which become more while it goes on."""
    pictures: list[Picture] = []
    session = page.context.new_cdp_session(page)

    def keep(event: dict[str, Any]) -> None:
        pictures.append(Picture(event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    session.on("Page.screencastFrame", keep)
    session.send("Page.startScreencast", {"format": "jpeg", "quality": 85})
    yield pictures
    session.send("Page.stopScreencast")


def write_film(path: Path, pictures: list[Picture], length_s: float) -> None:
    """Write an animation.

    Args:
        path: `*.webp` or `*.gif`.
        pictures: in the order of their times; at least one.
        length_s: how long it lasts: a slow machine needs longer for what it simulates.
    """
    times_s = np.array([picture.time_s for picture in pictures])
    shown_s = np.linspace(times_s[0], times_s[-1], max(2, round(RATE_HZ * length_s)))
    numbers = np.searchsorted(times_s, shown_s, side="right") - 1
    images = [np.asarray(Image.open(BytesIO(pictures[number].jpeg)).convert("RGB")) for number in numbers]
    write_animation(path, images, RATE_HZ, WIDTH_PX)
