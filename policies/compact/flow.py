"""Flow matching as pure functions: the path from noise to data, its training loss, and Euler integration along it.

Flow time is 0 at noise and 1 at data, `x_t = t x_1 + (1 - t) x_0` (Lipman et al. 2023). The network predicts the data
x_1; the velocity that follows from it is `(x_1 - x_t) / (1 - t)`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Errors near the data count more, but at most ten times as much as at noise.
SMALLEST_GAP = 0.1
# At flow time 1 there is nothing left to predict.
LATEST_TIME = 0.999


def flow_times(uniform: Tensor) -> Tensor:
    """Flow times for [sample] numbers uniform in [0, 1), most of them near noise: `0.999 (1 - u^(2/3))`.

    This is Beta(1, 1.5): the schedule of pi0 (Black et al. 2024, appendix B) in our direction of time.
    """
    return LATEST_TIME * (1.0 - uniform.pow(2.0 / 3.0))


def interpolate(data: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """[batch, ...] points on the straight paths from `noise` to `data` at [batch] flow time."""
    weight = time.reshape(-1, *[1] * (data.ndim - 1))
    return torch.lerp(noise, data, weight)


def data_error(predicted: Tensor, data: Tensor, active: Tensor) -> Tensor:
    """[batch] mean squared error of [batch, coefficient, dimension] predictions over the [dimension] active ones."""
    square = (predicted - data).square() * active
    return square.sum(-1).mean(-1) / active.sum().clamp(min=1.0)


def flow_weights(time: Tensor) -> Tensor:
    """[batch] weight of the squared error of predicted data at [batch] flow time: `1 / (1 - t)`, at most 10.

    That lies between a loss on the data (weight 1) and one on the velocity (weight `1 / (1 - t)^2`).
    """
    return 1.0 / (1.0 - time).clamp(min=SMALLEST_GAP)


def integrate(denoise: Callable[[Tensor, int], Tensor], noise: Tensor, active: Tensor, steps: int) -> Tensor:
    """[batch, coefficient, dimension] data at the end of the paths that start at `noise`, by equal Euler steps.

    Args:
        denoise: maps points and the index of the step, at flow time step / steps, to predicted data.
        noise: [batch, coefficient, dimension] where the paths start.
        active: [dimension] 1 where actions move, 0 elsewhere; points stay 0 there, as in training.
        steps: number of Euler steps, >= 1; a single step gives the prediction at flow time 0.
    """
    point = noise * active
    for step in range(steps):
        data = denoise(point, step) * active
        point = point + (data - point) / (steps - step)
    return point
