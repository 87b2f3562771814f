"""Every edit in place, and folders as what is in them."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from hlm.datasets.edits import operations

EDITS = {
    "delete": partial(operations.delete, selection=["1"]),
    "keep": partial(operations.keep, selection=["0", "2"]),
    "trim": partial(operations.trim, selection=[], idle=operations.Idle(still=0.01, leave_s=0.1)),
    "relabel": partial(operations.relabel, selection=["0", "2"], instruction="wave", outcome="failure"),
    "rename camera": partial(operations.rename_camera, old="head", new="top"),
    "reorder": partial(operations.reorder, by="random", seed=2),
}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch) -> None:
    """A process that is killed loses nothing that the system has taken; only power cuts do, and none is tested."""
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, lambda _: None)
    monkeypatch.setattr(os, "sync", lambda: None)


@pytest.fixture(params=EDITS)
def operation(request) -> Callable:
    """Each of them."""
    return EDITS[request.param]


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, bytes]]:
    """Content of every file in a folder, apart from what an edit may leave for the next one."""

    def content(folder: Path) -> dict[str, bytes]:
        files = [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")]
        return {str(file.relative_to(folder)): file.read_bytes() for file in files}

    return content


@pytest.fixture
def demos(maker, path) -> Path:
    """Three episodes, all but the last with still ends, and a note of somebody's."""

    def moving(step, given):
        vector = np.zeros(34)
        vector[3] = min(max(step - 5, 0), 8) * 0.05
        return replace(given, state=vector, action=vector)

    maker.dataset(path, (20, 25), moving)
    maker.dataset(path, (7,), lambda step, given: replace(given, state=np.full(34, 0.1 * step)))
    (path / "notes.txt").write_text("the second one is funny")
    return path
