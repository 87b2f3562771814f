"""Edit operations: pure functions from the content of a dataset to its next version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from hlm.core.errors import InputError, UnknownNameError
from hlm.core.wording import counted
from hlm.datasets.checks import MOVING_RAD
from hlm.datasets.edits.content import Content
from hlm.datasets.edits.draft import Draft
from hlm.datasets.edits.idle import moving_steps
from hlm.datasets.edits.versions import Version
from hlm.datasets.reader import Episode
from hlm.datasets.schema import DatasetSpec
from hlm.datasets.selection import ranges
from hlm.datasets.store.attributes import sealed
from hlm.datasets.store.naming import checked_name

type Order = Literal["number", "start", "seed", "task", "instruction", "source", "outcome", "random"]
ORDERS: tuple[Order, ...] = get_args(Order.__value__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Idle:
    """What counts as idle time at the ends of an episode, and how much of it to leave.

    Attributes:
        still: largest idle range of any dimension of state and action: rad, rad/s, or share of a gripper's opening.
        leave_s: idle time to leave at each end, s.
    """

    still: float = MOVING_RAD
    leave_s: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("still", "leave_s"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise InputError(f"{name} must not be negative, got {getattr(self, name)}.")


def delete(content: Content, selection: Sequence[str]) -> Version:
    """Delete the selected episodes. The others keep their numbers.

    Raises:
        InputError: nothing is selected, or nothing would remain.
    """
    gone = content.choose(selection)
    if len(gone) == len(content.folders):
        raise InputError(f"that would leave no episode in {content.path}; delete the folder instead.")
    remain = [number for number in content.folders if number not in set(gone)]
    return _same_numbers(content, remain, f"delete {_of(gone, content)}: {ranges(gone)}", _described(content, gone))


def keep(content: Content, selection: Sequence[str]) -> Version:
    """Delete all but the selected episodes, which keep their numbers.

    Raises:
        InputError: nothing is selected.
    """
    kept = content.choose(selection)
    return _same_numbers(content, kept, f"keep {_of(kept, content)}: {ranges(kept)}")


def trim(content: Content, selection: Sequence[str], idle: Idle) -> Version:
    """Cut idle time off the ends of the selected episodes.

    Raises:
        InputError: nothing is selected.
        CorruptError: an episode cannot be read.
    """
    leave, drafts, details = round(idle.leave_s * content.spec.rate_hz), _drafts(content), []
    cut_steps, moving = 0, 0
    for episode in content.readable(content.choose(selection)):
        start, stop = moving_steps(episode.state, episode.action, idle.still, leave)
        if (start, stop) == (0, len(episode)):
            continue
        drafts[episode.number] = replace(drafts[episode.number], steps=(start, stop))
        ends = (start / content.spec.rate_hz, (len(episode) - stop) / content.spec.rate_hz)
        cut = f"{ends[0]:.2f} s at the start, {ends[1]:.2f} s at the end"
        details.append(f"episode {episode.number}: {cut}, {stop - start} of {counted(len(episode), 'step')} remain")
        cut_steps += len(episode) - (stop - start)
        moving += 1
    did = f"trim {_of(range(moving), content)} by {cut_steps / content.spec.rate_hz:.1f} s"
    return Version(attributes=content.attributes, drafts=tuple(drafts.values()), did=did, details=tuple(details))


def relabel(content: Content, selection: Sequence[str], *, instruction: str | None, outcome: str | None) -> Version:
    """Change the instruction or outcome of the selected episodes.

    Raises:
        InputError: nothing is selected, or nothing is to change.
        UnknownNameError: an unknown outcome.
        CorruptError: an episode cannot be read.
    """
    if instruction is None and outcome is None:
        raise InputError("nothing to change: give an instruction, an outcome, or both.")
    if instruction is not None and not instruction.strip():
        raise InputError("the instruction must not be empty.")
    drafts, details = _drafts(content), []
    for episode in content.readable(content.choose(selection)):
        info = episode.info if instruction is None else episode.info.with_instruction(instruction)
        info = info if outcome is None else replace(info, outcome=outcome)
        changes = [
            f"{getattr(episode.info, name)!r} -> {getattr(info, name)!r}"
            for name in ("instruction", "outcome")
            if getattr(info, name) != getattr(episode.info, name)
        ]
        # Attributes that were edited outside hlm get a valid checksum.
        if changes or sealed(episode.attributes) != episode.attributes:
            drafts[episode.number] = replace(drafts[episode.number], info=info)
            details.append(f"episode {episode.number}: {', '.join(changes) or 'sealed anew'}")
    did = f"relabel {_of(details, content)}"
    return Version(attributes=content.attributes, drafts=tuple(drafts.values()), did=did, details=tuple(details))


def rename_camera(content: Content, old: str, new: str) -> Version:
    """Rename a camera in all episodes.

    Raises:
        UnknownNameError: there is no camera of the old name.
        InputError: the new name is invalid or taken.
        CorruptError: an episode cannot be read.
    """
    spec = content.spec
    if old not in spec.cameras:
        raise UnknownNameError("camera", old, spec.cameras)
    checked_name("camera", new)
    taken = {new, f"image_{new}"}
    if new in spec.cameras or any(taken & set(episode.inputs) for episode in content.readable(content.folders)):
        raise InputError(f"{content.path} already has a camera or input '{new}'. Choose another name.")
    cameras = {new if name == old else name: size for name, size in spec.cameras.items()}
    with_it = [episode.number for episode in content.episodes.values() if old in episode.cameras]
    drafts = tuple(
        replace(draft, cameras={old: new}) if draft.number in set(with_it) else draft
        for draft in _drafts(content).values()
    )
    did = f"rename camera {old} to {new} in {_of(with_it, content)}"
    return Version(attributes=with_cameras(content.attributes, cameras), drafts=drafts, did=did)


def reorder(content: Content, by: Order, seed: int = 0) -> Version:
    """Sort episodes (stably) and number them from 0 without gaps.

    Args:
        content: content of the dataset.
        by: one of `ORDERS`; "number" only closes gaps, "random" shuffles.
        seed: seed of the shuffling.

    Raises:
        UnknownNameError: an unknown order.
        CorruptError: an episode cannot be read.
    """
    if by not in ORDERS:
        raise UnknownNameError("order", by, ORDERS)
    episodes = content.readable(content.folders)
    if by == "random":
        ordered = [episodes[place] for place in np.random.default_rng(seed).permutation(len(episodes))]
    else:
        ordered = sorted(episodes, key=lambda episode: _sorting(episode, by))
    drafts = tuple(Draft(folder=episode.path, number=number) for number, episode in enumerate(ordered))
    moved = [
        f"episode {episode.number} -> {number}" for number, episode in enumerate(ordered) if episode.number != number
    ]
    return Version(
        attributes=content.attributes,
        drafts=drafts,
        did=f"renumber {_of(moved, content)} by {by}",
        details=tuple(moved),
    )


def with_cameras(attributes: Mapping[str, Any], cameras: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """Attributes of a dataset with other cameras."""
    spec = DatasetSpec.from_attributes(attributes)
    return {**attributes, "cameras": replace(spec, cameras=cameras).to_attributes()["cameras"]}


def _drafts(content: Content) -> dict[int, Draft]:
    """Every episode unchanged, by number."""
    return {number: Draft(folder=folder, number=number) for number, folder in content.folders.items()}


def _same_numbers(content: Content, numbers: Sequence[int], did: str, details: tuple[str, ...] = ()) -> Version:
    drafts = _drafts(content)
    return Version(
        attributes=content.attributes, drafts=tuple(drafts[number] for number in numbers), did=did, details=details
    )


def _sorting(episode: Episode, by: Order) -> tuple[bool, Any]:
    """Sorting key; episodes without a value come last."""
    values: dict[str, Any] = {"number": episode.number, "start": episode.attributes.get("start_utc")}
    value = values[by] if by in values else getattr(episode.info, by)
    return (value is None, 0 if value is None else value)


def _described(content: Content, numbers: Sequence[int]) -> tuple[str, ...]:
    """A line about each episode."""
    lines = []
    for number in numbers:
        episode = content.episodes.get(number)
        text = (
            "cannot be read"
            if episode is None
            else f"{episode.info.outcome}, {counted(len(episode), 'step')}, '{episode.info.instruction}'"
        )
        lines.append(f"episode {number}: {text}")
    return tuple(lines)


def _of(numbers: Sequence[object], content: Content) -> str:
    return f"{len(numbers)} of {counted(len(content.folders), 'episode')}"
