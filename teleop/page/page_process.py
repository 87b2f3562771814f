"""The operator's page in a process of its own, so that neither a slow browser nor a crash ever delays the loop."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from hlm.core.arrays import ByteArray
from hlm.core.clock import Clock, MonotonicClock
from hlm.core.processes import ChildProcess
from hlm.teleop.page.documents import episode_document, event_from_document, page_document, scene_document
from hlm.teleop.page.mailboxes import Mailboxes, image_bytes, put, since
from hlm.teleop.page.page_config import PageConfig
from hlm.teleop.page.page_device import PageDevice
from hlm.teleop.page.page_event import PageEvent
from hlm.teleop.page.page_job import serve_page
from hlm.teleop.page.page_view import EpisodeCard, PageView

_READY_S = 60.0
_END_S = 5.0
# What the page lists.
_NEWEST_EPISODES = 300


class PageProcess:
    """The page; entering starts its process and waits until it can be opened, leaving ends it.

    `publish`, `images` and `events` take well under a millisecond and never wait; they do nothing once the page's
    process has died, which `trouble` tells.

    Args:
        config: how it is served.
        clock: the machine's monotonic one.
    """

    def __init__(self, config: PageConfig, clock: Clock | None = None) -> None:
        self._config = config
        self._boxes = Mailboxes.new(config.cameras)
        self._child = ChildProcess("page", serve_page, config, self._boxes)
        self._address = ""
        self._episodes: tuple[EpisodeCard, ...] | None = None
        self._events_read = 0
        self.device = PageDevice(
            self._boxes.commands,
            MonotonicClock() if clock is None else clock,
            death=lambda: self.trouble,
            address=lambda: self._address,
        )

    def __enter__(self) -> Self:
        """Start, and wait until it can be opened.

        Raises:
            HlmError: it cannot, such as because its port is taken or a package is missing.
        """
        self._child.start()
        try:
            self._address = self._child.wait_ready(_READY_S)
        except BaseException:
            self._child.stop(_END_S)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.stop(_END_S)

    @property
    def address(self) -> str:
        """What to open in a browser; empty before it can be."""
        return self._address

    @property
    def pid(self) -> int | None:
        """Process id; None before the start."""
        return self._child.pid

    @property
    def trouble(self) -> str:
        """Why the page is not there; empty while it is."""
        return "" if self._child.alive or not self._address else f"the page is gone: {self._child.death()}"

    def publish(self, view: PageView) -> None:
        """Show a view from now on."""
        if view.episodes != self._episodes:
            self._episodes = view.episodes
            put(
                self._boxes.episodes,
                {"episodes": [episode_document(card) for card in view.episodes[:_NEWEST_EPISODES]]},
            )
        put(self._boxes.views, {"page": page_document(view), "scene": scene_document(view)})

    def images(self, images: Mapping[str, ByteArray]) -> None:
        """Show pictures, [height, width, 3] uint8 RGB by camera; those of cameras that the page does not have are not.

        A camera that is absent keeps its last picture, which the page marks as late by the ages of the view.
        """
        for camera, image in images.items():
            if camera in self._boxes.images:
                self._boxes.images[camera].append(image_bytes(image))

    def events(self) -> list[PageEvent]:
        """What was asked since the last call, in its order."""
        documents, self._events_read = since(self._boxes.events, self._events_read)
        return [event_from_document(document) for document in documents]
