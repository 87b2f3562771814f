"""The folder of an evaluation: claimed by one process, and gone again when nothing came of it."""

from __future__ import annotations

import shlex
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path

from hlm.core.errors import ExistsError
from hlm.core.files import NEW

PARENT = Path("runs") / "eval"


def claim(out: Path | None) -> Path:
    """Make the folder of a new evaluation, which no other process makes too.

    Args:
        out: the folder; None for one that is named after the time.

    Raises:
        ExistsError: something is there already; the text says how to go on with an unfinished evaluation.
    """
    if out is not None:
        must_be_new(out)
        try:
            out.mkdir(parents=True)
        except FileExistsError:
            raise ExistsError(f"{out} was made by another process just now. Name another --out.") from None
        return out
    stem = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    for number in count(1):
        folder = PARENT / (stem if number == 1 else f"{stem}_{number}")
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder
    raise AssertionError("there is always a next number")


def must_be_new(out: Path) -> None:
    """Raise ExistsError, with what to do, if something is there already."""
    from hlm.datasets.store.lock import FolderLock
    from hlm.evaluation.delay_table import TABLE_FILE
    from hlm.evaluation.journal import finished
    from hlm.evaluation.plan import PLAN_FILE, read_plan

    if (out / TABLE_FILE).is_file():
        raise ExistsError(f"{out} holds a table: go on with `{resuming(out)}`, or name another --out.")
    if not (out / PLAN_FILE).is_file():
        if out.exists() or out.is_symlink():
            raise ExistsError(f"{out} is already there. Name another one.")
        return
    with FolderLock(out):
        plan, done = read_plan(out), finished(out)
    if done < plan.rollouts:
        raise ExistsError(
            f"{out} holds an unfinished evaluation ({done} of {plan.rollouts} rollouts): go on with "
            f"`{resuming(out)}`, or name another --out."
        )
    raise ExistsError(f"{out} is already there, a finished evaluation. Name another one.")


def resuming(folder: Path) -> str:
    """The command that goes on with an evaluation, as a shell takes it."""
    return shlex.join(["hlm", "eval", "--resume", str(folder)])


def remove_half_films(folder: Path) -> None:
    """Remove what workers that were killed had begun to film."""
    for film in folder.glob(f"*.mp4{NEW}"):
        film.unlink(missing_ok=True)


def clear(folder: Path, *, plan: bool) -> None:
    """Remove what an evaluation without a single result has written.

    Args:
        folder: of the evaluation.
        plan: whether to remove the plan too, so that it cannot be resumed.
    """
    from hlm.evaluation.journal import JOURNAL_FILE
    from hlm.evaluation.plan import PLAN_FILE

    for path in (folder / JOURNAL_FILE, *folder.glob("seed_*.mp4"), *([folder / PLAN_FILE] if plan else [])):
        path.unlink(missing_ok=True)
