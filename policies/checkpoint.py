"""Checkpoint folders: weights, everything that built them, statistics, and what exact resuming needs.

    model.safetensors   averaged weights, what is served
    config.yaml         a `CheckpointConfig`
    statistics.json     of the training episodes' states and actions
    training.pt         optimizer, live weights, random state; only needed to resume
    card.md             data, command, validation figures, for people

Each file is replaced as a whole, the weights last, so that a folder with weights is complete whenever it is read.
Nothing in it is a pickle: safetensors, YAML's safe subset, JSON, and torch's tensors-and-numbers-only reader.
"""

from __future__ import annotations

import difflib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import yaml
from safetensors import SafetensorError
from torch import Tensor

from hlm.core.documents import from_document, to_document
from hlm.core.errors import CorruptError, HlmError, InputError, MismatchError, MissingFileError
from hlm.datasets.statistics import Statistics
from hlm.datasets.storage import json_bytes, read_json, write_atomic
from hlm.policies.compact.config import CompactConfig
from hlm.policies.encoding import Encoding
from hlm.policies.transforms import Quantiles, SplineBasis, Vocabulary

FORMAT = 1
WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.yaml"
STATISTICS_FILE = "statistics.json"
TRAINING_FILE = "training.pt"
CARD_FILE = "card.md"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How chunks are to be made and used.

    Attributes:
        euler_steps: flow steps per chunk.
        execute: actions of a chunk to play before the next one.
    """

    euler_steps: int = 3
    execute: int = 25

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a number below 1.
        """
        for name in ("euler_steps", "execute"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointConfig:
    """Everything that builds a policy, apart from its weights and statistics.

    Attributes:
        embodiment: name of the robot.
        rate_hz: rows and actions per second.
        cameras: views, in the network's order.
        optional_cameras: views that some training episodes lacked, so that the policy can do without.
        recorded_size: height and width that cameras deliver, px.
        vocabulary: words of the training instructions.
        network: shape of the network.
        sampling: how chunks are to be made and used.
        training: settings of the run, a document of `TrainConfig`.
        policy: kind of policy.
        format: version of this description.
    """

    embodiment: str
    rate_hz: float
    cameras: tuple[str, ...]
    optional_cameras: tuple[str, ...]
    recorded_size: tuple[int, int]
    vocabulary: Vocabulary
    network: CompactConfig
    sampling: Sampling = field(default_factory=Sampling)
    training: Mapping[str, Any] = field(default_factory=dict)
    policy: str = "compact"
    format: int = FORMAT

    def encoding(self, statistics: Statistics) -> Encoding:
        """The transforms of the policy."""
        size = self.network.size
        return Encoding(
            state=Quantiles(statistics.state.q01, statistics.state.q99),
            action=Quantiles(statistics.action.q01, statistics.action.q99),
            basis=SplineBasis(size.horizon, size.coefficients),
            vocabulary=self.vocabulary,
            recorded_size=self.recorded_size,
            image_size=self.network.image_size,
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Checkpoint:
    """A trained policy.

    Attributes:
        config: what builds it.
        statistics: of the training episodes.
        weights: parameters by name, float32, on the CPU.
        step: updates that made them.
    """

    config: CheckpointConfig
    statistics: Statistics
    weights: Mapping[str, Tensor]
    step: int


def write_checkpoint(path: Path, checkpoint: Checkpoint, training: Mapping[str, Any], card: str) -> None:
    """Write or replace a checkpoint; the process may be killed at any moment.

    Args:
        path: folder, created if needed.
        checkpoint: what is served.
        training: tensors, numbers, texts and lists of them, for exact resuming.
        card: Markdown for people.
    """
    path.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save(dict(training), buffer)
    write_atomic(path / STATISTICS_FILE, json_bytes(checkpoint.statistics.to_dict()))
    write_atomic(path / CONFIG_FILE, _yaml(checkpoint.config))
    write_atomic(path / TRAINING_FILE, buffer.getvalue())
    write_atomic(path / CARD_FILE, card.encode())
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.weights.items()}
    write_atomic(path / WEIGHTS_FILE, safetensors.torch.save(weights, {"step": str(checkpoint.step)}))


def read_checkpoint(path: Path | str) -> Checkpoint:
    """The checkpoint in a folder.

    Raises:
        MissingFileError: there is none; the text names the nearest one.
        CorruptError: a file is damaged.
        MismatchError: a newer hlm wrote it.
    """
    path = Path(path)
    if not (path / WEIGHTS_FILE).is_file():
        raise MissingFileError(f"no checkpoint at {path}: {_what_is_there(path)}")
    config = read_config(path)
    try:
        statistics = Statistics.from_dict(read_json(path / STATISTICS_FILE))
    except HlmError as error:
        raise CorruptError(f"{path / STATISTICS_FILE} is damaged: {error}") from error
    try:
        with safetensors.safe_open(path / WEIGHTS_FILE, "pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping, only has keys)
            step = int((file.metadata() or {})["step"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise CorruptError(f"{path / WEIGHTS_FILE} is damaged: {error}. Copy the checkpoint again.") from error
    return Checkpoint(config=config, statistics=statistics, weights=weights, step=step)


def read_config(path: Path) -> CheckpointConfig:
    """What builds the policy in a checkpoint folder.

    Raises:
        CorruptError: missing or damaged.
        MismatchError: a newer hlm wrote it.
    """
    file = path / CONFIG_FILE
    try:
        document = yaml.safe_load(file.read_text())
        version = document.get("format") if isinstance(document, dict) else None
        if isinstance(version, int) and version > FORMAT:
            raise MismatchError(f"{file} has format {version}, this hlm reads up to {FORMAT}. Install a newer hlm.")
        return from_document(CheckpointConfig, document, CONFIG_FILE)
    except FileNotFoundError:
        raise CorruptError(f"{file} is missing; the checkpoint is incomplete.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CorruptError(f"{file} is no YAML: {' '.join(str(error).split())}.") from error
    except MismatchError:
        raise
    except HlmError as error:
        raise CorruptError(f"{file} is damaged: {error}") from error


def read_training(path: Path) -> dict[str, Any]:
    """What a run needs to go on exactly where it was.

    Raises:
        MissingFileError: the checkpoint was stripped for serving.
        CorruptError: damaged.
    """
    file = path / TRAINING_FILE
    if not file.is_file():
        raise MissingFileError(f"{path} has no {TRAINING_FILE}: it can be served but not trained on.")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises anything on a damaged file
        reason = (str(error) or "it ends too early").splitlines()[0]
        raise CorruptError(f"{file} is damaged: {reason}") from error
    if not isinstance(state, dict):
        raise CorruptError(f"{file} holds no training state.")
    return state


def set_sampling(path: Path | str, *, euler_steps: int | None = None, execute: int | None = None) -> Sampling:
    """Change how a checkpoint is to be served by default, and return that.

    Raises:
        CorruptError: the description cannot be read.
        InputError: a number below 1, or more actions than a chunk has.
    """
    path = Path(path)
    config = read_config(path)
    sampling = Sampling(
        euler_steps=config.sampling.euler_steps if euler_steps is None else euler_steps,
        execute=config.sampling.execute if execute is None else execute,
    )
    if sampling.execute > config.network.size.horizon:
        raise InputError(
            f"execute {sampling.execute} is more than the {config.network.size.horizon} actions of a chunk."
        )
    write_atomic(path / CONFIG_FILE, _yaml(replace(config, sampling=sampling)))
    return sampling


def _yaml(config: CheckpointConfig) -> bytes:
    return yaml.safe_dump(to_document(config), sort_keys=False, allow_unicode=True, default_flow_style=None).encode()


def _what_is_there(path: Path) -> str:
    if path.is_file():
        return "this is a file; a checkpoint is a folder."
    if path.is_dir():
        inside = sorted(entry.parent.name for entry in path.glob(f"*/{WEIGHTS_FILE}"))
        return f"this folder holds {', '.join(inside)}; name one of them." if inside else f"it has no {WEIGHTS_FILE}."
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, siblings, n=1)
    return f"there is nothing. Did you mean '{path.with_name(near[0])}'?" if near else "there is nothing."
