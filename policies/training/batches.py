"""Batches: which rows, asked for which candidate, seen through which augmentation. Random numbers come from outside."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from hlm.policies.compact.model import Inputs
from hlm.policies.compact.pixels import scale_pixels, take_shifted
from hlm.policies.training.config import Recipe
from hlm.policies.training.data import TrainingData


class Batch(NamedTuple):
    """One update's worth of samples.

    Attributes:
        inputs: what the network sees.
        coefficients: [demonstrated, coefficient, dimension] of the first samples; the others are counterfactual.
        target_m: [batch, 6] asked candidate and goal in the gripper's frame.
        labelled: [batch] bool, whether target_m is known.
    """

    inputs: Inputs
    coefficients: Tensor
    target_m: Tensor
    labelled: Tensor


def draw_batch(data: TrainingData, size: int, recipe: Recipe, generator: Generator) -> Batch:
    """A random, augmented batch; its last samples ask for another candidate than was demonstrated."""
    device = data.state.device
    swapped = int(recipe.counterfactual * size) if len(data.swappable) else 0
    rows = _weighted_rows(data, size - swapped, recipe, generator)
    if swapped:
        chosen = torch.randint(len(data.swappable), (swapped,), generator=generator).to(device)
        rows = torch.cat([rows, data.swappable[chosen]])
    asked = data.asked[rows]
    # A step of 1 to candidates - 1 around the circle lands on every other candidate equally often.
    step = (
        1 + (torch.rand(swapped, generator=generator).to(device) * (data.candidates[rows[size - swapped :]] - 1)).long()
    )
    asked[size - swapped :] = (asked[size - swapped :] + step) % data.candidates[rows[size - swapped :]]
    noise = torch.randn(data.state[rows].shape, generator=generator).to(device)
    state = data.state[rows] + recipe.state_noise * noise * data.state_active
    hidden = (torch.rand(size, generator=generator) < recipe.state_dropout).to(device)
    images = augmented(data.images, rows, recipe, generator)
    inputs = Inputs(images.to(device), _availability(data, rows), _words(data, rows, asked), state, hidden)
    return Batch(inputs, data.coefficients[rows[: size - swapped]], _target(data, rows, asked), data.labelled[rows])


def plain_batch(data: TrainingData, rows: Tensor, *, swapped: bool = False) -> Batch:
    """The given rows as they were recorded; `swapped` asks for the next candidate instead of the demonstrated one."""
    asked = data.asked[rows]
    if swapped:
        asked = (asked + 1) % data.candidates[rows]
    images = scale_pixels(data.images[rows.to(data.images.device)]).to(data.state.device)
    inputs = Inputs(images, _availability(data, rows), _words(data, rows, asked), data.state[rows])
    return Batch(inputs, data.coefficients[rows], _target(data, rows, asked), data.labelled[rows])


def augmented(images: Tensor, rows: Tensor, recipe: Recipe, generator: Generator) -> Tensor:
    """[batch, view, 3, height, width] pictures of [batch] rows, each shifted, and its contrast and colours changed."""
    device, views = images.device, images.shape[1]
    largest_px = round(recipe.shift * images.shape[2])
    shift_px = torch.randint(-largest_px, largest_px + 1, (len(rows), views, 2), generator=generator)
    contrast = 1.0 + recipe.contrast * (2.0 * torch.rand((len(rows), views, 1, 1, 1), generator=generator) - 1.0)
    brightness = recipe.brightness * torch.randn((len(rows), views, 3, 1, 1), generator=generator)
    shifted = take_shifted(images, rows.to(device), shift_px.to(device))
    return scale_pixels(shifted, contrast.to(device), brightness.to(device))


def _weighted_rows(data: TrainingData, count: int, recipe: Recipe, generator: Generator) -> Tensor:
    """[count] row numbers; deciding rows come up more often than others by the recipe's factor."""
    weight = 1.0 + (recipe.deciding_weight - 1.0) * data.deciding.double()
    edge = weight.cumsum(0)
    place = torch.rand(count, generator=generator, dtype=torch.float64).to(edge.device) * edge[-1]
    return torch.searchsorted(edge, place, right=True).clamp(max=len(data) - 1)


def _availability(data: TrainingData, rows: Tensor) -> Tensor | None:
    available = data.available[rows]
    return None if bool(available.all()) else available


def _words(data: TrainingData, rows: Tensor, asked: Tensor) -> Tensor:
    return data.candidate_words[rows, asked]


def _target(data: TrainingData, rows: Tensor, asked: Tensor) -> Tensor:
    return torch.cat([data.candidate_m[rows, asked], data.goal_m[rows]], -1)
