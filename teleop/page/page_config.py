"""How the operator's page is served."""

from __future__ import annotations

from dataclasses import dataclass, field

from hlm.core.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class PageConfig:
    """The page's settings.

    Attributes:
        host: address to listen on; only a loopback address needs no token.
        port: of the page; 0 takes a free one.
        view_port: of its 3-D view, which stands in a frame of the page; 0 takes a free one. By default the one after
            `port`.
        token: that browsers must bring; a random one where it is needed and empty.
        cameras: names of the cameras that the page shows, in this order.
        embodiment: name of the robot that it draws.
        image_height_px: largest height of a camera's picture in the page; larger ones are made smaller.
        rate_hz: how often the page and its 3-D view get news.
        title: of the page.
    """

    host: str = "127.0.0.1"
    port: int = 8040
    view_port: int | None = None
    token: str = field(default="", repr=False)
    cameras: tuple[str, ...] = ("head", "left_wrist", "right_wrist")
    embodiment: str = "unitree_g1"
    image_height_px: int = 240
    rate_hz: float = 15.0
    title: str = "hlm record"

    def __post_init__(self) -> None:
        """Check ranges."""
        if not (self.image_height_px > 0 and 0.0 < self.rate_hz <= 60.0):
            raise InputError(
                f"the page needs a positive image_height_px, got {self.image_height_px}, and a rate_hz up to 60, "
                f"got {self.rate_hz:g}."
            )
        if self.view_port is None:
            object.__setattr__(self, "view_port", self.port + 1 if self.port else 0)
        if self.port == self.view_port != 0:
            raise InputError(
                f"the page and its 3-D view cannot both have port {self.port}; give view_port another one."
            )
