"""Motions made in worker processes; those that lie there already are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from learn_tracker_parts.choice import file_name
from learn_tracker_parts.motion import motion_of
from learn_tracker_parts.motion_files import write_motion
from tracker_parts.cases import Case
from tracker_parts.work import body_model


def motion_file(folder: Path, case: Case) -> Path:
    """Where a case's motion lies."""
    return folder / f"{file_name(case)}.npz"


def make_motions(pool: ProcessPoolExecutor, folder: Path, cases: Sequence[Case]) -> Iterator[Path]:
    """Make the motions that are missing, and give each file as it is there."""
    missing = []
    for case in cases:
        if (path := motion_file(folder, case)).is_file():
            yield path
        else:
            missing.append((path, case))
    for done in as_completed([pool.submit(_make, path, case) for path, case in missing]):
        yield done.result()


def _make(path: Path, case: Case) -> Path:
    model = body_model()
    write_motion(path, motion_of(model, case.recipe.make(model, case.random))._asdict())
    return path
