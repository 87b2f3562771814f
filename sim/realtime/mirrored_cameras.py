"""Images of a world that another process runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from hlm.core.protocols import Cameras
from hlm.core.values import CameraFrame
from hlm.sim.realtime.mirror import Mirror


class MirroredCameras:
    """Cameras whose world is a mirror; implements `hlm.core.protocols.Cameras`, with the stamps of what is mirrored.

    Args:
        cameras: of the mirror's world.
        mirror: of the world that is looked at.
    """

    def __init__(self, cameras: Cameras, mirror: Mirror) -> None:
        self._cameras = cameras
        self._mirror = mirror

    def __enter__(self) -> Self:
        """Start the cameras."""
        self._cameras.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the cameras."""
        self._cameras.__exit__(kind, error, trace)

    def capture(self) -> Mapping[str, CameraFrame]:
        """Images of the newest world; none before there is one."""
        return {} if self._mirror.refresh() is None else self._cameras.capture()
