"""What can be configured about the compact policy. Imports no torch, so that the command line can list it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from hlm.core.errors import InputError
from hlm.core.ranges import must_be_at_least
from hlm.policies.policy_config import PolicyConfig
from hlm.policies.transforms.quantiles import SmallRanges


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchitectureConfig:
    """Size of the network; the defaults give about four million parameters.

    Attributes:
        width: features of a token, a multiple of `heads`.
        heads: attention heads.
        prefix_layers: transformer layers over state, instruction and views.
        expert_layers: transformer layers of the action expert.
        channels: feature maps of the vision encoder at a quarter and at an eighth of the image size, multiples of 8.
        keypoints: spatial-softmax heat maps per view, a multiple of `tokens_per_view`.
        tokens_per_view: tokens that the keypoints of a view are grouped into.
        coefficients: B-spline coefficients per dimension that represent a chunk, each a token of the action expert.
    """

    width: int = 192
    heads: int = 6
    prefix_layers: int = 2
    expert_layers: int = 4
    channels: tuple[int, int] = (32, 64)
    keypoints: int = 64
    tokens_per_view: int = 4
    coefficients: int = 12

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            InputError: a size that the layers cannot have.
        """
        must_be_at_least(1, self, "width", "heads", "prefix_layers", "expert_layers", "keypoints", "tokens_per_view")
        if self.width % self.heads:
            raise InputError(f"width {self.width} must be a multiple of the {self.heads} heads.")
        if any(count % 8 or count < 8 for count in self.channels):
            raise InputError(f"channels must be multiples of 8, got {list(self.channels)}.")
        if self.keypoints % self.tokens_per_view:
            raise InputError(
                f"keypoints {self.keypoints} must be a multiple of {self.tokens_per_view} tokens per view."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectiveConfig:
    """Training objective and regularisation; the defaults learn a two-object task from 300 demonstrations.

    Attributes:
        counterfactual: fraction of the samples whose target is not yet reached that are also shown with another
            candidate's instruction. These train the auxiliary head only. Without them the policy ignores the
            instruction.
        deciding_weight: weight of steps in which the named object is reached for and grasped, relative to other steps.
        flow_draws: noise draws per encoded observation.
        auxiliary_weight: loss weight of the auxiliary head, which predicts where target and goal are.
        state_noise: standard deviation of the noise added to the normalised state.
        state_dropout: fraction of the samples whose state is withheld.
    """

    counterfactual: float = 0.75
    deciding_weight: float = 2.0
    flow_draws: int = 2
    auxiliary_weight: float = 0.5
    state_noise: float = 0.03
    state_dropout: float = 0.3

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a fraction outside [0, 1], a weight or noise out of range, or no draw.
        """
        for name in ("counterfactual", "state_dropout"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise InputError(f"{name} must be in [0, 1], got {value}.")
        for name in ("state_noise", "auxiliary_weight"):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise InputError(f"{name} must be finite and not negative, got {value}.")
        if not 0.0 < self.deciding_weight < math.inf:
            raise InputError(f"deciding_weight must be positive, got {self.deciding_weight}.")
        must_be_at_least(1, self, "flow_draws")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompactConfig(PolicyConfig):
    """The compact policy.

    Attributes:
        architecture: size of the network.
        objective: training objective and regularisation.
    """

    # A joint that never moved in training is best held where it was.
    small_ranges: ClassVar[SmallRanges] = "hold"
    former_names: ClassVar[Mapping[str, str]] = {"network": "architecture", "recipe": "objective"}
    architecture: ArchitectureConfig = field(default_factory=ArchitectureConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
