"""The trackers to choose from, by the names that `--tracker` takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.cli.sources import EMBODIMENT
from hlm.core.errors import UnknownNameError

if TYPE_CHECKING:
    from hlm.control.learned_legs.learned_legs_tracker import LearnedLegsTracker
    from hlm.control.learned_tracker.learned_tracker import LearnedTracker
    from hlm.control.onnx_network import OnnxNetwork
    from hlm.control.tracker.whole_body_tracker import WholeBodyTracker

WHOLE_BODY = "whole_body"  # also `hlm.evaluation.results.USUAL_TRACKER`
LEARNED_LEGS, GUARDED = "learned_legs", "guarded"
TRACKERS = (WHOLE_BODY, LEARNED_LEGS, GUARDED)
"""Those that have a name of their own."""
_WITH_LEARNED_LEGS = (LEARNED_LEGS, GUARDED)
_LEARNED = "learned:"
LEARNED_FILE = f"{_LEARNED}FILE.onnx"
"""How a tracker is named that is a network in the user's file, see `docs/learn_tracker.md`."""


def must_be_tracker(name: str) -> None:
    """Refuse a name that no tracker has.

    Raises:
        UnknownNameError: there is no such tracker.
    """
    if name not in TRACKERS and learned_file(name) is None:
        raise UnknownNameError("tracker", name, (*TRACKERS, LEARNED_FILE))


def learned_file(name: str) -> Path | None:
    """The file of a tracker that is a network; None for any other name."""
    return Path(name.removeprefix(_LEARNED)) if name.startswith(_LEARNED) and name != _LEARNED else None


def must_have_tracker(name: str) -> None:
    """Refuse a tracker whose parts are not installed, or are not those that hlm knows.

    Raises:
        HlmError: it cannot be had.
    """
    must_be_tracker(name)
    if name in _WITH_LEARNED_LEGS:
        from hlm.control.learned_legs.policy_file import find_policy_file, open_network

        open_network(find_policy_file())
    if (file := learned_file(name)) is not None:
        _learned_network(file)


def tracker_maker(name: str) -> Callable[[], WholeBodyTracker | LearnedLegsTracker | LearnedTracker]:
    """Makes a tracker, here or in another process, which it can be sent to.

    Raises:
        HlmError: it cannot be had.
    """
    must_have_tracker(name)
    if name in _WITH_LEARNED_LEGS:
        return partial(_learned_legs, model_walks=name == GUARDED)
    if (file := learned_file(name)) is not None:
        return partial(_learned_tracker, file)
    from hlm.control.tracker.whole_body_tracker import WholeBodyTracker

    return partial(WholeBodyTracker, EMBODIMENT)


def tracker_packages(name: str) -> tuple[str, ...]:
    """Packages beyond hlm's usual ones that compute what a tracker does."""
    from hlm.control.learned_legs.policy_file import PACKAGE

    if learned_file(name) is not None:
        return ("onnxruntime",)
    return (PACKAGE, "onnxruntime") if name in _WITH_LEARNED_LEGS else ()


def tracker_digest(name: str) -> str | None:
    """SHA-256 of the user's file that computes what a tracker does; None for a tracker without one.

    Raises:
        HlmError: the file cannot be used.
    """
    file = learned_file(name)
    return None if file is None else _learned_network(file).sha256


def _learned_legs(*, model_walks: bool) -> LearnedLegsTracker:
    from hlm.control.learned_legs.config import LearnedLegsConfig, SwitchConfig
    from hlm.control.learned_legs.learned_legs_tracker import LearnedLegsTracker
    from hlm.control.learned_legs.policy_file import find_policy_file, open_network

    config = LearnedLegsConfig(switch=SwitchConfig(model_walks=model_walks))
    return LearnedLegsTracker(EMBODIMENT, open_network(find_policy_file()), config)


def _learned_tracker(file: Path) -> LearnedTracker:
    from hlm.control.learned_tracker.learned_tracker import LearnedTracker

    return LearnedTracker(EMBODIMENT, _learned_network(file))


def _learned_network(file: Path) -> OnnxNetwork:
    from hlm.control.learned_tracker.network_file import open_tracker_network

    return open_tracker_network(file, EMBODIMENT)
