"""Draft of an episode after an edit, and how its folder is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hlm.core.files import sync_folder
from hlm.datasets.edits.cut import TRIMMED, write_steps
from hlm.datasets.schema import EpisodeInfo
from hlm.datasets.store.attributes import group_attributes, write_attributes
from hlm.datasets.store.cloning import PlaceFile, clone


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An episode of the edited dataset.

    Attributes:
        folder: folder of the original episode.
        number: new number.
        info: new description; None: unchanged.
        steps: (start, stop) of the steps to keep; None: all.
        cameras: new names of renamed cameras, by old name.
    """

    folder: Path
    number: int
    info: EpisodeInfo | None = None
    steps: tuple[int, int] | None = None
    cameras: Mapping[str, str] = field(default_factory=dict)

    def build(self, target: Path, place: PlaceFile) -> None:
        """Write the folder of the episode; the original is not changed.

        Args:
            target: folder to write.
            place: `link` or `copy`, for files that stay the same.

        Raises:
            CorruptError: steps are to be cut off, and the others are damaged.
            OSError: the disk refused.
        """
        if self.steps is None:
            clone(self.folder, target, place)
        else:
            write_steps(self.folder, target, *self.steps)
        if self.info is None and not self.cameras:
            return
        attributes = group_attributes(target)
        if self.info is not None:
            cut = {} if self.steps is None else {TRIMMED: attributes["extra"][TRIMMED]}
            attributes |= self.info.to_attributes()
            attributes["extra"] = {**self.info.extra, **cut}
        for old, new in self.cameras.items():
            attributes |= _rename_camera(target, attributes, old, new)
        write_attributes(target, attributes)


def _rename_camera(folder: Path, attributes: Mapping[str, list[str]], old: str, new: str) -> dict[str, list[str]]:
    """Rename a camera's arrays, if the episode has it. Returns the attributes that change."""
    names = {old: new, f"image_{old}": f"image_{new}"}
    ages = {f"age_{name}_s": f"age_{renamed}_s" for name, renamed in names.items()}
    for name, renamed in {f"image_{old}": f"image_{new}", **ages}.items():
        if (folder / name).is_dir():
            (folder / name).rename(folder / renamed)
    sync_folder(folder)
    return {
        "cameras": [new if name == old else name for name in attributes["cameras"]],
        "inputs": sorted(names.get(name, name) for name in attributes["inputs"]),
    }
