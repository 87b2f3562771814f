"""Where the stages of a run leave what they made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hlm.core.errors import MissingFileError


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run of the recipe.

    Attributes:
        root: its folder.
    """

    root: Path

    @property
    def motions(self) -> Path:
        """Folder with a file for each motion: what an interrupted first stage keeps."""
        return self.root / "motions"

    @property
    def references(self) -> Path:
        """All motions in one file, which is what training reads."""
        return self.root / "references.npz"

    @property
    def training(self) -> Path:
        """Folder with checkpoints and logs."""
        return self.root / "training"

    @property
    def facts(self) -> Path:
        """What training was begun with."""
        return self.training / "facts.json"

    @property
    def network(self) -> Path:
        """The exported network."""
        return self.root / "tracker.onnx"

    @property
    def probe(self) -> Path:
        """What training's environment showed the network, and what that said."""
        return self.root / "probe.npz"

    def checkpoints(self) -> list[Path]:
        """Checkpoints, the oldest first."""
        return sorted(self.training.glob("model_*.pt"), key=number_of)


def number_of(checkpoint: Path) -> int:
    """The iteration after which a checkpoint was written, from 0."""
    return int(checkpoint.stem.removeprefix("model_"))


def must_exist(path: Path, stage: str) -> Path:
    """A file that an earlier stage makes.

    Raises:
        MissingFileError: it has not.
    """
    if not path.is_file():
        raise MissingFileError(f"there is no {path}: run scripts/learn_tracker/{stage}.py first.")
    return path
