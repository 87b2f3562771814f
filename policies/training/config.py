"""What a training run is told."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

import yaml

from hlm.core.documents import from_document, to_document
from hlm.core.errors import CorruptError, InputError, MissingFileError, UnknownNameError
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.compact.settings import CompactSettings
from hlm.policies.lerobot.settings import ActSettings, SmolVLASettings
from hlm.policies.pi05.settings import Pi05Settings
from hlm.policies.settings import SETTINGS
from hlm.policies.training.defaults import DEFAULTS
from hlm.policies.transforms.ordering import Order

_LARGEST_BYTES = 1_000_000
SMALLEST_BATCH = 2
OUTCOMES = ("success",)
LARGEST_SEED = 2**63 - 1
_LOWEST = {"batch": SMALLEST_BATCH, "warmup_steps": 0, "euler_steps": 1, "workers": 0, "execute": 1, "seed": 0}
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16"]
Sharding = Literal["none", "fsdp"]


class _Loader(yaml.SafeLoader):
    """Reads `1e-4` as a number too, which YAML 1.1 takes for a text."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """A training run. What is learnt depends on seed, data, `steps` and precision, not on workers or interruptions.

    Attributes:
        policy: kind of policy; the other defaults depend on it.
        datasets: datasets to learn from, every row as likely as any other.
        mixture: a YAML file that weights and filters datasets, instead of `datasets`; see `hlm data mixture`.
        outcomes: which episodes of `datasets` to learn from.
        out: folder of the checkpoint, which must not exist yet.
        resume: checkpoint to train on with the settings it was started with; only threads, workers, save_minutes,
            max_minutes, sharding and wandb may differ, and the number of processes, which then share out the same
            number of samples per update.
        cameras: what the policy sees, in this order; all cameras of the episodes by default.
        image_size: height and width that pictures are fitted into, px; as recorded by default.
        horizon: actions of a chunk.
        execute: actions of a chunk that are to be played before the next one.
        euler_steps: flow steps that the checkpoint is to be served with.
        order: of state and action in the network: the contract's, in which a policy that was pretrained on two arms
            finds its dimensions first, or humanoid-native.
        actions: absolute targets, or relative to the state that a chunk starts from.
        proprioception: whether the policy is told the state.
        augmentation: what pictures go through in training.
        batch: samples per update and process.
        steps: updates; by default as many as fit into max_minutes.
        max_minutes: time after which training stops wherever it is; None for no limit, which needs steps.
        learning_rate: at its peak.
        last_rate: share of it that the cosine ends at.
        warmup_steps: updates until the peak.
        betas: of AdamW.
        weight_decay: of AdamW.
        gradient_norm: that longer gradients are cut to.
        average_decay: of the moving average of the weights, which is what is served; 0 serves the weights themselves.
        validation: share of the episodes that is held out: whole scenes, and one at least; 0 for none.
        save_minutes: time between checkpoints, min.
        seed: of everything random.
        threads: CPU threads; all cores that may be used by default.
        workers: processes that read samples; 0 reads them in between.
        device: where to train; "auto" takes a GPU if there is one.
        precision: of the network's arithmetic; "auto" takes bfloat16 where the device is faster with it.
        sharding: how several processes share the weights: each has all, or each has a part (FSDP2).
        wandb: project on Weights & Biases to report to as well.
        compact: settings of the compact policy.
        pi05: settings of pi0.5.
        smolvla: settings of SmolVLA.
        act: settings of ACT.
    """

    policy: str = "compact"
    datasets: tuple[Path, ...] = ()
    mixture: Path | None = None
    outcomes: tuple[str, ...] = OUTCOMES
    out: Path = Path("runs/policy")
    resume: Path | None = None
    cameras: tuple[str, ...] = ()
    image_size: tuple[int, int] | None = None
    horizon: int = 50
    execute: int = 25
    euler_steps: int = 3
    order: Order = "bimanual"
    actions: Literal["absolute", "relative"] = "absolute"
    proprioception: bool = True
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig.compact)
    batch: int = 48
    steps: int | None = None
    max_minutes: float | None = 45.0
    learning_rate: float = 1e-3
    last_rate: float = 0.03
    warmup_steps: int = 60
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 1e-3
    gradient_norm: float = 1.0
    average_decay: float = 0.998
    validation: float = 0.05
    save_minutes: float = 5.0
    seed: int = 0
    threads: int | None = None
    workers: int = 1
    device: Device = "auto"
    precision: Precision = "auto"
    sharding: Sharding = "none"
    wandb: str | None = None
    compact: CompactSettings = field(default_factory=CompactSettings)
    pi05: Pi05Settings = field(default_factory=Pi05Settings)
    smolvla: SmolVLASettings = field(default_factory=SmolVLASettings)
    act: ActSettings = field(default_factory=ActSettings)

    def __post_init__(self) -> None:
        """Check names and ranges.

        Raises:
            InputError: no data, or a number out of range.
            UnknownNameError: no such kind of policy.
        """
        if self.policy not in SETTINGS:
            raise UnknownNameError("kind of policy", self.policy, SETTINGS)
        self._check_settings()
        self._check_ranges()
        if self.steps is None and self.max_minutes is None:
            raise InputError("a run without end: give steps, max_minutes, or both.")
        if self.execute > self.horizon:
            raise InputError(f"cannot execute {self.execute} of the {self.horizon} actions of a chunk.")

    @classmethod
    def for_policy(cls, policy: str, **changes: Any) -> Self:
        """The defaults of a kind of policy, and changes to them.

        Raises:
            UnknownNameError: no such kind of policy.
            InputError: changes that cannot be used.
        """
        if policy not in SETTINGS:
            raise UnknownNameError("kind of policy", policy, SETTINGS)
        return cls(**{"policy": policy, **DEFAULTS[policy], **changes})

    @property
    def settings(self) -> Any:
        """The settings of the kind of policy that is trained."""
        return getattr(self, self.policy)

    def _check_ranges(self) -> None:
        for name, lowest in _LOWEST.items():
            if getattr(self, name) < lowest:
                raise InputError(f"{name} must be at least {lowest}, got {getattr(self, name)}.")
        if self.seed > LARGEST_SEED:
            raise InputError(f"seed must be at most {LARGEST_SEED}, got {self.seed}.")
        for name in ("learning_rate", "max_minutes", "save_minutes", "steps", "threads", "gradient_norm"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{name} must be positive, got {value}.")
        for name in ("validation", "average_decay", "weight_decay"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise InputError(f"{name} must be in [0, 1), got {getattr(self, name)}.")
        if not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise InputError(f"betas must be in [0, 1), got {self.betas[0]} and {self.betas[1]}.")
        if not 0.0 <= self.last_rate <= 1.0:
            raise InputError(f"last_rate must be in [0, 1], got {self.last_rate}.")

    def _check_settings(self) -> None:
        if self.datasets and self.mixture is not None:
            raise InputError("give --datasets or --mixture, not both; a mixture names its datasets.")
        if self.mixture is not None and self.outcomes != OUTCOMES:
            raise InputError("give --datasets or --mixture with --outcomes, not both; a mixture filters its datasets.")
        for name, settings in SETTINGS.items():
            if name != self.policy and getattr(self, name) != settings():
                raise InputError(f"settings of {name} are given, but the policy is {self.policy}; add --policy {name}.")


def read_document(path: Path) -> dict[str, Any]:
    """The YAML file of a run: fields of `TrainConfig`, its paths relative to the working directory.

    Raises:
        MissingFileError: there is no such file.
        CorruptError: it is no YAML mapping.
        UnknownNameError: a field that there is not; the text suggests the nearest.
    """
    if not path.is_file():
        raise MissingFileError(f"no config at {path}; a config is a YAML file with fields of `hlm train --help`.")
    data = path.read_bytes()[: _LARGEST_BYTES + 1]
    try:
        if len(data) > _LARGEST_BYTES:
            raise ValueError(f"it is larger than {_LARGEST_BYTES} bytes")
        document = yaml.load(data, _Loader)  # a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise CorruptError(f"{path} is no YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(document, dict):
        raise CorruptError(f"{path} holds no fields; expected lines like `batch: 32`.")
    known = {item.name for item in fields(TrainConfig)}
    for name in document:
        if name not in known:
            raise UnknownNameError(f"field of {path}", str(name), known)
    return document


def config_of(document: Mapping[str, Any], name: str = "config", base: TrainConfig | None = None) -> TrainConfig:
    """The run that some fields describe; the others, in nested groups too, are as in `base`.

    Args:
        document: fields by name.
        name: what to call it in errors.
        base: a run; the defaults of the kind of policy by default.

    Raises:
        InputError: a field of the wrong type or out of range.
        UnknownNameError: a field, or kind of policy, that there is not.
    """
    before = TrainConfig.for_policy(str(document.get("policy", "compact"))) if base is None else base
    return from_document(TrainConfig, _merged(to_document(before), document), name)


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for key, value in given.items():
        before = merged.get(key)
        merged[key] = _merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return merged
