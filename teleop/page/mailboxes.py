"""The line between the loop and the page's process: mailboxes in shared memory that nobody ever waits for."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgpack
import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.shared_slots import SharedSlots
from hlm.teleop.page.documents import Document

_VIEW_BYTES = 2**20
_EPISODES_BYTES = 2**22
_COMMAND_BYTES = 2**14
_EVENT_BYTES = 2**13
LARGEST_IMAGE_BYTES = 3 * 1920 * 1200
"""Of a picture; memory that is not written to costs nothing."""
# More than a person presses while the loop is away for a second.
_EVENTS = 256


class Mailboxes(NamedTuple):
    """Newest values in shared memory; of events, the last ones in their order.

    Attributes:
        views: documents of the page and its 3-D view, by the loop.
        episodes: documents of the saved episodes, by the loop, when they change.
        images: pictures by camera, by the loop.
        commands: documents of the device's samples, by the page.
        events: documents of what was asked, by the page.
        postures: documents of commands to go on from, by the loop.
    """

    views: SharedSlots
    episodes: SharedSlots
    images: dict[str, SharedSlots]
    commands: SharedSlots
    events: SharedSlots
    postures: SharedSlots

    @staticmethod
    def new(cameras: tuple[str, ...]) -> Mailboxes:
        """Empty mailboxes, with one for each camera."""
        return Mailboxes(
            views=SharedSlots(_VIEW_BYTES),
            episodes=SharedSlots(_EPISODES_BYTES),
            images={camera: SharedSlots(LARGEST_IMAGE_BYTES + 8) for camera in cameras},
            commands=SharedSlots(_COMMAND_BYTES, slots=4),
            events=SharedSlots(_EVENT_BYTES, slots=_EVENTS),
            postures=SharedSlots(_COMMAND_BYTES),
        )


def put(box: SharedSlots, document: Document) -> None:
    """Leave a document."""
    box.append(msgpack.packb(document, default=_plain))


def newest(box: SharedSlots) -> Document | None:
    """The newest document; None before the first."""
    content = box.newest()
    return None if content is None else msgpack.unpackb(content)


def since(box: SharedSlots, index: int) -> tuple[list[Document], int]:
    """The documents from `index` on that are still there, and the index of the next one."""
    written = box.written
    contents = [box.read(one) for one in range(max(index, written - box.slots), written)]
    return [msgpack.unpackb(content) for content in contents if content is not None], written


def image_bytes(image: ByteArray) -> bytes:
    """A [height, width, 3] uint8 picture with its size in front; `image_from_bytes` is its inverse."""
    height, width, _ = image.shape
    return np.array([height, width], dtype=np.uint32).tobytes() + np.ascontiguousarray(image).tobytes()


def image_from_bytes(content: bytes) -> ByteArray:
    """[height, width, 3] uint8 picture in the bytes."""
    height, width = np.frombuffer(content[:8], dtype=np.uint32)
    return np.frombuffer(content, dtype=np.uint8, offset=8).reshape(int(height), int(width), 3)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not fit into a document")
