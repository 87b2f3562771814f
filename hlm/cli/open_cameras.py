"""Cameras that deliver already, of which a policy sees some."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from hlm.core.protocols import Cameras
    from hlm.core.values import CameraFrame


class OpenCameras:
    """Some of several cameras; implements `hlm.core.protocols.Cameras`. May be entered again while it is entered.

    Args:
        cameras: all of them.
        names: those that are wanted.
    """

    def __init__(self, cameras: Cameras, names: tuple[str, ...]) -> None:
        self._cameras = cameras
        self._names = names
        self._entered = 0
        self._leaving = ExitStack()

    def __enter__(self) -> Self:
        """Start them, unless they are started."""
        if not self._entered:
            self._leaving.enter_context(self._cameras)
        self._entered += 1
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop them, when everybody has left."""
        self._entered -= 1
        if not self._entered:
            self._leaving.close()

    def capture(self) -> Mapping[str, CameraFrame]:
        """The newest image of each wanted camera that delivers."""
        frames = self._cameras.capture()
        return {name: frames[name] for name in self._names if name in frames}

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Height and width of the images by camera, px."""
        shapes = {name: frame.image.shape for name, frame in self.capture().items()}
        return {name: (shape[0], shape[1]) for name, shape in shapes.items()}
