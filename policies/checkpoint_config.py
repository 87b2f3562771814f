"""The description of a policy in a checkpoint folder. Imports no torch."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hlm.core.documents import from_document, to_document
from hlm.core.errors import CorruptError, HlmError, InputError, MismatchError, MissingFileError
from hlm.core.files import write_atomic
from hlm.core.policy import PolicySpec
from hlm.core.ranges import must_be_at_least
from hlm.core.seeds import SeedRanges
from hlm.core.serialization import read_yaml, yaml_bytes
from hlm.policies.catalog import find_policy_config
from hlm.policies.encoding import EncodingConfig
from hlm.policies.transforms.vocabulary import Vocabulary
from hlm.policies.upgrade import upgrade_config

FORMAT = 3
CONFIG_FILE = "config.yaml"
WEIGHTS_FILE = "model.safetensors"
NORM_STATS_FILE = "norm_stats.json"
STATISTICS_FILE = "statistics.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How chunks are sampled and executed by default.

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
        must_be_at_least(1, self, "euler_steps", "execution_horizon")


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointConfig:
    """Everything that determines a policy, except for its weights and statistics.

    Attributes:
        policy: policy type, see `hlm.policies.catalog`.
        embodiment: name of the robot.
        rate_hz: steps per second.
        encoding: how observations and actions are encoded for the network.
        policy_config: options of the policy type, a document of its `PolicyConfig`.
        vocabulary: words of the training instructions, for policy types with a vocabulary.
        sampling: how chunks are sampled and executed by default.
        training: config of the training run, a document of `TrainConfig`.
        mixture: training data, a document of `MixtureConfig`.
        training_seeds: by task, the seeds of the episodes that were learnt from; None where they were not noted, as in
            checkpoints of an older hlm.
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
    training_seeds: Mapping[str, SeedRanges] | None = None
    format: int = FORMAT

    def options(self) -> Any:
        """`policy_config` as an instance of the policy type's own class.

        Raises:
            UnknownNameError: a policy type or an option that this hlm does not have.
            InputError: an option of the wrong type or out of range.
        """
        return from_document(find_policy_config(self.policy), self.policy_config, "policy_config")

    def spec(
        self, *, execution_horizon: int, origin: str = "", digest: str = "", continues_chunks: bool = False
    ) -> PolicySpec:
        """What the policy needs and gives; the arguments are the spec's parts that this description does not decide."""
        encoding = self.encoding
        return PolicySpec(
            policy_type=self.policy,
            embodiment=self.embodiment,
            rate_hz=self.rate_hz,
            cameras=encoding.cameras,
            image_size=encoding.recorded_sizes[0],
            horizon=encoding.horizon,
            execution_horizon=execution_horizon,
            optional_cameras=encoding.optional_cameras,
            continues_chunks=continues_chunks,
            vocabulary=() if self.vocabulary is None else tuple(self.vocabulary.words),
            origin=origin,
            digest=digest,
        )


def read_config(path: Path) -> CheckpointConfig:
    """The description in a checkpoint folder.

    Raises:
        MissingFileError: no checkpoint, or one of openpi; the text names the nearest one.
        CorruptError: the description is missing or damaged.
        MismatchError: written by a newer or a much older hlm.
    """
    file = path / CONFIG_FILE
    try:
        document = read_yaml(file)
        version = document.get("format")
        if version is None:  # The last line: without it, defaults would stand in for what a short copy lacks.
            raise CorruptError(f"{file} is incomplete: it does not end with its format. Copy the checkpoint again.")
        if version == 2:
            document, version = upgrade_config(document, FORMAT), FORMAT
        if isinstance(version, int) and version != FORMAT:
            remedy = "Install a newer hlm." if version > FORMAT else "Train the policy again, or install an older hlm."
            raise MismatchError(f"{file} has format {version}, this hlm reads {FORMAT}. {remedy}")
        return from_document(CheckpointConfig, document, CONFIG_FILE)
    except MissingFileError:
        must_be_checkpoint(path)
        if norm_stats_files(path):
            raise MissingFileError(
                f"{path} is a checkpoint of openpi; import it: hlm policy import {path} TARGET"
            ) from None
        raise CorruptError(f"{file} is missing; the checkpoint is incomplete.") from None
    except (CorruptError, MismatchError):
        raise
    except HlmError as error:
        raise CorruptError(f"{file} is damaged: {error}") from error


def config_bytes(config: CheckpointConfig) -> bytes:
    """Content of the description's file."""
    return yaml_bytes(to_document(config))


def set_sampling(path: Path | str, *, euler_steps: int | None = None, execution_horizon: int | None = None) -> Sampling:
    """Change the default sampling of a checkpoint, and return it.

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
    write_atomic(path / CONFIG_FILE, config_bytes(replace(config, sampling=sampling)))
    return sampling


def norm_stats_files(path: Path) -> list[Path]:
    """Files with statistics in a checkpoint folder of openpi, see `hlm.policies.exchange.openpi_folder`."""
    return sorted((path / "assets").rglob(NORM_STATS_FILE))


def must_be_checkpoint(path: Path) -> None:
    """Raise MissingFileError, with what is there instead, unless a folder is a checkpoint."""
    if not (path / WEIGHTS_FILE).is_file():
        raise MissingFileError(f"no checkpoint at {path}: {_what_is_there(path)}")


def _what_is_there(path: Path) -> str:
    if path.is_file():
        return "this is a file; a checkpoint is a folder."
    if path.is_dir():
        inside = sorted(entry.parent.name for entry in path.glob(f"*/{WEIGHTS_FILE}"))
        return f"this folder holds {', '.join(inside)}; name one of them." if inside else f"it has no {WEIGHTS_FILE}."
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, siblings, n=1)
    return f"there is nothing. Did you mean '{path.with_name(near[0])}'?" if near else "there is nothing."
