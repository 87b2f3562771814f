"""Pictures changed at random for training, each sample and view by its own draws, on whatever device they lie."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from hlm.core.errors import UnknownNameError
from hlm.policies.augmentation_config import UNCHANGED, AugmentationConfig
from hlm.policies.network import Draws
from hlm.policies.pixels import scale_pixels, take_shifted

BLACK = -1.0


def augment(images: Tensor, cameras: Sequence[str], config: AugmentationConfig, draws: Draws) -> Tensor:
    """[batch, view, 3, height, width] float32 pictures, -1 black to 1 white.

    Args:
        images: [batch, view, height, width, 3] uint8.
        cameras: name of each view.
        config: how far they may be changed.
        draws: of these samples. A dial that changes nothing draws nothing.

    Raises:
        UnknownNameError: a camera to be cropped and rotated that is no view.
    """
    views = _views(config.geometric, cameras)
    largest_px = round(config.shift * images.shape[2])
    if largest_px:
        # Before anything else: pictures are a quarter as large in bytes as in numbers.
        shift_px = _whole_steps(draws.uniform(len(cameras), 2), largest_px)
        images = take_shifted(images.contiguous(), torch.arange(len(images), device=images.device), shift_px)
    scaled = scale_pixels(images)
    if views and (config.crop < 1.0 or config.rotation_deg > 0.0):
        scaled[:, views] = _turned(scaled[:, views], config, draws)
    return _recoloured(scaled, config, draws).clamp_(-1.0, 1.0)


def _views(geometric: Sequence[str], cameras: Sequence[str]) -> list[int]:
    for name in geometric:
        if name not in cameras:
            raise UnknownNameError("camera", name, cameras)
    return [view for view, name in enumerate(cameras) if name in geometric]


def _whole_steps(uniform: Tensor, largest: int) -> Tensor:
    """Whole numbers from -largest to largest, equally often."""
    # A number next to 1 may be rounded up to one step too many.
    return (uniform * (2 * largest + 1)).floor().clamp(max=2 * largest) - largest


def _turned(pictures: Tensor, config: AugmentationConfig, draws: Draws) -> Tensor:
    """[batch, view, 3, height, width] pictures, each a crop of its own that is rotated, at once, to be blurred once.

    What lies outside the crop comes in as black, as if the crop were all that there is.
    """
    views, _, height, width = pictures.shape[1:]
    angle_rad = math.radians(config.rotation_deg) * (2.0 * draws.uniform(views) - 1.0)
    place = (1.0 - config.crop) * (2.0 * draws.uniform(views, 2) - 1.0)
    cos, sin, none = angle_rad.cos(), angle_rad.sin(), torch.zeros_like(angle_rad)
    # Sides count from -1 to 1 whatever their length; a rotation is one in pixels.
    right = torch.stack([cos, -sin * height / width, none], -1)
    down = torch.stack([sin * width / height, cos, none], -1)
    flat = pictures.flatten(0, 1)
    grid = functional.affine_grid(torch.stack([right, down], -2).flatten(0, 1), list(flat.shape), align_corners=False)
    outside = (grid.abs() > 1.0).any(-1)[:, None]
    seen = functional.grid_sample(
        flat, config.crop * grid + place.flatten(0, 1)[:, None, None], padding_mode="border", align_corners=False
    )
    return seen.masked_fill_(outside, BLACK).unflatten(0, pictures.shape[:2])


def _recoloured(scaled: Tensor, config: AugmentationConfig, draws: Draws) -> Tensor:
    """The [batch, view, 3, height, width] pictures, changed in place: brightness, contrast, saturation, cast.

    All are affine in a pixel's colours and commute with what saturation does, so that together they are one factor and
    one offset.
    """
    views = scaled.shape[1]

    def factor(limits: tuple[float, float]) -> Tensor | float:
        low, high = limits
        return low + (high - low) * draws.uniform(views, 1, 1, 1) if limits != UNCHANGED else 1.0

    bright, contrast, saturation = factor(config.brightness), factor(config.contrast), factor(config.saturation)
    gain, offset = bright * contrast, contrast * (bright - 1.0)
    if config.contrast_about == "mean" and config.contrast != UNCHANGED:
        mean = bright * scaled.mean((-3, -2, -1), keepdim=True) + (bright - 1.0)
        offset = offset + (1.0 - contrast) * mean
    if config.cast > 0.0:
        offset = offset + config.cast * draws.normal(views, 3, 1, 1)
    if config.saturation != UNCHANGED:
        grey = scaled.mean(-3, keepdim=True)
        offset = offset + gain * (1.0 - saturation) * grey
    return scaled.mul_(gain * saturation).add_(offset)
