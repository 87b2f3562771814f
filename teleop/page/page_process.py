"""The operator's page in a process of its own, so that neither a slow browser nor a crash ever delays the loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.clock import Clock, MonotonicClock
from hlm.core.errors import HlmError
from hlm.core.listening import bind
from hlm.core.processes import ChildProcess
from hlm.teleop.page.documents import episode_document, event_from_document, page_document, scene_document
from hlm.teleop.page.mailboxes import LARGEST_IMAGE_BYTES, Mailboxes, image_bytes, put, since
from hlm.teleop.page.page_config import PageConfig
from hlm.teleop.page.page_device import PageDevice
from hlm.teleop.page.page_event import PageEvent
from hlm.teleop.page.page_job import Served, serve_page
from hlm.teleop.page.page_view import EpisodeCard, PageView

_READY_S = 60.0
_END_S = 5.0
# What the page lists.
_NEWEST_EPISODES = 300


class PageProcess:
    """The page; entering starts its process and waits until it can be opened, leaving ends it.

    `publish`, `images` and `events` take well under a millisecond and never wait. A page's process that has died is
    started again by `publish`, once, which takes some 10 ms: at the same address, with the same token, and with what
    was set on it. `trouble` tells what is the matter.

    Args:
        config: how it is served.
        clock: the machine's monotonic one.
    """

    def __init__(self, config: PageConfig, clock: Clock | None = None) -> None:
        self._config = config
        self._boxes = Mailboxes.new(config.cameras)
        self._child = ChildProcess("page", serve_page, config, self._boxes)
        self._address = ""
        self._deaths: list[str] = []
        self._starts_again = False
        self._failure = ""
        self._episodes: tuple[EpisodeCard, ...] | None = None
        self._events_read = 0
        self.device = PageDevice(
            self._boxes,
            MonotonicClock() if clock is None else clock,
            death=lambda: self.trouble,
            address=lambda: self._address,
        )

    def __enter__(self) -> Self:
        """Start, and wait until it can be opened.

        Raises:
            HlmError: it cannot, such as because its port is taken or a package is missing.
        """
        self._must_have_ports()
        self._child.start()
        try:
            served = self._child.wait_ready(_READY_S)
        except BaseException:
            self._child.stop(_END_S)
            raise
        self._address = served.address
        self._config = _as_served(self._config, served)
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
        if self._starts_again:
            return f"the page is started again: {self._deaths[0]}"
        if self._child.alive or not self._address:
            return ""
        again = " again; end the session, the open episode stays recoverable" if self._deaths else ""
        return f"the page is gone{self._failure or f'{again}: {self._child.death()}'}"

    def publish(self, view: PageView) -> None:
        """Show a view from now on; looks after the page's process."""
        self._look_after()
        if view.episodes != self._episodes:
            self._episodes = view.episodes
            put(
                self._boxes.episodes,
                {"episodes": [episode_document(card) for card in view.episodes[:_NEWEST_EPISODES]]},
            )
        put(self._boxes.views, {"page": page_document(view), "scene": scene_document(view)})

    def _look_after(self) -> None:
        """Start the page's process again if it has died for the first time; does not wait until it is ready."""
        if self._starts_again and self._child.answered():
            self._starts_again = False
            try:
                self._child.wait_ready(0.0)
            except Exception as error:  # noqa: BLE001 - whatever it was, the loop goes on without a page
                self._failure = f", and could not be started again: {error}"
        elif self._address and not self._deaths and not self._child.alive:
            self._deaths.append(self._child.death())
            self._child.stop(_END_S)
            try:
                self._must_have_ports()
            except HlmError as error:
                self._failure = f", and could not be started again: {error}"
            else:
                self._child = ChildProcess("page", serve_page, self._config, self._boxes).start()
                self._starts_again = True

    def _must_have_ports(self) -> None:
        """Notice at once, and not only once the process has imported everything, that a port is taken."""
        for port in {self._config.port, self._config.view_port or 0} - {0}:
            bind(self._config.host, port).close()

    def images(self, images: Mapping[str, ByteArray]) -> None:
        """Show pictures, [height, width, 3] uint8 RGB by camera; those of cameras that the page does not have are not.

        A camera that is absent keeps its last picture, which the page marks as late by the ages of the view.
        """
        for camera, image in images.items():
            if camera in self._boxes.images:
                self._boxes.images[camera].append(image_bytes(_fitting(image)))

    def events(self) -> list[PageEvent]:
        """What was asked since the last call, in its order."""
        documents, self._events_read = since(self._boxes.events, self._events_read)
        return [event_from_document(document) for document in documents]


def _fitting(image: ByteArray) -> ByteArray:
    """Every n-th pixel of a picture that is too large for its mailbox."""
    every = int(np.ceil(np.sqrt(image.nbytes / LARGEST_IMAGE_BYTES)))
    return image if every <= 1 else image[::every, ::every]


def _as_served(config: PageConfig, served: Served) -> PageConfig:
    """The config that serves a page at the same address once more."""
    address = urlsplit(served.address)
    (token,) = parse_qs(address.query).get("token", [config.token])
    return replace(config, port=address.port or config.port, view_port=served.view_port, token=token)
