"""Checkpoint folders: weights, everything that built them, statistics, and what exact resuming needs.

    model.safetensors   what is served: averaged weights where training averages
    config.yaml         a `CheckpointConfig`
    statistics.json     of the training rows' states and actions
    tokenizer/          of policies that read tokens rather than words
    training.pt         optimizer, live weights, position; only needed to resume
    card.md             data, command, validation figures, for people

Each file is replaced as a whole, the weights last, so that a folder with weights is complete whenever it is read. Both
large files are written before either is replaced. A run that is killed between these two steps leaves a training.pt
that is one save ahead of the weights; resuming goes on from training.pt.
Nothing in it is a pickle: safetensors, YAML's safe subset, JSON, and torch's tensors-and-numbers-only reader.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from hlm.core.documents import from_document, to_document
from hlm.core.errors import CorruptError, HlmError, InputError, MismatchError, MissingFileError, StorageError
from hlm.core.files import NEW, replacing, write_atomic
from hlm.core.serialization import json_bytes, read_json, read_yaml, yaml_bytes
from hlm.datasets.statistics import Statistics
from hlm.policies.catalog import find_policy_config, find_policy_type
from hlm.policies.encoding import Encoding, EncodingConfig
from hlm.policies.tokenizer_folder import PARTIAL_FOLDER, TOKENIZER_FOLDER
from hlm.policies.transforms.text import Text
from hlm.policies.transforms.vocabulary import Vocabulary
from hlm.policies.upgrade import upgrade_config

FORMAT = 3
WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.yaml"
STATISTICS_FILE = "statistics.json"
TRAINING_FILE = "training.pt"
CARD_FILE = "card.md"
# What is written before the files that make a folder a checkpoint.
EARLY_FILES = (CONFIG_FILE, STATISTICS_FILE, CARD_FILE, TOKENIZER_FOLDER, PARTIAL_FOLDER)
# Files that the writer of safetensors leaves when it is killed.
_LEFT = ".tmp??????"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How chunks are to be made and used.

    Attributes:
        euler_steps: flow steps per chunk.
        execution_horizon: actions of a chunk to execute before the next chunk is due.
    """

    euler_steps: int = 3
    execution_horizon: int = 25

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a number below 1.
        """
        for name in ("euler_steps", "execution_horizon"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointConfig:
    """Everything that builds a policy, apart from its weights and statistics.

    Attributes:
        policy: policy type, see `hlm.policies.catalog`.
        embodiment: name of the robot.
        rate_hz: rows and actions per second.
        encoding: how observations and actions become what the network works on.
        policy_config: options of the policy type, a document of its `PolicyConfig`.
        vocabulary: words of the training instructions, for kinds that read words.
        sampling: how chunks are to be made and used.
        training: settings of the run, a document of `TrainConfig`.
        mixture: what it learnt from, a document of `MixtureConfig`.
        format: version of this description.
    """

    policy: str
    embodiment: str
    rate_hz: float
    encoding: EncodingConfig
    policy_config: Mapping[str, Any] = field(default_factory=dict)
    vocabulary: Vocabulary | None = None
    sampling: Sampling = field(default_factory=Sampling)
    training: Mapping[str, Any] = field(default_factory=dict)
    mixture: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def options(self) -> Any:
        """`policy_config` as an instance of the policy type's own class.

        Raises:
            UnknownNameError: a policy type or an option that this hlm does not have.
            InputError: an option of the wrong type or out of range.
        """
        return from_document(find_policy_config(self.policy), self.policy_config, "policy_config")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Checkpoint:
    """A trained policy.

    Attributes:
        config: what builds it.
        statistics: of the training rows; those of `action` are of the relative ones where the encoding is relative.
        text: what encodes its instructions.
        weights: parameters by name, on the CPU.
        step: updates that made them.
    """

    config: CheckpointConfig
    statistics: Statistics
    text: Text
    weights: Mapping[str, Tensor]
    step: int

    def encoding(self) -> Encoding:
        """The transforms of the policy."""
        return Encoding.of(self.config.encoding, self.statistics.state, self.statistics.action, self.text)


def write_checkpoint(path: Path, checkpoint: Checkpoint, training: Mapping[str, Any] | None, card: str) -> None:
    """Write or replace a checkpoint; the process may be killed at any moment.

    Args:
        path: folder, created if needed.
        checkpoint: what is served.
        training: tensors, numbers, texts and lists of them, for exact resuming; None to leave it out.
        card: Markdown for people.

    Raises:
        StorageError: it could not be written; the weights and the training state that were there before still are.
    """
    weights = _unshared(checkpoint.weights)
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)
        for left in path.glob(_LEFT):
            left.unlink()
        find_policy_type(checkpoint.config.policy).save_text(checkpoint.text, path)
        write_atomic(path / STATISTICS_FILE, json_bytes(checkpoint.statistics.to_dict()))
        write_atomic(path / CONFIG_FILE, _yaml(checkpoint.config))
        write_atomic(path / CARD_FILE, card.encode())
        with replacing(path / WEIGHTS_FILE) as new_weights:
            safetensors.torch.save_file(weights, new_weights, {"step": str(checkpoint.step)})
            if training is not None:
                with replacing(path / TRAINING_FILE) as new_training:
                    _save_training(dict(training), new_training)


def is_left(entry: Path) -> bool:
    """Whether a file in a checkpoint's folder is what a writer left that was killed."""
    return entry.name.endswith(NEW) or entry.match(_LEFT)


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
    statistics = read_statistics(path)
    try:
        with safetensors.safe_open(path / WEIGHTS_FILE, "pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping, only has keys)
            step = int((file.metadata() or {})["step"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise CorruptError(f"{path / WEIGHTS_FILE} is damaged: {error}. Copy the checkpoint again.") from error
    options = config.options()  # Before the policy type's module is imported, which may take seconds.
    text = find_policy_type(config.policy).saved_text(options, config.vocabulary, path)
    return Checkpoint(config=config, statistics=statistics, text=text, weights=weights, step=step)


def read_config(path: Path) -> CheckpointConfig:
    """What builds the policy in a checkpoint folder.

    Raises:
        MissingFileError: there is no checkpoint; the text names the nearest one.
        CorruptError: missing or damaged.
        MismatchError: a newer or a much older hlm wrote it.
    """
    file = path / CONFIG_FILE
    try:
        document = read_yaml(file)
        version = document.get("format")
        if version == 2:
            document, version = upgrade_config(document, FORMAT), FORMAT
        if isinstance(version, int) and version != FORMAT:
            remedy = "Install a newer hlm." if version > FORMAT else "Train the policy again, or install an older hlm."
            raise MismatchError(f"{file} has format {version}, this hlm reads {FORMAT}. {remedy}")
        return from_document(CheckpointConfig, document, CONFIG_FILE)
    except MissingFileError:
        if not (path / WEIGHTS_FILE).is_file():
            raise MissingFileError(f"no checkpoint at {path}: {_what_is_there(path)}") from None
        raise CorruptError(f"{file} is missing; the checkpoint is incomplete.") from None
    except (CorruptError, MismatchError):
        raise
    except HlmError as error:
        raise CorruptError(f"{file} is damaged: {error}") from error


def read_statistics(path: Path) -> Statistics:
    """Statistics of the rows that the policy in a checkpoint folder learnt from.

    Raises:
        CorruptError: missing or damaged.
    """
    try:
        return Statistics.from_dict(read_json(path / STATISTICS_FILE))
    except HlmError as error:
        raise CorruptError(f"{path / STATISTICS_FILE} is damaged: {error}") from error


def read_training(path: Path) -> dict[str, Any]:
    """What a run needs to go on exactly where it was.

    Raises:
        MissingFileError: the checkpoint was stripped for serving.
        CorruptError: damaged.
    """
    file = path / TRAINING_FILE
    if not file.is_file():
        if not (path / WEIGHTS_FILE).is_file():
            raise MissingFileError(f"no checkpoint at {path}: {_what_is_there(path)}")
        raise MissingFileError(f"{path} has no {TRAINING_FILE}: it can be served but not trained on.")
    try:
        # Mapped rather than read: several processes of a machine share it, and need what they take of it only.
        state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises anything on a damaged file
        reason = (str(error) or "it ends too early").splitlines()[0].split(". ")[0][:200]
        raise CorruptError(f"{file} is damaged: {reason}. Copy the checkpoint again, or start a new run.") from error
    if not isinstance(state, dict):
        raise CorruptError(f"{file} holds no training state.")
    return state


def set_sampling(path: Path | str, *, euler_steps: int | None = None, execution_horizon: int | None = None) -> Sampling:
    """Change how a checkpoint is to be served by default, and return that.

    Raises:
        CorruptError: the description cannot be read.
        InputError: a number below 1, or more actions than a chunk has.
    """
    path = Path(path)
    config = read_config(path)
    sampling = Sampling(
        euler_steps=config.sampling.euler_steps if euler_steps is None else euler_steps,
        execution_horizon=config.sampling.execution_horizon if execution_horizon is None else execution_horizon,
    )
    if sampling.execution_horizon > config.encoding.horizon:
        raise InputError(
            f"execution_horizon {sampling.execution_horizon} is more than the {config.encoding.horizon} actions of a "
            "chunk."
        )
    write_atomic(path / CONFIG_FILE, _yaml(replace(config, sampling=sampling)))
    return sampling


def _unshared(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, each in memory of its own, as safetensors wants them; tied ones are copied."""
    own: dict[str, Tensor] = {}
    taken: set[int] = set()
    for name, tensor in weights.items():
        plain = tensor.detach().cpu().contiguous()
        memory = plain.untyped_storage().data_ptr()
        own[name] = plain.clone() if memory in taken else plain
        taken.add(memory)
    return own


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what the system and the writers of files raise into a StorageError."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = _system_error(error) or error
        text = getattr(reason, "strerror", None) or str(reason)
        raise StorageError(f"could not write {path}: {' '.join(text.split())[:200].rstrip('.').lower()}.") from error


def _system_error(error: BaseException) -> OSError | None:
    """The error of the system's that was raised first; torch hides it behind one of its own."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__context__
    return cause


def _save_training(state: dict[str, Any], path: Path) -> None:
    with path.open("wb") as file:
        torch.save(state, file)


def _yaml(config: CheckpointConfig) -> bytes:
    return yaml_bytes(to_document(config))


def _what_is_there(path: Path) -> str:
    if path.is_file():
        return "this is a file; a checkpoint is a folder."
    if path.is_dir():
        inside = sorted(entry.parent.name for entry in path.glob(f"*/{WEIGHTS_FILE}"))
        return f"this folder holds {', '.join(inside)}; name one of them." if inside else f"it has no {WEIGHTS_FILE}."
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, siblings, n=1)
    return f"there is nothing. Did you mean '{path.with_name(near[0])}'?" if near else "there is nothing."
