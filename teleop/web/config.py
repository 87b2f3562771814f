"""Where the web server listens, and what it lets in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hlm.core.errors import InputError
from hlm.core.ranges import must_be_at_least

MIN_TOKEN_CHARACTERS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class WebConfig:
    """Address and limits of the web server.

    Attributes:
        host: interface to listen at; 0.0.0.0 for all. Where other machines can reach it, HTTPS and a token are used.
        port: 0 for a free one.
        token: that browsers must bring in the address; a random one where it is needed and empty. Never printed.
        https: HTTPS on this machine too. Elsewhere it is always used.
        names: further names and addresses by which browsers reach this machine, such as that of a VPN.
        frame_sources: origins that pages may show in frames, such as `http://localhost:8081`.
        max_message_bytes: largest message from a browser; one that sends a larger message is disconnected.
        max_clients: browsers that may be connected at once.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    token: str = field(default="", repr=False)
    https: bool = False
    names: tuple[str, ...] = ()
    frame_sources: tuple[str, ...] = ()
    max_message_bytes: int = 65_536
    max_clients: int = 16

    def __post_init__(self) -> None:
        """Check limits and token.

        Raises:
            InputError: a limit that is not positive, or a token that is easy to guess or does not fit in an address.
        """
        must_be_at_least(1, self, "max_message_bytes", "max_clients")
        if self.token and not re.fullmatch(rf"[\w-]{{{MIN_TOKEN_CHARACTERS},}}", self.token, re.ASCII):
            raise InputError(
                f"a token needs at least {MIN_TOKEN_CHARACTERS} letters, digits, - or _; leave it out for a random one."
            )
        for source in self.frame_sources:
            if not re.fullmatch(r"https?://[\w.\-\[\]:*]+", source, re.ASCII):
                raise InputError(f"'{source}' is no origin; one looks like http://localhost:8081")
