"""Configuration of a training run. Imports no torch, so that the command line answers at once."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from hlm.core.documents import from_document, to_document
from hlm.core.errors import InputError, MissingFileError, UnknownNameError
from hlm.core.ranges import must_be_at_least
from hlm.core.serialization import read_yaml
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.catalog import DEFAULT_POLICY_TYPE, POLICY_TYPES, find_policy_config
from hlm.policies.policy_config import PolicyConfig
from hlm.policies.transforms.ordering import Order
from hlm.policies.upgrade import RENAMED

SMALLEST_BATCH = 2
OUTCOMES = ("success",)
LARGEST_SEED = 2**63 - 1
_LOWEST = {
    "batch_size": SMALLEST_BATCH,
    "warmup_steps": 0,
    "euler_steps": 1,
    "workers": 0,
    "execution_horizon": 1,
    "seed": 0,
}
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16"]
Sharding = Literal["none", "fsdp"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """Options of a training run. What is learnt depends on seed, data, steps and precision, not on workers or stops.

    Attributes:
        policy: policy type; sets the defaults of the other options.
        datasets: datasets to train on; every step of every episode is equally likely.
        mixture: YAML file with weighted and filtered datasets, in place of `datasets`; see `hlm data mixture`.
        outcomes: outcomes of the episodes of `datasets` to train on.
        out: folder for the checkpoint; must not exist yet.
        resume: checkpoint to continue, with the config that it was started with. Only threads, workers,
            save_every_minutes, max_minutes, sharding, wandb and the number of processes may be changed; and datasets,
            where they were moved to.
        cameras: cameras that the policy sees, in this order; by default, all cameras of the episodes.
        image_size: height and width that images are letterboxed to, px; by default, as recorded.
        horizon: actions per chunk.
        execution_horizon: actions of a chunk to execute before the next chunk is due; stored in the checkpoint.
        euler_steps: Euler steps per chunk at inference, for flow-matching policies; stored in the checkpoint.
        order: order of the 34 dimensions inside the network. `bimanual` has both arms first, as policies pretrained on
            two arms do.
        actions: absolute joint targets, or targets relative to the state at the start of the chunk.
        proprioception: whether the policy sees the state.
        augmentation: random changes to the training images.
        batch_size: samples per update in each process.
        steps: number of updates; by default, as many as fit into the time limit.
        max_minutes: time limit, min; None for no limit, which requires steps.
        learning_rate: peak learning rate.
        final_learning_rate_ratio: learning rate at the end of the cosine decay, relative to the peak.
        warmup_steps: updates of linear warm-up before the peak.
        betas: AdamW betas.
        weight_decay: AdamW weight decay.
        max_grad_norm: gradients are clipped to this norm.
        ema_decay: decay of the exponential moving average (EMA) of the weights that is served; 0 to serve the weights.
        validation_fraction: fraction of the scenes held out for validation, at least one; 0 for none.
        save_every_minutes: time between checkpoints, min.
        seed: seed of all random numbers.
        threads: CPU threads; by default, all available cores.
        workers: processes that read samples ahead; 0 reads them in the training process.
        device: device to train on; `auto` takes a GPU if there is one.
        precision: precision of the network's arithmetic; `auto` takes bfloat16 where it is faster.
        sharding: how processes share the weights. `none` gives each a full copy (DDP), `fsdp` a shard (FSDP2).
        wandb: Weights & Biases project to log to, in addition to TensorBoard.
        policy_config: options of the policy type. Documents and the command line call them by the type's name.
    """

    policy: str = DEFAULT_POLICY_TYPE
    datasets: tuple[Path, ...] = ()
    mixture: Path | None = None
    outcomes: tuple[str, ...] = OUTCOMES
    out: Path = Path("runs/policy")
    resume: Path | None = None
    cameras: tuple[str, ...] = ()
    image_size: tuple[int, int] | None = None
    horizon: int = 50
    execution_horizon: int = 25
    euler_steps: int = 3
    order: Order = "bimanual"
    actions: Literal["absolute", "relative"] = "absolute"
    proprioception: bool = True
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig.compact)
    batch_size: int = 48
    steps: int | None = None
    max_minutes: float | None = 45.0
    learning_rate: float = 1e-3
    final_learning_rate_ratio: float = 0.03
    warmup_steps: int = 60
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 1e-3
    max_grad_norm: float = 1.0
    ema_decay: float = 0.998
    validation_fraction: float = 0.05
    save_every_minutes: float = 5.0
    seed: int = 0
    threads: int | None = None
    workers: int = 1
    device: Device = "auto"
    precision: Precision = "auto"
    sharding: Sharding = "none"
    wandb: str | None = None
    policy_config: PolicyConfig = field(default_factory=lambda: find_policy_config(DEFAULT_POLICY_TYPE)())

    def __post_init__(self) -> None:
        """Check names and ranges.

        Raises:
            InputError: options that exclude each other, or a number out of range.
            UnknownNameError: no such policy type.
        """
        options = find_policy_config(self.policy)
        if type(self.policy_config) is not options:
            raise InputError(
                f"policy {self.policy} takes a {options.__name__}, and policy_config is a "
                f"{type(self.policy_config).__name__}."
            )
        self._check_exclusive()
        self._check_ranges()
        if self.steps is None and self.max_minutes is None:
            raise InputError("training would never end: give steps, max_minutes, or both.")
        if self.execution_horizon > self.horizon:
            raise InputError(
                f"execution_horizon {self.execution_horizon} is more than the {self.horizon} actions of a chunk."
            )

    @classmethod
    def for_policy(cls, policy: str, **changes: Any) -> Self:
        """The defaults of a policy type, with changes.

        Raises:
            UnknownNameError: no such policy type.
            InputError: changes that cannot be used.
        """
        options = find_policy_config(policy)
        return cls(**{"policy": policy, "policy_config": options(), **options.training_defaults, **changes})

    def to_document(self) -> dict[str, Any]:
        """What YAML can hold of it, for `config_of`; the policy type's options stand under its name."""
        document: dict[str, Any] = to_document(self)
        return {(self.policy if name == "policy_config" else name): value for name, value in document.items()}

    def _check_ranges(self) -> None:
        for name, lowest in _LOWEST.items():
            must_be_at_least(lowest, self, name)
        if self.seed > LARGEST_SEED:
            raise InputError(f"seed must be at most {LARGEST_SEED}, got {self.seed}.")
        for name in ("learning_rate", "max_minutes", "save_every_minutes", "steps", "threads", "max_grad_norm"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{name} must be positive, got {value}.")
        for name in ("validation_fraction", "ema_decay", "weight_decay"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise InputError(f"{name} must be in [0, 1), got {getattr(self, name)}.")
        if not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise InputError(f"betas must be in [0, 1), got {self.betas[0]} and {self.betas[1]}.")
        if not 0.0 <= self.final_learning_rate_ratio <= 1.0:
            raise InputError(f"final_learning_rate_ratio must be in [0, 1], got {self.final_learning_rate_ratio}.")

    def _check_exclusive(self) -> None:
        # A run that began with a mixture may be told where the mixture's datasets are now.
        if self.datasets and self.mixture is not None and self.resume is None:
            raise InputError("give --datasets or --mixture, not both; a mixture lists its own datasets.")
        if self.mixture is not None and self.outcomes != OUTCOMES:
            raise InputError("--outcomes filters --datasets; a mixture filters its own datasets, in its file.")


def read_document(path: Path) -> dict[str, Any]:
    """The YAML file of a run: fields of `TrainConfig`, with paths relative to the working directory.

    Raises:
        MissingFileError: there is no such file.
        CorruptError: it is not a YAML mapping, or gives a field twice.
        UnknownNameError: an unknown field; the text suggests the nearest.
        InputError: a field by the name that it had in an older hlm.
    """
    if not path.is_file():
        raise MissingFileError(f"no config at {path}; a config is a YAML file with the options of `hlm train --help`.")
    document = read_yaml(path)
    known = {item.name for item in fields(TrainConfig)} - {"policy_config"} | POLICY_TYPES.keys()
    for name in document:
        if name in RENAMED:
            raise InputError(f"field {name} of {path} is called {RENAMED[name]} now.")
        if name not in known:
            raise UnknownNameError(f"field of {path}", str(name), known)
    return document


def config_of(document: Mapping[str, Any], name: str = "config", base: TrainConfig | None = None) -> TrainConfig:
    """The config with some fields given; all others, in nested groups too, are as in `base`.

    Args:
        document: fields by name.
        name: what to call the document in errors.
        base: the config to change; by default, the defaults of the policy type.

    Raises:
        InputError: a field of the wrong type or out of range.
        UnknownNameError: an unknown field or policy type.
    """
    before = TrainConfig.for_policy(str(document.get("policy", DEFAULT_POLICY_TYPE))) if base is None else base
    must_be_of(before.policy, document)
    merged = _merged(before.to_document(), document)
    if type(merged["policy"]) is str and merged["policy"] != before.policy:
        raise InputError(f"{name}.policy cannot be changed from {before.policy} to {merged['policy']}.")
    options = from_document(type(before.policy_config), merged.pop(before.policy), f"{name}.{before.policy}")
    return from_document(TrainConfig, merged | {"policy_config": options}, name)


def must_be_of(policy: str, names: Collection[str]) -> None:
    """Raise InputError when names of fields include the options of another policy type."""
    for name in names:
        if name in POLICY_TYPES and name != policy:
            raise InputError(f"options of {name} are given, but the policy is {policy}; add --policy {name}.")


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for key, value in given.items():
        before = merged.get(key)
        merged[key] = _merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return merged
