"""Convolutional encoder, shared by all views and conditioned on the instruction, that reads out keypoints."""

from __future__ import annotations

import torch
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
        """[picture, channel, height, width] maps, changed according to the [picture, width] condition."""
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, 1)
        hidden = functional.silu(self.first_norm(self.first(maps)))
        hidden = self.second_norm(self.second(hidden))
        return functional.silu(maps + torch.addcmul(shift, hidden, 1.0 + scale))


class KeypointReadout(nn.Module):
    """Spatial softmax (Finn et al. 2016): where each heat map is centred, how wide and how sure it is."""

    def __init__(self, channels: int, keypoints: int) -> None:
        super().__init__()
        self.heat = nn.Conv2d(channels, keypoints, 1)
        self.sharpness = nn.Parameter(torch.ones(()))

    def forward(self, maps: Tensor) -> Tensor:
        """[picture, keypoint, 4] x, y in [-1, 1], variance, and a tenth of the mean heat of each heat map."""
        heat = self.heat(maps).float()
        height, width = heat.shape[-2:]
        heat = heat.flatten(2)
        y, x = torch.meshgrid(
            torch.linspace(-1.0, 1.0, height, device=heat.device),
            torch.linspace(-1.0, 1.0, width, device=heat.device),
            indexing="ij",
        )
        moments = torch.stack([x.flatten(), y.flatten(), (x * x + y * y).flatten()], dim=1)
        weight = (heat * self.sharpness).softmax(-1)
        # A coordinate in half precision would be worse than a pixel.
        with torch.autocast(heat.device.type, enabled=False):
            centre_x, centre_y, square = (weight @ moments).unbind(-1)
        variance = square - centre_x.square() - centre_y.square()
        return torch.stack([centre_x, centre_y, variance, 0.1 * (weight * heat).sum(-1)], dim=-1)


class Encoder(nn.Module):
    """Tokens of each view of a batch; a view knows which camera it is from a learnt embedding."""

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
        """Tokens of the pictures.

        Args:
            images: [batch, view, 3, height, width] in [-1, 1].
            condition: [batch, width] what the instruction means.

        Returns:
            [batch, view * token, width].
        """
        batch, views = images.shape[:2]
        per_view = (condition[:, None] + self.view_condition).flatten(0, 1)
        maps = images.flatten(0, 1)
        maps = self.early(functional.silu(self.stem_norm(self.stem(maps))), per_view)
        maps = self.late(functional.silu(self.down_norm(self.down(maps))), per_view)
        tokens = self.token(self.readout(maps).reshape(batch, views, self.tokens, -1))
        return (tokens + self.view_token).flatten(1, 2)
