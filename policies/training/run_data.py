"""The data of a run that is resumed: where it is now, and whether it is what the run began with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from hlm.core.errors import CorruptError, InputError, MismatchError, MissingFileError
from hlm.core.files import storage_errors
from hlm.datasets.mixture import MixtureConfig
from hlm.datasets.store.swap import is_there
from hlm.policies.training.training_data import TrainingData

# Entries of an episode in the training state; an older hlm noted no digest.
_NAME, _LENGTH, _USE, _DIGEST = range(4)


class Place(NamedTuple):
    """Where the datasets of a run are.

    Attributes:
        mixture: the mixture, with paths as they were given.
        folder: what relative paths are relative to.
    """

    mixture: MixtureConfig
    folder: Path

    def opened(self) -> MixtureConfig:
        """The mixture with paths that are right in the working directory."""
        if self.folder == Path.cwd():
            return self.mixture
        entries = (replace(entry, path=self.folder / entry.path) for entry in self.mixture.datasets)
        return replace(self.mixture, datasets=tuple(entries))


def find_datasets(out: Path, mixture: MixtureConfig, began_in: Path | None, moved_to: Sequence[Path]) -> Place:
    """Where the datasets of a run are now.

    Relative paths are looked for where the run began and, if not all are there, in the working directory.

    Args:
        out: folder of the run.
        mixture: its mixture.
        began_in: working directory that it was started in; None if it is not known.
        moved_to: where the datasets are now, in the mixture's order; empty if they were not moved.

    Raises:
        InputError: not as many places as datasets.
        MissingFileError: a dataset is not there; the text says where it was looked for.
    """
    paths = [entry.path for entry in mixture.datasets]
    if moved_to:
        if len(moved_to) != len(paths):
            raise InputError(
                f"{out} was started with {len(paths)} datasets, and --datasets names {len(moved_to)}; give the places "
                f"of all, in this order: {', '.join(map(str, paths))}."
            )
        pairs = zip(mixture.datasets, moved_to, strict=True)
        entries = tuple(replace(entry, path=path) for entry, path in pairs)
        return Place(replace(mixture, datasets=entries), Path.cwd())
    folders = list(dict.fromkeys(folder for folder in (began_in, Path.cwd()) if folder is not None))
    with storage_errors("read the datasets of", out):
        for folder in folders:
            if all(is_there(folder / path) for path in paths):
                return Place(mixture, folder)
        lost = next(path for path in paths if not (folders[0] / path).exists())
    where = "" if lost.is_absolute() else f"; it was looked for in {' and '.join(map(str, folders))}"
    raise MissingFileError(
        f"no dataset at {lost}, which {out} was started with{where}. If it was moved, say where it is now: --datasets "
        f"PATH{'' if len(paths) == 1 else f', for each of {", ".join(map(str, paths))}'}."
    )


def must_be_the_same(
    out: Path, saved: Mapping[str, Any], now: Sequence[Sequence[Any]], say: Callable[[str], None]
) -> None:
    """Check that a run's episodes are those that it began with.

    Args:
        out: folder of the run.
        saved: training state of the run.
        now: what `TrainingData.document` gives today.
        say: tells a person when an older hlm noted too little to tell.

    Raises:
        MismatchError: an episode is another one, or has changed.
        CorruptError: the training state does not say which episodes there were.
    """
    then = saved.get("episodes")
    if not isinstance(then, list) or not all(isinstance(one, list) and len(one) > _USE for one in then):
        raise CorruptError(f"the training state of {out} does not name its episodes; start a new run.")
    if any(len(one) == _DIGEST for one in then):
        same = [one[:_DIGEST] for one in then] == [list(one[:_DIGEST]) for one in now]
        difference = "" if same else "its episodes have other names, lengths or uses"
        say(f"{out} was started by an older hlm, which kept no digest of its data: only names and lengths are compared")
    else:
        difference = _difference(then, now)
    if difference:
        raise MismatchError(
            f"the datasets of {out} have changed since the run began: {difference}. Bring the old ones back, or start "
            "a new run."
        )


def kept_names(saved: Mapping[str, Any], data: TrainingData) -> TrainingData:
    """The data with the names that its datasets had when the run began, so that its figures go on under them."""
    names = saved.get("datasets")
    if not isinstance(names, list) or len(names) != len(data.names):
        return data
    return replace(data, names=tuple(map(str, names)))


def _difference(then: Sequence[Sequence[Any]], now: Sequence[Sequence[Any]]) -> str:
    """What has changed; empty if nothing has.

    Names do not count: datasets may be renamed and episodes renumbered, as long as their order is the same.
    """
    if len(then) != len(now):
        return f"there were {len(then)} episodes, now there are {len(now)}"
    pairs = [pair for pair in zip(then, now, strict=True) if list(pair[0][1:]) != list(pair[1][1:])]
    if not pairs:
        return ""
    before, after = pairs[0]
    what = f"another length ({before[_LENGTH]} steps, now {after[_LENGTH]})"
    if before[_LENGTH] == after[_LENGTH]:
        what = "another use" if before[_USE] != after[_USE] else "other instructions, states, actions or images"
    others = f", and so have {len(pairs) - 1} more" if len(pairs) > 1 else ""
    return f"{after[_NAME]} has {what}{others}"
