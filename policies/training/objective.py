"""What training minimises: flow matching on demonstrated samples, and where target and goal are on all."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import functional

from hlm.policies.compact.flow import data_error, flow_loss, flow_times, interpolate
from hlm.policies.compact.model import AUXILIARY_UNIT_M, CompactModel
from hlm.policies.training.batches import Batch
from hlm.policies.training.config import Recipe

# Below 2 cm the loss of the auxiliary head turns from linear to quadratic: that near, the gripper can grasp.
AUXILIARY_KNEE_M = 0.02
FIGURES = ("flow", "auxiliary", "data_error", "asked_error_m", "other_error_m")


class Draws(NamedTuple):
    """Random numbers of one update.

    Attributes:
        noise: [demonstrated * draw, coefficient, dimension] normal.
        uniform: [demonstrated * draw] in [0, 1).
    """

    noise: Tensor
    uniform: Tensor


def draw_flow(batch: Batch, draws: int, generator: Generator) -> Draws:
    """`draws` noises and times for each demonstrated sample."""
    count, *shape = batch.coefficients.shape
    device = batch.coefficients.device
    noise = torch.randn((count * draws, *shape), generator=generator)
    return Draws(noise.to(device), torch.rand(count * draws, generator=generator).to(device))


def objective(
    model: CompactModel, batch: Batch, draws: Draws, active: Tensor, recipe: Recipe
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss, and the figures in it.

    Args:
        model: the network.
        batch: samples; the first ones demonstrated, the others counterfactual.
        draws: noise and times.
        active: [dimension] 1 where actions move, else 0.
        recipe: weights.

    Returns:
        The loss to minimise, and by name, detached: `flow` loss, `auxiliary` loss, unweighted `data_error`, and the
        mean distance per axis between predicted and true target as asked for in demonstrated samples
        (`asked_error_m`) and in counterfactual ones (`other_error_m`), m; nan where nothing is labelled.
    """
    demonstrated = len(batch.coefficients)
    repeats = len(draws.uniform) // demonstrated
    prefix = model.encode(batch.inputs)
    data = batch.coefficients.repeat_interleave(repeats, 0)
    time = flow_times(draws.uniform)
    noisy = interpolate(data, draws.noise * active, time)
    error = data_error(model.denoise(prefix.repeat(demonstrated, repeats), noisy, time), data, active)
    flow = flow_loss(error, time)
    auxiliary = auxiliary_loss(prefix.auxiliary_m, batch.target_m, batch.labelled)
    wrong_m = target_error(prefix.auxiliary_m, batch.target_m)
    figures = {
        "flow": flow,
        "auxiliary": auxiliary,
        "data_error": error.mean(),
        "asked_error_m": wrong_m[:demonstrated][batch.labelled[:demonstrated]].mean(),
        "other_error_m": wrong_m[demonstrated:][batch.labelled[demonstrated:]].mean(),
    }
    return flow + recipe.auxiliary_weight * auxiliary, {name: figure.detach() for name, figure in figures.items()}


def auxiliary_loss(predicted_m: Tensor, target_m: Tensor, labelled: Tensor) -> Tensor:
    """Smooth L1 loss of [batch, 6] predictions over the [batch] labelled samples; 0 when there are none."""
    loss = functional.smooth_l1_loss(predicted_m, target_m, beta=AUXILIARY_KNEE_M, reduction="none").mean(-1)
    scale = 2.0 / AUXILIARY_UNIT_M
    return scale * (loss * labelled).sum() / labelled.sum().clamp(min=1)


def target_error(predicted_m: Tensor, target_m: Tensor) -> Tensor:
    """[batch] mean distance per axis of the predicted target, m; the first three of [batch, 6]."""
    return (predicted_m - target_m)[:, :3].abs().mean(-1)
