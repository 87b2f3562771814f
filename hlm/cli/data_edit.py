"""`hlm data delete`, `keep`, `trim` and the other verbs that edit datasets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from humanize import naturalsize

from hlm.cli.arguments import Place, Positional, parse
from hlm.cli.progress import progress
from hlm.cli.tables import console

if TYPE_CHECKING:
    from hlm.datasets.edits.content import Content
    from hlm.datasets.edits.versions import Version

SELECTION = (
    'numbers and ranges ("3 5-7 20-"), narrowed down by KEY=VALUE (outcome=failure, source=teleop, task=..., '
    'seed=0-9, instruction="put the red*"); "all" for all of them'
)
Episodes = Annotated[tuple[str, ...], Place("EPISODES", help=SELECTION)]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeleteArguments:
    """Delete episodes. The others keep their numbers; `hlm data undo` restores the deleted ones.

    Attributes:
        path: path of the dataset.
        dry_run: only report what would be done.
    """

    path: Positional[Path]
    episodes: Episodes
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class KeepArguments:
    """Delete all episodes but these. They keep their numbers; `hlm data undo` restores the deleted ones.

    Attributes:
        path: path of the dataset.
        dry_run: only report what would be done.
    """

    path: Positional[Path]
    episodes: Episodes
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class TrimArguments:
    """Cut idle time off the ends of episodes, where neither state nor action moves. Images are not re-encoded.

    Attributes:
        path: path of the dataset.
        leave_s: idle time to leave at each end, s.
        still: largest range of motion that counts as idle, for joints in rad, the yaw rate in rad/s, grippers as a
            share of their opening.
        dry_run: only report what would be done.
    """

    path: Positional[Path]
    episodes: Episodes = ()
    leave_s: float = 0.5
    still: float = 0.05
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RelabelArguments:
    """Change the instruction or outcome of episodes.

    Attributes:
        path: path of the dataset.
        instruction: new instruction.
        outcome: new outcome: success, failure or unlabelled.
        dry_run: only report what would be done.
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
        path: path of the dataset.
        old: present name of the camera.
        new: new name of the camera.
        dry_run: only report what would be done.
    """

    path: Positional[Path]
    old: Positional[str]
    new: Positional[str]
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ReorderArguments:
    """Sort episodes and number them from 0 without gaps.

    Attributes:
        path: path of the dataset.
        by: key to sort by: "number" only closes gaps, "start" is the time of recording, "random" shuffles.
        seed: seed of the shuffling.
        dry_run: only report what would be done.
    """

    path: Positional[Path]
    by: Literal["number", "start", "seed", "task", "instruction", "source", "outcome", "random"] = "number"
    seed: int = 0
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeArguments:
    """Copy the episodes of several datasets into a new one, numbered from 0.

    Attributes:
        paths: paths of the datasets; they must have the same robot and rate.
        into: path of the new dataset.
        dry_run: only report what would be done.
    """

    paths: Positional[tuple[Path, ...]]
    into: Path
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitArguments:
    """Copy the episodes of a dataset into several new ones, each numbered from 0.

    Attributes:
        path: path of the dataset.
        into: paths of the new datasets.
        fractions: share of the episodes for each new dataset, e.g. 0.9 0.1; episodes are assigned at random.
        seed: seed of the random assignment.
        first: instead of fractions, the episodes of the first dataset, e.g. 0-49 or outcome=success. The second one
            gets the rest.
        dry_run: only report what would be done.
    """

    path: Positional[Path]
    into: tuple[Path, ...]
    fractions: tuple[float, ...] = ()
    seed: int = 0
    first: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoArguments:
    """Undo the last edit of a dataset. A second undo redoes it.

    Attributes:
        path: path of the dataset.
    """

    path: Positional[Path]


def delete(arguments: Sequence[str]) -> int:
    """Delete episodes."""
    config = parse(DeleteArguments, "hlm data delete", arguments)
    from hlm.datasets.edits import operations

    return _edit(config.path, lambda content: operations.delete(content, config.episodes), dry_run=config.dry_run)


def keep(arguments: Sequence[str]) -> int:
    """Delete all episodes but some."""
    config = parse(KeepArguments, "hlm data keep", arguments)
    from hlm.datasets.edits import operations

    return _edit(config.path, lambda content: operations.keep(content, config.episodes), dry_run=config.dry_run)


def trim(arguments: Sequence[str]) -> int:
    """Cut idle time off the ends of episodes."""
    config = parse(TrimArguments, "hlm data trim", arguments)
    from hlm.datasets.edits import operations

    idle = operations.Idle(still=config.still, leave_s=config.leave_s)
    return _edit(config.path, lambda content: operations.trim(content, config.episodes, idle), dry_run=config.dry_run)


def relabel(arguments: Sequence[str]) -> int:
    """Change instructions and outcomes."""
    config = parse(RelabelArguments, "hlm data relabel", arguments)
    from hlm.datasets.edits import operations

    def operation(content: Content) -> Version:
        return operations.relabel(content, config.episodes, instruction=config.instruction, outcome=config.outcome)

    return _edit(config.path, operation, dry_run=config.dry_run)


def rename_camera(arguments: Sequence[str]) -> int:
    """Rename a camera."""
    config = parse(RenameCameraArguments, "hlm data rename-camera", arguments)
    from hlm.datasets.edits import operations

    def operation(content: Content) -> Version:
        return operations.rename_camera(content, config.old, config.new)

    return _edit(config.path, operation, dry_run=config.dry_run)


def reorder(arguments: Sequence[str]) -> int:
    """Sort and renumber episodes."""
    config = parse(ReorderArguments, "hlm data reorder", arguments)
    from hlm.datasets.edits import operations

    def operation(content: Content) -> Version:
        return operations.reorder(content, config.by, config.seed)

    return _edit(config.path, operation, dry_run=config.dry_run)


def merge(arguments: Sequence[str]) -> int:
    """Copy several datasets into a new one."""
    config = parse(MergeArguments, "hlm data merge", arguments)
    from hlm.datasets.edits import edit

    with progress("episodes") as show:
        version = edit.merge(config.paths, config.into, dry_run=config.dry_run, show=show)
    _say([version], dry_run=config.dry_run)
    return 0


def split(arguments: Sequence[str]) -> int:
    """Copy a dataset into several new ones."""
    config = parse(SplitArguments, "hlm data split", arguments)
    from hlm.datasets.edits import edit

    share = edit.Share(selection=config.first, fractions=config.fractions, seed=config.seed)
    with progress("episodes") as show:
        versions = edit.split(config.path, config.into, share, dry_run=config.dry_run, show=show)
    _say(versions, dry_run=config.dry_run)
    return 0


def undo(arguments: Sequence[str]) -> int:
    """Undo the last edit."""
    config = parse(UndoArguments, "hlm data undo", arguments)
    from hlm.datasets.edits import versions

    console().out(f"undone: {versions.undo(config.path)}")
    return 0


def _edit(path: Path, operation: Callable[[Content], Version], *, dry_run: bool) -> int:
    """Edit a dataset in place and report what was done."""
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
        taken = naturalsize(versions.size_of_its_own(path))
        console().out(f"backup: {shown} ({taken} on disk); `hlm data undo {path}` restores it")
    return 0


def _say(versions: Sequence[Version], *, dry_run: bool) -> None:
    screen = console()
    for version in versions:
        for line in version.details:
            screen.out(line)
        screen.out(f"{'would' if dry_run else 'done:'} {version.did}")
