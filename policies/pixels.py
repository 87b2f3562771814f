"""Images on their way into the network, on any device."""

from __future__ import annotations

import torch
from torch import Tensor

# 0 becomes -1 and 255 becomes 1.
HALF_RANGE = 127.5


def scale_pixels(images: Tensor) -> Tensor:
    """[..., 3, height, width] float32 images, -1 black to 1 white, of [..., height, width, 3] uint8 RGB images."""
    scaled = images.movedim(-1, -3).to(torch.float32, memory_format=torch.contiguous_format)
    return scaled.div_(HALF_RANGE).sub_(1.0)


def take_shifted(images: Tensor, samples: Tensor, shift_px: Tensor) -> Tensor:
    """Images of the given samples, each moved by its own shift, with edges repeated.

    Args:
        images: [sample, view, height, width, 3] uint8, contiguous.
        samples: [batch] indices into the first axis of `images`.
        shift_px: [batch, view, 2] down and right, whole pixels.

    Returns:
        [batch, view, height, width, 3] uint8.
    """
    views, height, width = images.shape[1:4]
    down, right = shift_px.to(torch.int64).unbind(-1)
    y = (torch.arange(height, device=samples.device) - down[..., None]).clamp(0, height - 1)
    x = (torch.arange(width, device=samples.device) - right[..., None]).clamp(0, width - 1)
    image = (samples[:, None] * views + torch.arange(views, device=samples.device))[..., None, None]
    pixel = (image * height + y[..., None]) * width + x[..., None, :]
    return images.view(-1, 3).index_select(0, pixel.flatten()).view(*pixel.shape, 3)
