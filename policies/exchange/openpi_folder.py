"""A checkpoint folder of openpi's PyTorch pi0.5 with OpenHLM's 34 dimensions.

    model.safetensors                   weights, `paligemma_with_expert.*` and the projections
    assets/ASSET/norm_stats.json        statistics of states and actions; ASSET is a dataset's name, OWNER/NAME
    metadata.pt                         a pickle of the training config, which is never read

Neither file says how many actions a chunk has and whether they are relative, so `OpenpiOptions` does. The 34 numbers
have hlm's order and units already (OpenHLM's `G1Inputs`): arms, each with its gripper, legs, waist, root; rad, rad/s,
and 1 for an open gripper. Imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError, MismatchError, MissingFileError
from hlm.core.layout import DIMENSIONS
from hlm.core.ranges import must_be_at_least
from hlm.core.serialization import read_json
from hlm.datasets.statistics import Statistics, VectorStatistics
from hlm.policies.checkpoint_config import CONFIG_FILE, NORM_STATS_FILE, WEIGHTS_FILE, norm_stats_files
from hlm.policies.pi05.config import TOKENIZER
from hlm.policies.tokenizer_folder import TOKENIZER_FOLDER
from hlm.policies.transforms.relative import RELATIVE

CAMERAS = ("head", "left_wrist", "right_wrist")
"""In the order in which the network has them; openpi calls them base_0_rgb, left_wrist_0_rgb and right_wrist_0_rgb."""
OPTIONAL_CAMERAS = ("head",)
"""Masked where it is black (OpenHLM's `G1Inputs`), as in all recordings without a robot."""
# openpi adds it to each range.
RANGE_OFFSET = 1e-6
# Means of absolute actions are near the means of the states, those of relative actions near 0: the sums of the
# distances over all joints have to differ by a factor and, in rad, by so much that both kinds cannot be meant.
CLEAR_FACTOR, CLEAR_RAD = 3.0, 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenpiOptions:
    """What a folder of openpi does not say; the defaults are those of OpenHLM's example config.

    Attributes:
        actions: whether the joints' actions are absolute, or relative to the state at the start of the chunk.
        horizon: actions of a chunk.
        tokenizer: folder or Hugging Face name of PaliGemma's tokenizer; by default, the folder `tokenizer` beside the
            weights if there is one, else the published one.
        norm_stats: file with the statistics, where the folder has none or several.
    """

    actions: Literal["absolute", "relative"] = "absolute"
    horizon: int = 50
    tokenizer: str | None = None
    norm_stats: Path | None = None

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a horizon below 1.
        """
        must_be_at_least(1, self, "horizon")

    def tokenizer_for(self, path: Path) -> str:
        """Folder or Hugging Face name of the tokenizer of the policy in a folder."""
        beside = path / TOKENIZER_FOLDER
        return self.tokenizer or (str(beside) if beside.is_dir() else TOKENIZER)


def is_openpi(path: Path) -> bool:
    """Whether a folder holds a checkpoint of openpi, rather than one of hlm."""
    return (path / WEIGHTS_FILE).is_file() and not (path / CONFIG_FILE).exists() and bool(norm_stats_files(path))


def read_statistics(path: Path, options: OpenpiOptions) -> Statistics:
    """Statistics with which hlm normalises states and actions exactly as openpi does.

    Raises:
        MissingFileError: no statistics, or several.
        CorruptError: they are damaged.
        MismatchError: they are not of 34 numbers, or of actions of the other kind.
    """
    file = options.norm_stats or _only_norm_stats(path)
    if not file.is_file():
        raise MissingFileError(f"no file {file} with openpi's statistics.")
    document = read_json(file).get("norm_stats")
    if not isinstance(document, dict):
        raise CorruptError(f"{file} has no norm_stats. Copy it again.")
    state, action = (_vector(document, name, file) for name in ("state", "actions"))
    _check_kind(state, action, options.actions, file)
    return Statistics(steps=0, state=state, action=action)


def _only_norm_stats(path: Path) -> Path:
    files = norm_stats_files(path)
    if not files:
        raise MissingFileError(f"{path} has no assets/*/{NORM_STATS_FILE}; name the file with --norm-stats.")
    if len(files) > 1:
        found = ", ".join(str(file.relative_to(path)) for file in files)
        raise MissingFileError(f"{path} has several statistics ({found}); choose one with --norm-stats.")
    return files[0]


def _vector(document: dict[str, Any], name: str, file: Path) -> VectorStatistics:
    figures: dict[str, FloatArray] = {}
    for figure in ("mean", "std", "q01", "q99"):
        try:
            values = document[name][figure]
            if isinstance(values, list) and not all(type(value) in (int, float, list) for value in values):
                raise TypeError("not all are numbers")
            figures[figure] = np.asarray(values, np.float64)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise CorruptError(f"{file}: {figure} of '{name}' cannot be read ({error!r}). Copy it again.") from error
        if values is None:
            raise MismatchError(f"{file} has no {figure} of '{name}', and pi0.5 is normalised by quantiles.")
        if figures[figure].shape != (DIMENSIONS,):
            raise MismatchError(
                f"{file}: {figure} of '{name}' has the shape {list(figures[figure].shape)}, and OpenHLM's layout has "
                f"{DIMENSIONS} numbers. Only policies of that layout can be imported; others can be trained further."
            )
    low, high = figures["q01"], figures["q99"] + RANGE_OFFSET
    vector = VectorStatistics(**{**figures, "q99": high, "min": low, "max": high})
    if fault := vector.fault():
        raise CorruptError(f"{file} is damaged: {name} {fault}. Copy it again.")
    return vector


def _check_kind(state: VectorStatistics, action: VectorStatistics, kind: str, file: Path) -> None:
    """Refuse actions that are clearly of the other kind: taken for absolute, relative ones would fold the robot up."""
    from_zero = float(np.abs(action.mean)[RELATIVE].sum())
    from_state = float(np.abs(action.mean - state.mean)[RELATIVE].sum())
    other = "relative" if kind == "absolute" else "absolute"
    far, near = (from_state, from_zero) if kind == "absolute" else (from_zero, from_state)
    if far > CLEAR_FACTOR * near and far - near > CLEAR_RAD:
        raise MismatchError(
            f"the actions of {file} are {other}, not {kind}: their means are {from_zero:.2f} rad from zero and "
            f"{from_state:.2f} rad from the states' means, over all joints. Set --actions {other}."
        )
