"""What can be chosen about the compact policy."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hlm.core.errors import InputError
from hlm.policies.compact.config import NetworkSize


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What the learning depends on; the defaults learn a two-object task from 300 demonstrations.

    Attributes:
        counterfactual: how often a sample whose target is not yet reached is also asked for another candidate than the
            demonstrated one. That trains only the head that says where the target is; without it the instruction is
            ignored.
        deciding_weight: how much rows count in which the asked object is reached for and grasped, against others.
        flow_draws: noise draws per encoded observation.
        auxiliary_weight: weight of the head that says where target and goal are.
        state_noise: standard deviation added to the normalised state.
        state_dropout: share of samples whose state is withheld.
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
            InputError: a share outside [0, 1], a weight or noise out of range, or no draw.
        """
        for name in ("counterfactual", "state_dropout"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise InputError(f"{name} must be in [0, 1], got {value}.")
        for name in ("state_noise", "auxiliary_weight"):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise InputError(f"{name} must not be negative, nor infinite, got {value}.")
        if not 0.0 < self.deciding_weight < math.inf:
            raise InputError(f"deciding_weight must be positive, got {self.deciding_weight}.")
        if self.flow_draws < 1:
            raise InputError(f"flow_draws must be at least 1, got {self.flow_draws}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompactSettings:
    """The compact policy.

    Attributes:
        network: size of the network.
        recipe: what the learning depends on.
    """

    network: NetworkSize = field(default_factory=NetworkSize)
    recipe: Recipe = field(default_factory=Recipe)
