"""How good a policy is on rows that it did not learn from, without a simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from hlm.core.layout import GROUPS
from hlm.policies.compact.flow import integrate
from hlm.policies.compact.model import CompactModel
from hlm.policies.encoding import Encoding
from hlm.policies.training.batches import Batch, plain_batch
from hlm.policies.training.config import Recipe
from hlm.policies.training.data import TrainingData
from hlm.policies.training.objective import draw_flow, objective, target_error

ROWS = 256
ROWS_AT_ONCE = 64
EULER_STEPS = (1, 3, 10)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChunkErrors:
    """How far sampled chunks are from demonstrated ones.

    Attributes:
        euler_steps: flow steps that they were sampled with.
        square: mean squared error of the normalised active dimensions.
        absolute: mean absolute error by body part, rad (rad/s for the yaw rate, share of opening for grippers).
        jerk: root mean square third difference over time, relative to the demonstrations'.
    """

    euler_steps: int
    square: float
    absolute: Mapping[str, float]
    jerk: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """Figures over the validation rows.

    Attributes:
        flow: flow-matching loss.
        chunks: by number of Euler steps.
        asked_error_m: mean distance per axis of the predicted target, m; nan without labels.
        other_error_m: the same when the instruction names another candidate, before one was reached.
    """

    flow: float
    chunks: tuple[ChunkErrors, ...]
    asked_error_m: float
    other_error_m: float


@torch.inference_mode()
def validate(model: CompactModel, data: TrainingData, encoding: Encoding, recipe: Recipe, seed: int) -> Validation:
    """Score a network on evenly spaced rows; the same rows and noise every time."""
    generator = torch.Generator().manual_seed(seed)
    count = min(ROWS, len(data))
    rows = torch.linspace(0, len(data) - 1, count).round().long().to(data.state.device)
    flow, asked, other = [], [], []
    noise = torch.randn((count, *data.coefficients.shape[1:]), generator=generator).to(data.state.device)
    sampled: dict[int, list[Tensor]] = {steps: [] for steps in EULER_STEPS}
    for part, start in zip(rows.split(ROWS_AT_ONCE), noise.split(ROWS_AT_ONCE), strict=True):
        batch = plain_batch(data, part)
        flow.append(
            objective(model, batch, draw_flow(batch, 1, generator), data.active, recipe)[1]["flow"].expand(len(part))
        )
        prefix = model.encode(batch.inputs)
        for steps, chunks in sampled.items():
            chunks.append(integrate(partial(model.denoise, prefix), start, data.active, steps))
        asked.append(_known_error(prefix.auxiliary_m, batch, batch.labelled))
        swapped = plain_batch(data, part, swapped=True)
        has_other = torch.isin(part, data.swappable)
        other.append(_known_error(model.encode(swapped.inputs).auxiliary_m, swapped, has_other))
    truth = data.coefficients[rows]
    return Validation(
        flow=float(torch.cat(flow).mean()),
        chunks=tuple(chunk_errors(torch.cat(chunks), truth, encoding, steps) for steps, chunks in sampled.items()),
        asked_error_m=float(torch.cat(asked).mean()),
        other_error_m=float(torch.cat(other).mean()),
    )


def chunk_errors(sampled: Tensor, demonstrated: Tensor, encoding: Encoding, euler_steps: int) -> ChunkErrors:
    """Distance of [row, coefficient, dimension] sampled from demonstrated coefficients, as chunks of actions."""
    active = torch.from_numpy(encoding.action.active)
    chunk, truth = (torch.from_numpy(encoding.basis.undo(part.cpu().numpy())) for part in (sampled, demonstrated))
    wrong = (chunk - truth)[..., active]
    jerk, true_jerk = (part[..., active].diff(3, dim=1).square().mean().sqrt() for part in (chunk, truth))
    actions, true_actions = (torch.from_numpy(encoding.actions(part.cpu().numpy())) for part in (sampled, demonstrated))
    away = (actions - true_actions).abs()
    return ChunkErrors(
        euler_steps=euler_steps,
        square=float(wrong.square().mean()),
        absolute={name: float(away[..., group].mean()) for name, group in GROUPS.items()},
        jerk=float(jerk / true_jerk),
    )


def _known_error(predicted_m: Tensor, batch: Batch, known: Tensor) -> Tensor:
    return target_error(predicted_m, batch.target_m)[known]
