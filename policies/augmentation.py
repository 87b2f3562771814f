"""Random changes to training images, drawn per sample and view, on any device."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from hlm.core.errors import UnknownNameError
from hlm.policies.augmentation_config import UNCHANGED, AugmentationConfig
from hlm.policies.network import Draws
from hlm.policies.pixels import scale_pixels, take_shifted

BLACK = -1.0


def augment(images: Tensor, cameras: Sequence[str], config: AugmentationConfig, draws: Draws) -> Tensor:
    """[batch, view, 3, height, width] float32 images, -1 black to 1 white.

    Args:
        images: [batch, view, height, width, 3] uint8.
        cameras: name of each view.
        config: limits of the changes.
        draws: random numbers of these samples. A change whose limits allow none draws none.

    Raises:
        UnknownNameError: a camera to crop and rotate that is not among the views.
    """
    views = _views(config.geometric, cameras)
    largest_px = round(config.shift * images.shape[2])
    if largest_px:
        # First, while the images are uint8, a quarter of their size in float32.
        shift_px = _whole_steps(draws.uniform(len(cameras), 2), largest_px)
        images = take_shifted(images.contiguous(), torch.arange(len(images), device=images.device), shift_px)
    scaled = scale_pixels(images)
    if views and (config.crop < 1.0 or config.rotation_deg > 0.0):
        scaled[:, views] = _cropped_and_rotated(scaled[:, views], config, draws)
    return _recoloured(scaled, config, draws).clamp_(-1.0, 1.0)


def _views(geometric: Sequence[str], cameras: Sequence[str]) -> list[int]:
    for name in geometric:
        if name not in cameras:
            raise UnknownNameError("camera", name, cameras)
    return [view for view, name in enumerate(cameras) if name in geometric]


def _whole_steps(uniform: Tensor, largest: int) -> Tensor:
    """Integers from -largest to largest, equally often."""
    # Numbers close to 1 may round up to one too many.
    return (uniform * (2 * largest + 1)).floor().clamp(max=2 * largest) - largest


def _cropped_and_rotated(images: Tensor, config: AugmentationConfig, draws: Draws) -> Tensor:
    """[batch, view, 3, height, width] images, each cropped and rotated in a single resampling, to be blurred once only.

    Pixels outside the crop are black, as if the crop were the whole image.
    """
    views, _, height, width = images.shape[1:]
    angle_rad = math.radians(config.rotation_deg) * (2.0 * draws.uniform(views) - 1.0)
    place = (1.0 - config.crop) * (2.0 * draws.uniform(views, 2) - 1.0)
    cos, sin, none = angle_rad.cos(), angle_rad.sin(), torch.zeros_like(angle_rad)
    # Grid coordinates run from -1 to 1 along each side, whatever its length; the rotation is in pixels.
    right = torch.stack([cos, -sin * height / width, none], -1)
    down = torch.stack([sin * width / height, cos, none], -1)
    flat = rearrange(images, "batch view ... -> (batch view) ...")
    grid = functional.affine_grid(
        rearrange([right, down], "row batch view column -> (batch view) row column"),
        list(flat.shape),
        align_corners=False,
    )
    outside = (grid.abs() > 1.0).any(-1)[:, None]
    seen = functional.grid_sample(
        flat,
        config.crop * grid + rearrange(place, "batch view coordinate -> (batch view) 1 1 coordinate"),
        padding_mode="border",
        align_corners=False,
    )
    return rearrange(seen.masked_fill_(outside, BLACK), "(batch view) ... -> batch view ...", view=views)


def _recoloured(scaled: Tensor, config: AugmentationConfig, draws: Draws) -> Tensor:
    """The [batch, view, 3, height, width] images, changed in place: brightness, contrast, saturation, cast.

    All are affine in a pixel's colours and commute with the change of saturation, so together they are one factor and
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
