"""The trackers to choose from, by the names that `--tracker` takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from hlm.cli.sources import EMBODIMENT
from hlm.core.errors import UnknownNameError

if TYPE_CHECKING:
    from hlm.control.learned_legs.learned_legs_tracker import LearnedLegsTracker
    from hlm.control.tracker.whole_body_tracker import WholeBodyTracker

WHOLE_BODY, LEARNED_LEGS = "whole_body", "learned_legs"  # the first is also `hlm.evaluation.results.USUAL_TRACKER`
TRACKERS = (WHOLE_BODY, LEARNED_LEGS)


def must_be_tracker(name: str) -> None:
    """Refuse a name that no tracker has.

    Raises:
        UnknownNameError: there is no such tracker.
    """
    if name not in TRACKERS:
        raise UnknownNameError("tracker", name, TRACKERS)


def must_have_tracker(name: str) -> None:
    """Refuse a tracker whose parts are not installed, or are not those that hlm knows.

    Raises:
        HlmError: it cannot be had.
    """
    must_be_tracker(name)
    if name == LEARNED_LEGS:
        from hlm.control.learned_legs.policy_file import find_policy_file, open_network

        open_network(find_policy_file())


def tracker_maker(name: str) -> Callable[[], WholeBodyTracker | LearnedLegsTracker]:
    """Makes a tracker, here or in another process, which it can be sent to.

    Raises:
        HlmError: it cannot be had.
    """
    must_have_tracker(name)
    if name == LEARNED_LEGS:
        return _learned_legs
    from hlm.control.tracker.whole_body_tracker import WholeBodyTracker

    return partial(WholeBodyTracker, EMBODIMENT)


def tracker_packages(name: str) -> tuple[str, ...]:
    """Packages beyond hlm's usual ones that compute what a tracker does."""
    from hlm.control.learned_legs.policy_file import PACKAGE

    return (PACKAGE, "onnxruntime") if name == LEARNED_LEGS else ()


def _learned_legs() -> LearnedLegsTracker:
    from hlm.control.learned_legs.learned_legs_tracker import LearnedLegsTracker
    from hlm.control.learned_legs.policy_file import find_policy_file, open_network

    return LearnedLegsTracker(EMBODIMENT, open_network(find_policy_file()))
