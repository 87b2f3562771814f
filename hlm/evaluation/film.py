"""The film of a rollout, which never costs the rollout."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from hlm.core.arrays import ByteArray
from hlm.core.clock import STEP_HZ
from hlm.core.values import Observation
from hlm.evaluation.video import VideoWriter

_LOG = logging.getLogger(__name__)

type Look = Callable[[Observation], ByteArray]  # [height, width, 3] uint8 RGB for a film, of what the source just saw

FILM_STEPS = 2  # every second step is filmed


class Film:
    """The film of a rollout; one that cannot be made is given up with a line, and leaves no file.

    Args:
        path: of the file; None for no film.
        look: takes its images; None for no film.

    Attributes:
        name: of the file once it is complete; None before, and without a film.
    """

    def __init__(self, path: Path | None, look: Look | None) -> None:
        self._path, self._look = path, look
        self._writer: VideoWriter | None = None
        self.name: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the film; after an exception, leave none."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        if error is not None:
            writer.__exit__(kind, error, trace)
            return
        try:
            with writer:
                pass
            self.name = writer.path.name
        except Exception as reason:  # noqa: BLE001 - encoders and disks raise anything, and the score stands
            self._give_up(reason)

    def show(self, step: int, observation: Observation) -> None:
        """Add the image of a step, in which the source saw this."""
        if self._path is None or self._look is None or step % FILM_STEPS:
            return
        try:
            self._writer = self._writer or VideoWriter(self._path, STEP_HZ / FILM_STEPS)
            self._writer.write(self._look(observation))
        except Exception as error:  # noqa: BLE001 - encoders and disks raise anything, and the rollout goes on
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        writer, self._writer, path, self._path = self._writer, None, self._path, None
        if writer is not None:
            with suppress(Exception):  # closing the encoder may meet the same again
                writer.__exit__(type(error), error, None)
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        _LOG.warning("no film %s: %s", path, " ".join(reason.split()))
