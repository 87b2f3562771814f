"""The 3-D view's server, on this machine alone, and the gate that pages reach it through."""

from __future__ import annotations

import io
import logging
import secrets
import ssl
from contextlib import redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import Self

from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError, MissingDependencyError
from hlm.core.listening import bind
from hlm.teleop.page.scene import Scene
from hlm.teleop.page.scene_gate import SceneGate

_LOOPBACK = "127.0.0.1"


def hidden_loopback() -> str:
    """An address of this machine alone that nobody guesses.

    The 3-D view's server asks nobody for a token, and web sockets of pages of any origin may try the ports of
    127.0.0.1. Linux has 2^24 such addresses; elsewhere it is 127.0.0.1.
    """
    address = f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
    try:
        bind(address, 0).close()
    except InputError:
        return _LOOPBACK
    return address


class Viewer:
    """The 3-D view while it is entered.

    Args:
        host: where pages reach its gate.
        port: of the gate; 0 takes a free one.
        tls: for HTTPS; None for HTTP.
        embodiment: the robot.

    Raises:
        MissingDependencyError: viser is not installed.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, embodiment: Embodiment) -> None:
        try:
            import viser
        except ImportError:
            raise MissingDependencyError("the page's 3-D view needs viser: pip install 'hlm[viz]'.") from None
        listener = bind(host, port)
        logging.getLogger("websockets").setLevel(logging.ERROR)
        with redirect_stdout(io.StringIO()):  # it greets in any case
            hidden = hidden_loopback()
            self._server = viser.ViserServer(host=hidden, port=0, verbose=False)
        self.scene = Scene(self._server, embodiment)
        index = Path(viser.__file__).parent / "client" / "build" / "index.html"
        self.gate = SceneGate(listener, (hidden, self._server.get_port()), index, tls)

    def __enter__(self) -> Self:
        self.gate.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gate.stop()
        with redirect_stdout(io.StringIO()):
            self._server.stop()
