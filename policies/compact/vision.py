"""Convolutional encoder of views, conditioned on the instruction, with a spatial-softmax keypoint readout."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from hlm.policies.compact.network_config import CompactNetworkConfig

NORM_GROUPS = 8


class ModulatedBlock(nn.Module):
    """Residual block whose output is scaled and shifted per channel by a condition (FiLM, Perez et al. 2018)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm = nn.GroupNorm(NORM_GROUPS, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.GroupNorm(NORM_GROUPS, channels)
        self.modulation = nn.Linear(width, 2 * channels)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """[image, channel, height, width] maps, modulated by the [image, width] condition."""
        scale, shift = rearrange(self.modulation(condition), "image channel -> image channel 1 1").chunk(2, 1)
        hidden = functional.silu(self.first_norm(self.first(maps)))
        hidden = self.second_norm(self.second(hidden))
        return functional.silu(maps + torch.addcmul(shift, hidden, 1.0 + scale))


class KeypointReadout(nn.Module):
    """Spatial softmax (Finn et al. 2016): centre, spread and confidence of each heat map."""

    def __init__(self, channels: int, keypoints: int) -> None:
        super().__init__()
        self.heat = nn.Conv2d(channels, keypoints, 1)
        self.sharpness = nn.Parameter(torch.ones(()))

    def forward(self, maps: Tensor) -> Tensor:
        """[image, keypoint, 4] x, y in [-1, 1], variance, and a tenth of the mean heat of each heat map."""
        heat = self.heat(maps).float()
        height, width = heat.shape[-2:]
        heat = rearrange(heat, "image keypoint height width -> image keypoint (height width)")
        y, x = torch.meshgrid(
            torch.linspace(-1.0, 1.0, height, device=heat.device),
            torch.linspace(-1.0, 1.0, width, device=heat.device),
            indexing="ij",
        )
        moments = torch.stack([x.flatten(), y.flatten(), (x * x + y * y).flatten()], dim=1)
        weight = (heat * self.sharpness).softmax(-1)
        # Coordinates in bfloat16 would be coarser than a pixel.
        with torch.autocast(heat.device.type, enabled=False):
            centre_x, centre_y, square = (weight @ moments).unbind(-1)
        variance = square - centre_x.square() - centre_y.square()
        return torch.stack([centre_x, centre_y, variance, 0.1 * (weight * heat).sum(-1)], dim=-1)


class Encoder(nn.Module):
    """Tokens of each view; learnt embeddings tell the cameras apart."""

    def __init__(self, config: CompactNetworkConfig) -> None:
        super().__init__()
        architecture = config.architecture
        coarse, fine = architecture.channels
        self.tokens = architecture.tokens_per_view
        self.stem = nn.Conv2d(3, coarse, 6, stride=4, padding=1, bias=False)
        self.stem_norm = nn.GroupNorm(NORM_GROUPS, coarse)
        self.early = ModulatedBlock(coarse, architecture.width)
        self.down = nn.Conv2d(coarse, fine, 3, stride=2, padding=1, bias=False)
        self.down_norm = nn.GroupNorm(NORM_GROUPS, fine)
        self.late = ModulatedBlock(fine, architecture.width)
        self.readout = KeypointReadout(fine, architecture.keypoints)
        self.token = nn.Linear(4 * architecture.keypoints // architecture.tokens_per_view, architecture.width)
        self.view_condition = nn.Parameter(0.02 * torch.randn(config.views, architecture.width))
        self.view_token = nn.Parameter(
            0.02 * torch.randn(config.views, architecture.tokens_per_view, architecture.width)
        )

    def forward(self, images: Tensor, condition: Tensor) -> Tensor:
        """Tokens of the images.

        Args:
            images: [batch, view, 3, height, width] in [-1, 1].
            condition: [batch, width] embedded instruction.

        Returns:
            [batch, view * token, width].
        """
        views = images.shape[1]
        conditions = rearrange(condition, "batch width -> batch 1 width") + self.view_condition
        per_view = rearrange(conditions, "batch view width -> (batch view) width")
        maps = rearrange(images, "batch view channel height width -> (batch view) channel height width")
        maps = self.early(functional.silu(self.stem_norm(self.stem(maps))), per_view)
        maps = self.late(functional.silu(self.down_norm(self.down(maps))), per_view)
        tokens = self.token(
            rearrange(
                self.readout(maps),
                "(batch view) (token keypoint) value -> batch view token (keypoint value)",
                view=views,
                token=self.tokens,
            )
        )
        return rearrange(tokens + self.view_token, "batch view token width -> batch (view token) width")
