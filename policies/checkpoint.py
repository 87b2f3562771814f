"""Checkpoint folders: weights, config, statistics, and what exact resuming needs.

    model.safetensors   weights to serve: averaged ones if training averages
    config.yaml         a `CheckpointConfig`
    statistics.json     statistics of the training states and actions
    tokenizer/          tokenizer, for policies that read tokens rather than words
    training.pt         optimizer, live weights, position in the data; only resuming needs it
    SHA256SUMS          checksums of weights, statistics and training state, see `hlm.policies.checksums`
    card.md             data, command and validation, for people

Each file is replaced atomically, the weights last: a folder with weights is always complete. All files with checksums
are written before any is replaced. A run killed between the replacements leaves a training.pt that is one save ahead of
the weights, and resumes from it. No file is a pickle: the formats are safetensors, YAML's safe subset, JSON, and
torch's weights-only files.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from hlm.core.errors import CorruptError, HlmError, MissingFileError, StorageError
from hlm.core.files import NEW, replacing, write_atomic
from hlm.core.serialization import json_bytes, read_json
from hlm.datasets.statistics import Statistics
from hlm.policies.card_data import CARD_FILE
from hlm.policies.catalog import find_policy_type
from hlm.policies.checkpoint_config import (
    CONFIG_FILE,
    STATISTICS_FILE,
    WEIGHTS_FILE,
    CheckpointConfig,
    config_bytes,
    must_be_checkpoint,
    read_config,
)
from hlm.policies.checksums import CHECKSUM_FILE, HashedFile, announce, checksum, must_match, read_checksums, settle
from hlm.policies.encoding import Encoding
from hlm.policies.finite import is_finite
from hlm.policies.tokenizer_folder import PARTIAL_FOLDER, TOKENIZER_FOLDER
from hlm.policies.transforms.text import Text

TRAINING_FILE = "training.pt"
SUMMED_FILES = (WEIGHTS_FILE, STATISTICS_FILE, TRAINING_FILE)
# Files that may exist before the folder is a checkpoint.
EARLY_FILES = (CONFIG_FILE, STATISTICS_FILE, CARD_FILE, CHECKSUM_FILE, TOKENIZER_FOLDER, PARTIAL_FOLDER)
# Temporary files of safetensors.
_TEMPORARY = ".tmp??????"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Checkpoint:
    """A trained policy.

    Attributes:
        config: description of the policy.
        statistics: statistics of the training steps; of relative actions if the encoding is relative.
        text: text encoder.
        weights: parameters by name, on the CPU.
        step: updates that made the weights.
    """

    config: CheckpointConfig
    statistics: Statistics
    text: Text
    weights: Mapping[str, Tensor]
    step: int

    def encoding(self) -> Encoding:
        """The encoding of observations and actions."""
        return Encoding.of(self.config.encoding, self.statistics.state, self.statistics.action, self.text)


def write_checkpoint(path: Path, checkpoint: Checkpoint, training: Mapping[str, Any] | None, card: str) -> None:
    """Write or replace a checkpoint; killing the process leaves the old or the new one.

    Args:
        path: folder, created if missing.
        checkpoint: the policy.
        training: training state, of tensors, numbers, strings and containers of them; None to write none.
        card: Markdown for people.

    Raises:
        StorageError: it could not be written; weights and training state are unchanged.
    """
    weights = _unshared(checkpoint.weights)
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)
        for temporary in path.glob(_TEMPORARY):
            temporary.unlink()
        find_policy_type(checkpoint.config.policy).save_text(checkpoint.text, path)
        write_atomic(path / CONFIG_FILE, config_bytes(checkpoint.config))
        write_atomic(path / CARD_FILE, card.encode())
        with ExitStack() as files:  # The first to be entered is replaced last.
            new = files.enter_context(replacing(path / WEIGHTS_FILE))
            safetensors.torch.save_file(weights, new, {"step": str(checkpoint.step)})
            sums = {WEIGHTS_FILE: checksum(new)}
            if training is not None:
                new = files.enter_context(replacing(path / TRAINING_FILE))
                sums[TRAINING_FILE] = _save_training(dict(training), new)
            new = files.enter_context(replacing(path / STATISTICS_FILE))
            new.write_bytes(json_bytes(checkpoint.statistics.to_dict()))
            sums[STATISTICS_FILE] = checksum(new)
            announce(path, sums)
        settle(path, sums)


def is_temporary(entry: Path) -> bool:
    """Whether a file in a checkpoint folder is the temporary file of a writer that was killed."""
    return entry.name.endswith(NEW) or entry.match(_TEMPORARY)


def read_checkpoint(path: Path | str) -> Checkpoint:
    """The checkpoint in a folder.

    Raises:
        MissingFileError: no checkpoint; the text names the nearest one.
        CorruptError: a file is damaged.
        MismatchError: written by a newer hlm.
    """
    path = Path(path)
    must_be_checkpoint(path)
    config = read_config(path)
    statistics = read_statistics(path)
    must_match(path, WEIGHTS_FILE)
    try:
        with safetensors.safe_open(path / WEIGHTS_FILE, "pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping: it has keys() only)
            step = int((file.metadata() or {})["step"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise CorruptError(f"{path / WEIGHTS_FILE} is damaged: {error}. Copy the checkpoint again.") from error
    must_be_finite(path / WEIGHTS_FILE, weights)
    options = config.options()  # Before the policy type's module is imported, which may take seconds.
    text = find_policy_type(config.policy).saved_text(options, config.vocabulary, path)
    return Checkpoint(config=config, statistics=statistics, text=text, weights=weights, step=step)


def read_statistics(path: Path) -> Statistics:
    """Statistics of the training steps of the policy in a checkpoint folder.

    Raises:
        CorruptError: missing or damaged.
    """
    must_match(path, STATISTICS_FILE)
    try:
        return Statistics.from_dict(read_json(path / STATISTICS_FILE))
    except HlmError as error:
        raise CorruptError(f"{path / STATISTICS_FILE} is damaged: {error}") from error


def read_training(path: Path) -> dict[str, Any]:
    """The training state in a checkpoint folder.

    Raises:
        MissingFileError: the checkpoint has none.
        CorruptError: damaged.
    """
    file = path / TRAINING_FILE
    if not file.is_file():
        must_be_checkpoint(path)
        raise MissingFileError(f"{path} has no {TRAINING_FILE}: it can be served but not resumed.")
    must_match(path, TRAINING_FILE)
    try:
        if TRAINING_FILE not in read_checksums(path):
            _must_pass_its_own(file)
        # Memory-mapped: several processes of a machine share it, and each reads only what it uses.
        state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises errors of any type for damaged files
        reason = (str(error) or "it ends too early").splitlines()[0].split(". ")[0][:200]
        raise CorruptError(f"{file} is damaged: {reason}. Copy the checkpoint again, or start a new run.") from error
    if not isinstance(state, dict):
        raise CorruptError(f"{file} holds no training state.")
    return state


def must_be_finite(file: Path, weights: Mapping[str, Tensor]) -> None:
    """Check that no weight is nan or infinite.

    Raises:
        CorruptError: one is; the text names its tensor.
    """
    for name, weight in weights.items():
        if not is_finite(weight):
            raise CorruptError(
                f"{file} is damaged: {name} holds values that are not finite. Copy the checkpoint again."
            )


def _unshared(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, each in memory of its own, as safetensors requires; tied ones are copied."""
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
    """Turn errors of the operating system and of file writers into a StorageError."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = _system_error(error) or error
        text = getattr(reason, "strerror", None) or str(reason)
        raise StorageError(f"could not write {path}: {' '.join(text.split())[:200].rstrip('.').lower()}.") from error


def _system_error(error: BaseException) -> OSError | None:
    """The operating system's error in the chain of causes; torch hides it behind an error of its own."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__context__
    return cause


def _save_training(state: dict[str, Any], path: Path) -> str:
    """Write the training state, and return its checksum."""
    with path.open("wb") as file:
        hashed = HashedFile(file)
        torch.save(state, cast("IO[bytes]", hashed))  # It only writes and flushes.
    return hashed.sha256.hexdigest()


def _must_pass_its_own(file: Path) -> None:
    """Check the checksums that torch writes into the file and does not look at when it loads."""
    with zipfile.ZipFile(file) as archive:
        if broken := archive.testzip():
            raise ValueError(f"the checksum of {broken} is wrong")
