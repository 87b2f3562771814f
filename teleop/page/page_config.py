"""How the operator's page is served."""

from __future__ import annotations

from dataclasses import dataclass

from hlm.core.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class PageConfig:
    """The page's settings.

    Attributes:
        host: address to listen on; only a loopback address needs no token.
        port: of the page; 0 takes a free one.
        cameras: names of the cameras that the page shows, in this order.
        embodiment: name of the robot that it draws.
        image_height_px: largest height of a camera's picture in the page; larger ones are made smaller.
        rate_hz: how often the page and its 3-D view get news.
        title: of the page.
    """

    host: str = "127.0.0.1"
    port: int = 8040
    cameras: tuple[str, ...] = ("head", "left_wrist", "right_wrist")
    embodiment: str = "unitree_g1"
    image_height_px: int = 240
    rate_hz: float = 15.0
    title: str = "hlm record"

    def __post_init__(self) -> None:
        """Check ranges."""
        if not (0 <= self.port < 2**16 and self.image_height_px > 0 and self.rate_hz > 0.0):
            raise InputError(
                f"the page needs a port from 0 to 65535, got {self.port}, and a positive image_height_px and rate_hz, "
                f"got {self.image_height_px} and {self.rate_hz:g}."
            )
