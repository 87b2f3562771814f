"""Statistics kept between runs, under a hash of the data that they belong to."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_cache_path

from hlm.core.errors import HlmError
from hlm.core.files import write_atomic
from hlm.core.serialization import json_bytes, read_json
from hlm.datasets.digest import array_ending
from hlm.datasets.reader import Episode
from hlm.datasets.statistics import Statistics, statistics
from hlm.datasets.store.checksum import checksum

_LOG = logging.getLogger(__name__)

# To be increased when statistics are computed differently.
_METHOD = 1


def cached_statistics(
    episodes: Sequence[Episode], step_weights: Sequence[float] | None = None, *, folder: Path | None = None
) -> Statistics:
    """The same as `statistics`, from a cache if it has them for these very arrays.

    The name of an entry is a hash of the checksums that the states and actions of each episode end with, their lengths,
    and the weights, so a changed set of episodes gets another entry. A damaged entry is computed again; a cache that
    cannot be written is ignored.

    Args:
        episodes: at least one.
        step_weights: weight of each step of an episode, > 0, by episode. All the same by default.
        folder: folder of the cache; `cache_folder()` by default.

    Raises:
        InputError: no episodes, or a value that is not finite.
        CorruptError: an array is missing or damaged.
    """
    entry = (folder or cache_folder()) / f"{_content_name(episodes, step_weights)}.json"
    known = _read(entry)
    if known is not None:
        return known
    found = statistics(episodes, step_weights)
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(entry, json_bytes({"statistics": found.to_dict(), "crc32c": _checksum(found)}))
    except OSError as error:
        _LOG.debug("statistics are not kept: %s", error)
    return found


def cache_folder() -> Path:
    """`hlm/statistics` in the user's cache folder, which is `$XDG_CACHE_HOME` on Linux."""
    return user_cache_path("hlm") / "statistics"


def _read(entry: Path) -> Statistics | None:
    try:
        document = read_json(entry)
        found = Statistics.from_dict(document["statistics"])
        return found if document["crc32c"] == _checksum(found) else None
    except (OSError, HlmError, KeyError, TypeError) as error:
        _LOG.debug("no statistics in the cache: %s", error)
        return None


def _checksum(found: Statistics) -> str:
    return checksum(json.dumps(found.to_dict()).encode()).hex()


def _content_name(episodes: Sequence[Episode], step_weights: Sequence[float] | None) -> str:
    weights = step_weights if step_weights is not None and len(set(step_weights)) > 1 else [1.0] * len(episodes)
    content = [
        [array_ending(episode.path / "state"), array_ending(episode.path / "action"), weight]
        for episode, weight in zip(episodes, weights, strict=True)
    ]
    return hashlib.sha256(json.dumps([_METHOD, content]).encode()).hexdigest()
