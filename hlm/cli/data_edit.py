"""`hlm data delete` and the other verbs that change datasets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from tyro.conf import Positional

from hlm.cli.arguments import parse
from hlm.cli.progress import progress
from hlm.cli.tables import console, size
from hlm.core.errors import InputError

if TYPE_CHECKING:
    from hlm.datasets.edits.content import Content
    from hlm.datasets.edits.versions import Version

SELECTION = (
    'numbers and ranges ("3 5-7 20-"), narrowed down by KEY=VALUE (outcome=failure, source=teleop, task=..., '
    'seed=0-9, instruction="put the red*"); "all" for all'
)
_HELP = tyro.conf.arg(help=SELECTION, metavar="EPISODES", help_behavior_hint="")
type Episodes = Annotated[Positional[tuple[str, ...]], _HELP]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeleteArguments:
    """Delete episodes; the others keep their numbers. `hlm data undo` brings them back.

    Attributes:
        path: the dataset.
        dry_run: only say what would be done.
    """

    path: Positional[Path]
    episodes: Episodes
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class KeepArguments:
    """Delete all other episodes; these keep their numbers. `hlm data undo` brings the others back.

    Attributes:
        path: the dataset.
        dry_run: only say what would be done.
    """

    path: Positional[Path]
    episodes: Episodes
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class TrimArguments:
    """Cut off stillness at the ends of episodes, where neither state nor action moves. Images are not encoded again.

    Attributes:
        path: the dataset.
        leave_s: stillness that remains at each end, s.
        still: an end is still while no joint (rad), yaw rate (rad/s) or gripper (share) ranges over more than this.
        dry_run: only say what would be done.
    """

    path: Positional[Path]
    episodes: Episodes = ()
    leave_s: float = 0.5
    still: float = 0.05
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RelabelArguments:
    """Give episodes another instruction or outcome.

    Attributes:
        path: the dataset.
        instruction: new words.
        outcome: success, failure or unlabelled.
        dry_run: only say what would be done.
    """

    path: Positional[Path]
    episodes: Episodes
    instruction: str | None = None
    outcome: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RenameCameraArguments:
    """Rename a camera in all episodes.

    Attributes:
        path: the dataset.
        old: its name.
        new: the name that it gets.
        dry_run: only say what would be done.
    """

    path: Positional[Path]
    old: Positional[str]
    new: Positional[str]
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ReorderArguments:
    """Number episodes from 0 without gaps, in another order.

    Attributes:
        path: the dataset.
        by: what to sort by: "number" only closes gaps, "start" is when it was recorded, "random" shuffles.
        seed: of the shuffling.
        dry_run: only say what would be done.
    """

    path: Positional[Path]
    by: Literal["number", "start", "seed", "task", "instruction", "source", "outcome", "random"] = "number"
    seed: int = 0
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeArguments:
    """Copy the episodes of several datasets into a new one, numbered from 0.

    Attributes:
        paths: the datasets, of one robot and rate.
        into: the new dataset.
        dry_run: only say what would be done.
    """

    paths: Positional[tuple[Path, ...]]
    into: Path
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitArguments:
    """Copy the episodes of a dataset into several new ones, numbered from 0: by fractions, or by a selection.

    Attributes:
        path: the dataset.
        into: the new datasets.
        fractions: what share of the episodes each gets, e.g. 0.9 0.1; which go where is drawn.
        seed: of the drawing.
        first: episodes of the first one, e.g. 0-49 or outcome=success; the second gets the rest.
        dry_run: only say what would be done.
    """

    path: Positional[Path]
    into: tuple[Path, ...]
    fractions: tuple[float, ...] = ()
    seed: int = 0
    first: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoArguments:
    """Take back the last edit of a dataset; a second time takes that back.

    Attributes:
        path: the dataset.
    """

    path: Positional[Path]


def delete(arguments: Sequence[str]) -> int:
    """Delete episodes."""
    config = parse(DeleteArguments, "hlm data delete", arguments)
    from hlm.datasets.edits import operations

    words = _words(config.episodes, "hlm data delete")
    return _edit(config.path, lambda content: operations.delete(content, words), dry_run=config.dry_run)


def keep(arguments: Sequence[str]) -> int:
    """Keep only some episodes."""
    config = parse(KeepArguments, "hlm data keep", arguments)
    from hlm.datasets.edits import operations

    words = _words(config.episodes, "hlm data keep")
    return _edit(config.path, lambda content: operations.keep(content, words), dry_run=config.dry_run)


def trim(arguments: Sequence[str]) -> int:
    """Cut idle ends off."""
    config = parse(TrimArguments, "hlm data trim", arguments)
    from hlm.datasets.edits import operations

    idle = operations.Idle(still=config.still, leave_s=config.leave_s)
    return _edit(config.path, lambda content: operations.trim(content, config.episodes, idle), dry_run=config.dry_run)


def relabel(arguments: Sequence[str]) -> int:
    """Change instructions and outcomes."""
    config = parse(RelabelArguments, "hlm data relabel", arguments)
    from hlm.datasets.edits import operations

    words = _words(config.episodes, "hlm data relabel")

    def operation(content: Content) -> Version:
        return operations.relabel(content, words, instruction=config.instruction, outcome=config.outcome)

    return _edit(config.path, operation, dry_run=config.dry_run)


def rename_camera(arguments: Sequence[str]) -> int:
    """Rename a camera."""
    config = parse(RenameCameraArguments, "hlm data rename-camera", arguments)
    from hlm.datasets.edits import operations

    def operation(content: Content) -> Version:
        return operations.rename_camera(content, config.old, config.new)

    return _edit(config.path, operation, dry_run=config.dry_run)


def reorder(arguments: Sequence[str]) -> int:
    """Renumber episodes."""
    config = parse(ReorderArguments, "hlm data reorder", arguments)
    from hlm.datasets.edits import operations

    def operation(content: Content) -> Version:
        return operations.reorder(content, config.by, config.seed)

    return _edit(config.path, operation, dry_run=config.dry_run)


def merge(arguments: Sequence[str]) -> int:
    """Copy several datasets into one."""
    config = parse(MergeArguments, "hlm data merge", arguments)
    from hlm.datasets.edits import edit

    with progress("episodes") as show:
        version = edit.merge(config.paths, config.into, dry_run=config.dry_run, show=show)
    _say([version], dry_run=config.dry_run)
    return 0


def split(arguments: Sequence[str]) -> int:
    """Copy one dataset into several."""
    config = parse(SplitArguments, "hlm data split", arguments)
    from hlm.datasets.edits import edit

    share = edit.Share(words=config.first, fractions=config.fractions, seed=config.seed)
    with progress("episodes") as show:
        versions = edit.split(config.path, config.into, share, dry_run=config.dry_run, show=show)
    _say(versions, dry_run=config.dry_run)
    return 0


def undo(arguments: Sequence[str]) -> int:
    """Take back the last edit."""
    config = parse(UndoArguments, "hlm data undo", arguments)
    from hlm.datasets.edits import versions

    console().out(f"undone: {versions.undo(config.path)}")
    return 0


def _edit(path: Path, operation: Callable[[Content], Version], *, dry_run: bool) -> int:
    """Edit in place and say what was done."""
    from hlm.datasets.edits import edit, versions

    with progress("episodes") as show:
        version = edit.edit(path, operation, dry_run=dry_run, show=show)
    if version is None:
        console().out(f"nothing to change in {path}")
        return 0
    _say([version], dry_run=dry_run)
    if not dry_run:
        before = versions.before(path)
        shown = before.relative_to(Path.cwd()) if before.is_relative_to(Path.cwd()) else before
        taken = size(versions.size_of_its_own(path))
        console().out(f"as it was: {shown} (takes {taken}); `hlm data undo {path}` brings it back")
    return 0


def _say(versions: Sequence[Version], *, dry_run: bool) -> None:
    screen = console()
    for version in versions:
        for line in version.details:
            screen.out(line)
        screen.out(f"{'would' if dry_run else 'done:'} {version.did}")


def _words(words: tuple[str, ...], program: str) -> tuple[str, ...]:
    """A selection that must be there: nobody deletes everything by leaving a word out."""
    if not words:
        raise InputError(f"which episodes? Give {SELECTION}. See `{program} --help`.")
    return words
