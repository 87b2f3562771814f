"""The web server: static pages and their messages, in a thread of its own."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from hlm.core.clock import Clock, MonotonicClock
from hlm.core.errors import InputError, UnknownNameError
from hlm.core.listening import bind, is_loopback
from hlm.teleop.web.certificate import tls_context
from hlm.teleop.web.channel import Channel
from hlm.teleop.web.config import WebConfig
from hlm.teleop.web.connections import Connections
from hlm.teleop.web.guard import Guard
from hlm.teleop.web.messages import Message
from hlm.teleop.web.network import name_for_browsers, names_of_this_machine

_STOP_S = 5.0


class WebServer:
    """Serves folders and channels while it is entered.

    On this machine alone it speaks HTTP and asks for nothing. Where other machines can reach it, it speaks HTTPS with a
    certificate of its own, and browsers must bring the token that stands in `address`. Pages of other origins, and
    requests by names that are not this machine's, are refused everywhere.

    Args:
        config: address and limits; the defaults when None.
        folders: folder of static files by the first part of their path, such as `headset`; the empty name stands for
            all other paths.
        clock: stamps what arrives; the operating system's monotonic clock by default.
        state_folder: where the certificate is kept, see `hlm.teleop.web.certificate`.
    """

    def __init__(
        self,
        config: WebConfig | None,
        folders: Mapping[str, Path],
        *,
        clock: Clock | None = None,
        state_folder: Path | None = None,
    ) -> None:
        self._config = WebConfig() if config is None else config
        self._folders = dict(folders)
        self._clock = MonotonicClock() if clock is None else clock
        self._state_folder = state_folder
        self._channels: dict[str, Channel] = {}
        self._origin = ""
        self._token = ""
        self._thread: threading.Thread | None = None
        self._ask_to_stop: Callable[[], object] = lambda: None

    def channel(self, name: str, on_message: Callable[[Message], None] | None = None) -> Channel:
        """Open a channel for the pages that connect to `/ws/NAME`.

        Args:
            name: letters, digits and underscores.
            on_message: see `Channel`.

        Raises:
            InputError: the channel is open already, or the name does not fit in a path.
        """
        if name in self._channels or not name.isidentifier():
            raise InputError(f"a channel '{name}' cannot be opened: it is open already, or no such name can be.")
        self._channels[name] = Channel(name, on_message)
        return self._channels[name]

    @property
    def origin(self) -> str:
        """Scheme, name and port for browsers, such as `http://localhost:8080`; empty until it is entered."""
        return self._origin

    def address(self, folder: str = "") -> str:
        """The address to open in a browser, with the token if one is needed: to be shown, never to be kept.

        Args:
            folder: that the page lies in.

        Raises:
            UnknownNameError: there is no such folder.
        """
        if folder not in self._folders:
            raise UnknownNameError("folder", folder, self._folders)
        path = f"/{folder}/" if folder else "/"
        return f"{self._origin}{path}{f'?token={self._token}' if self._token else ''}"

    def __enter__(self) -> Self:
        """Listen.

        Raises:
            InputError: no such host, or the port is not available.
            StorageError: a certificate is needed and cannot be kept.
        """
        config = self._config
        public = not is_loopback(config.host)
        names = names_of_this_machine(config.host) | {name.lower() for name in config.names}
        tls = tls_context(names, self._state_folder) if public or config.https else None
        self._token = config.token or (secrets.token_urlsafe() if public else "")
        listener = bind(config.host, config.port)
        port = listener.getsockname()[1]
        scheme = "https" if tls else "http"
        self._origin = f"{scheme}://{name_for_browsers(config.host)}:{port}"
        guard = Guard(scheme, names, self._token, f"hlm_token_{port}")
        connections = Connections(config, guard, self._folders, self._channels, self._clock)
        self._start(connections.serving(listener, tls))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say goodbye to the pages, and stop listening."""
        with suppress(RuntimeError):  # the loop has ended already
            self._ask_to_stop()
        if self._thread is not None:
            self._thread.join(_STOP_S)
        self._origin = ""

    def _start(self, serving: AbstractAsyncContextManager[None]) -> None:
        """Serve in a thread, and wait until it listens."""
        started: Future[None] = Future()

        async def run() -> None:
            stopped = asyncio.Event()
            loop = asyncio.get_running_loop()
            self._ask_to_stop = lambda: loop.call_soon_threadsafe(stopped.set)
            async with serving:
                started.set_result(None)
                await stopped.wait()

        def in_thread() -> None:
            try:
                asyncio.run(run())
            except Exception as error:
                if started.done():
                    raise
                started.set_exception(error)

        self._thread = threading.Thread(target=in_thread, name="web server", daemon=True)
        self._thread.start()
        started.result()
