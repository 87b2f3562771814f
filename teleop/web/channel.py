"""Channels: what pages of one kind, such as headsets, and one part of the program say to each other."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from hlm.teleop.web.messages import Client, Message, encoded

# Four seconds of a headset's samples. Who reads that late wants no older ones.
_KEPT_MESSAGES = 512
# Types of messages that wait for a slow client; the oldest make room.
_KEPT_TYPES = 64


class Outbox:
    """What waits for one client: the newest message of each type, so that a slow client is never sent old ones."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[str, str | bytes] = {}
        self._filled = asyncio.Event()

    def put(self, name: str, frame: str | bytes) -> None:
        """Replace what waits of this type; in the loop's thread."""
        self._waiting[name] = frame
        if len(self._waiting) > _KEPT_TYPES:
            del self._waiting[next(iter(self._waiting))]
        self._filled.set()

    def put_from_elsewhere(self, name: str, frame: str | bytes) -> None:
        """The same from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.put, name, frame)

    async def take(self) -> str | bytes:
        """The message that waits longest, once there is one."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        return self._waiting.pop(next(iter(self._waiting)))


class Channel:
    """Messages of the pages that connect to `/ws/NAME`; its methods may be called from any thread.

    Args:
        name: of the channel.
        on_message: takes each message in the server's thread, at once; must not wait. Without it they are kept for
            `messages`.
    """

    def __init__(self, name: str, on_message: Callable[[Message], None] | None = None) -> None:
        self.name = name
        self._on_message = on_message
        self._lock = threading.Lock()
        self._clients: dict[int, tuple[Client, Outbox]] = {}
        self._inboxes: dict[int, deque[Message]] = {}

    @property
    def clients(self) -> tuple[Client, ...]:
        """The pages that are connected, those that came first first."""
        with self._lock:
            return tuple(client for client, _ in self._clients.values())

    def messages(self) -> tuple[Message, ...]:
        """What has arrived since the last call, in the order of arrival, also from clients that have left."""
        with self._lock:
            arrived = [*itertools.chain.from_iterable(self._inboxes.values())]
            self._inboxes = {}
        return tuple(sorted(arrived, key=lambda message: message.stamp_ns))

    def send(self, content: Mapping[str, Any], to: int | None = None, data: bytes = b"") -> None:
        """Send a message without waiting. Where an older one of the same type still waits, it takes its place.

        Args:
            content: an object with a `type`, see `hlm.teleop.web.messages`.
            to: number of a client; all by default. One that has left gets nothing.
            data: bytes that go with it.

        Raises:
            ValueError: a number that is none.
        """
        frame = encoded(content, data)
        with self._lock:
            outboxes = [outbox for client, outbox in self._clients.values() if to in (None, client.number)]
        for outbox in outboxes:
            outbox.put_from_elsewhere(str(content["type"]), frame)

    def join(self, client: Client, outbox: Outbox) -> None:
        """Add a client; for the server."""
        with self._lock:
            self._clients[client.number] = (client, outbox)

    def leave(self, client: Client) -> None:
        """Remove a client; for the server."""
        with self._lock:
            del self._clients[client.number]

    def receive(self, message: Message) -> None:
        """Take a message from a client; for the server."""
        if self._on_message is not None:
            self._on_message(message)
            return
        with self._lock:
            self._inboxes.setdefault(message.client, deque(maxlen=_KEPT_MESSAGES)).append(message)
