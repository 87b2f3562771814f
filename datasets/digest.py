"""Digests of episodes: whether what is learnt from them is what it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hlm.core.errors import CorruptError
from hlm.core.files import storage_errors
from hlm.datasets.reader import Episode
from hlm.datasets.store.checksum import CHECKSUM_BYTES, checksum
from hlm.datasets.store.image_reader import ImageReader

DIGEST_BYTES = 8
# Images of a camera whose own checksums count, evenly spaced, beside the index of all of them.
SAMPLED_IMAGES = 16


def episode_digest(episode: Episode) -> str:
    """Sixteen hexadecimal digits that depend on everything that a policy can learn from an episode.

    Instruction (as the episode tells it, so with the prompt of a mixture), candidates, stamps, states, actions,
    privileged quantities and images count; names of files and outcomes do not. No array is read: the checksums that
    they end with are enough. Of the images, the index (which holds each JPEG file's length) and the checksums of a few
    count: those of all would take minutes for a hundred hours, and other images of the same length to the byte do
    not happen by editing or by recording again.

    Raises:
        CorruptError: an array or a camera is missing or damaged.
        StorageError: the system would not read it.
    """
    content = [
        len(episode),
        episode.info.instruction,
        list(episode.info.candidates),
        episode.info.candidate,
        [array_ending(episode.path / name) for name in ("stamp_ns", "state", "action")],
        {name: array_ending(episode.path / "privileged" / name) for name in sorted(episode.privileged)},
        {name: _images(episode.image_reader(name)) for name in sorted(episode.cameras)},
    ]
    text = json.dumps(content, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


def array_ending(folder: Path) -> tuple[int, str]:
    """Size of a low-dimensional array's file in bytes, and the checksum at its end.

    Raises:
        CorruptError: the array is missing.
        StorageError: the system would not read it.
    """
    with storage_errors("read", folder):
        for path in folder.glob("c.*"):
            with path.open("rb") as file:
                length = file.seek(0, os.SEEK_END)
                file.seek(max(0, length - CHECKSUM_BYTES))
                return length, file.read().hex()
    raise CorruptError(f"{folder} is missing, or holds no array.")


def _images(images: ImageReader) -> Sequence[str | tuple[int, int]]:
    """Size, checksum of the index, and checksums of some images."""
    chosen = np.linspace(0, len(images.index) - 1, SAMPLED_IMAGES).round().astype(int)
    with storage_errors("read", images.path), images.path.open("rb") as file:
        ends = images.index[chosen].sum(axis=1, dtype=np.int64) - CHECKSUM_BYTES
        sums = [os.pread(file.fileno(), CHECKSUM_BYTES, end).hex() for end in ends.tolist()]
    return [images.size, checksum(images.index.tobytes()).hex(), *sums]
