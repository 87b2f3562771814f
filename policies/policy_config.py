"""Base of the options of a policy type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from hlm.policies.transforms.quantiles import SmallRanges


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyConfig:
    """Options of a policy type: a frozen dataclass whose fields all have defaults. Its module imports no torch.

    Attributes:
        training_defaults: fields of `TrainConfig` whose defaults this policy type changes, and their values.
        small_ranges: how dimensions that hardly moved are normalised with absolute actions, see `Quantiles.of`.
        sources: fields that say where weights or tokens come from; a checkpoint holds both.
        former_names: today's names of fields by the names they had in checkpoints of format 2.
    """

    training_defaults: ClassVar[Mapping[str, Any]] = {}
    small_ranges: ClassVar[SmallRanges] = "widen"
    sources: ClassVar[tuple[str, ...]] = ()
    former_names: ClassVar[Mapping[str, str]] = {}
