"""Who may ask the server: pages of its own, by its own name, and with its token where other machines reach it."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Refusal:
    """Why a request is refused.

    Attributes:
        status: of HTTP.
        text: one line for the person at the browser, and for the log.
    """

    status: HTTPStatus
    text: str


class Guard:
    """Decides about requests before anything else looks at them.

    Args:
        scheme: of the server's pages, `http` or `https`.
        names: by which browsers may ask for this machine, in lower case.
        token: that they must bring, in the address or as a cookie; empty where none is needed.
        cookie: name of the cookie.
    """

    def __init__(self, scheme: str, names: frozenset[str], token: str, cookie: str) -> None:
        self._scheme = scheme
        self._names = names
        self._token = token
        self._cookie = cookie

    def refusal(self, path: str, headers: Headers) -> Refusal | None:
        """Why a request is refused; None lets it in.

        Args:
            path: path and query of the request.
            headers: of the request.
        """
        hosts = headers.get_all("Host")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        if _name(host) not in self._names:
            return Refusal(
                status=HTTPStatus.MISDIRECTED_REQUEST,
                text=f"refused: '{host[:80]}' is no name of this machine; open the address that hlm printed.",
            )
        own = f"{self._scheme}://{host}"
        for origin in headers.get_all("Origin"):
            if origin.lower() != own:
                return Refusal(
                    status=HTTPStatus.FORBIDDEN,
                    text=f"refused: a page from another origin, {origin[:80]}; only pages of {own} may talk to hlm.",
                )
        if self._token and not self.brings_token(path) and not self._has_cookie(headers):
            return Refusal(
                status=HTTPStatus.UNAUTHORIZED,
                text="refused: this address needs its token; open it as hlm printed it, or scan its code again.",
            )
        return None

    def brings_token(self, path: str) -> bool:
        """Whether the address itself has the token."""
        return bool(self._token) and self._fits(parse_qs(urlsplit(path).query).get("token", [""])[0])

    def cookie(self) -> str:
        """The header that gives a browser the token to keep, out of reach of scripts and of other sites."""
        secure = "; Secure" if self._scheme == "https" else ""
        return f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Lax{secure}"

    def _has_cookie(self, headers: Mapping[str, str]) -> bool:
        try:
            known = SimpleCookie(headers.get("Cookie", ""))
        except (CookieError, LookupError):  # two headers of the name are none
            return False
        return self._cookie in known and self._fits(known[self._cookie].value)

    def _fits(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(errors="surrogateescape"), self._token.encode())


def _name(host: str) -> str:
    """The name in a Host header, without its port; empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
