"""Small films of saved episodes, made beside everything else."""

from __future__ import annotations

import io
import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hlm.core.arrays import ByteArray

_LOG = logging.getLogger(__name__)
_PICTURES, _MS_PER_PICTURE = 16, 160
_HEIGHT_PX = 72
_KEPT_FILMS = 200


class Films:
    """Makes films in a thread, one after the other; those that were made are kept.

    Args:
        cameras: whose pictures are shown, the first one that an episode has.
        ready: called in that thread with what was asked for and its film, empty if none can be made.
    """

    def __init__(self, cameras: tuple[str, ...], ready: Callable[[str, bytes], None]) -> None:
        self._cameras, self._ready = cameras, ready
        self._asked: queue.SimpleQueue[tuple[str, Path]] = queue.SimpleQueue()
        self._films: OrderedDict[str, bytes] = OrderedDict()
        threading.Thread(target=self._work, name="films", daemon=True).start()

    def ask(self, key: str, folder: Path) -> None:
        """Ask for the film of an episode; does not wait.

        Args:
            key: see `film_key`.
            folder: of the episode.
        """
        self._asked.put((key, folder))

    def _work(self) -> None:
        while True:
            key, folder = self._asked.get()
            if key not in self._films:
                try:
                    self._films[key] = episode_film(folder, self._cameras)
                except Exception as error:  # noqa: BLE001 - it may be deleted at any moment; others have films
                    _LOG.info("no film of %s: %s", folder, error)
            if len(self._films) > _KEPT_FILMS:
                self._films.popitem(last=False)
            self._ready(key, self._films.get(key, b""))


def film_key(folder: Path | None) -> str | None:
    """What tells the film of an episode from those of others that had its name before; None where there is none."""
    try:
        return None if folder is None else f"{folder.name} {folder.stat().st_mtime_ns}"
    except OSError:
        return None


def episode_film(folder: Path, cameras: tuple[str, ...]) -> bytes:
    """Animated WebP of an episode; empty when it has none of the cameras.

    Args:
        folder: of the episode in its dataset.
        cameras: whose pictures may be shown, the best one first.

    Raises:
        HlmError: the episode cannot be read.
    """
    from hlm.datasets.reader import Episode

    episode = Episode(folder, 0)
    camera = next((camera for camera in cameras if camera in episode.cameras), None)
    if camera is None or not len(episode):
        return b""
    height, width = episode.image_size(camera)
    size = (_HEIGHT_PX, max(1, round(width * _HEIGHT_PX / height)))
    steps = np.unique(np.linspace(0, len(episode) - 1, _PICTURES).round().astype(int))
    return animated_webp(episode.images(camera, steps, size))


def animated_webp(images: ByteArray) -> bytes:
    """Film of [time, height, width, 3] uint8 RGB pictures that repeats."""
    from PIL import Image

    pictures = [Image.fromarray(image) for image in images]
    film = io.BytesIO()
    pictures[0].save(
        film, "WEBP", save_all=True, append_images=pictures[1:], duration=_MS_PER_PICTURE, loop=0, quality=60, method=0
    )
    return film.getvalue()
