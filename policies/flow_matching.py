"""What LeRobot's flow-matching policies minimise: flow time is 1 at noise and 0 at data."""

from __future__ import annotations

from torch import Tensor

from hlm.policies.network import Term

# Flow times between 0.001 and 1, whose distribution Beta(1.5, 1) prefers noise (pi0, arXiv 2410.24164, appendix B).
EARLIEST_TIME = 0.001
TIME_POWER = 1.5


def flow_times(uniform: Tensor) -> Tensor:
    """Flow times of numbers that are uniform in [0, 1), by the inverse of their distribution function."""
    return EARLIEST_TIME + (1.0 - EARLIEST_TIME) * uniform ** (1.0 / TIME_POWER)


def mean_over_actions(error: Tensor, action_is_pad: Tensor) -> Term:
    """One item per sample: its mean error over the actions that were demonstrated.

    Actions beyond an episode's end do not count, and a sample with fewer actions counts as much less. LeRobot and
    OpenHLM learn them as if they had been demonstrated: a policy that holds still at the end of each recording,
    wherever the operator happened to stop it.

    Args:
        error: [batch, time].
        action_is_pad: [batch, time] bool, True beyond the episode's end.
    """
    real = (~action_is_pad).float()
    return Term((error * real).sum(1) / real.sum(1).clamp(min=1.0), real.mean(1))
