"""The loss of LeRobot's flow-matching policies, in which flow time is 1 at noise and 0 at data."""

from __future__ import annotations

from torch import Tensor

from hlm.policies.network import Term

# Flow times are distributed as Beta(1.5, 1) between 0.001 and 1, mostly near noise (pi0, arXiv 2410.24164, appendix B).
EARLIEST_TIME = 0.001
TIME_POWER = 1.5


def flow_times(uniform: Tensor) -> Tensor:
    """Flow times for numbers uniform in [0, 1), by the inverse of the distribution function."""
    return EARLIEST_TIME + (1.0 - EARLIEST_TIME) * uniform ** (1.0 / TIME_POWER)


def mean_over_actions(error: Tensor, action_is_pad: Tensor) -> Term:
    """Loss term with one item per sample: its mean error over the demonstrated actions.

    Actions beyond the episode's end do not count, and a sample with fewer actions counts less accordingly. LeRobot and
    OpenHLM train on them as if demonstrated: their policies learn to stop wherever recordings were stopped.

    Args:
        error: [batch, time].
        action_is_pad: [batch, time] bool, True beyond the episode's end.
    """
    real = (~action_is_pad).float()
    return Term((error * real).sum(1) / real.sum(1).clamp(min=1.0), real.mean(1))
