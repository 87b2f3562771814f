"""The network: encodes an observation once as a prefix, then denoises action coefficients given the prefix."""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional

from hlm.policies.compact.attention import ExpertLayer, KeysValues, PrefixLayer
from hlm.policies.compact.network_config import CompactNetworkConfig
from hlm.policies.compact.vision import Encoder
from hlm.policies.network import Inputs

TIME_FREQUENCIES = 32
# Flow time runs from 0 to 1; the fastest wave has five periods there, which a few thousand updates can learn.
FASTEST_WAVE_RAD = 32.0
# The auxiliary head predicts decimetres, so that its outputs are of order one.
AUXILIARY_UNIT_M = 0.1


class Prefix(NamedTuple):
    """An observation as the action expert sees it.

    Attributes:
        keys_values: per expert layer, [batch, head, token, feature] each.
        mask: [batch, token] bool, False for tokens to ignore; None if there are none.
        auxiliary_m: [batch, auxiliary] predicted target and goal in the gripper's frame.
    """

    keys_values: tuple[KeysValues, ...]
    mask: Tensor | None
    auxiliary_m: Tensor

    def repeat(self, batch: int, draws: int) -> Prefix:
        """The first `batch` observations, each repeated `draws` times in succession."""

        def several(tensor: Tensor) -> Tensor:
            return repeat(tensor[:batch], "batch ... -> (batch draw) ...", draw=draws)

        pairs = tuple((several(key), several(value)) for key, value in self.keys_values)
        return Prefix(pairs, None if self.mask is None else several(self.mask), several(self.auxiliary_m))


class CompactModel(nn.Module):
    """Prefix transformer over state, instruction and views; action expert that predicts clean coefficients."""

    def __init__(self, config: CompactNetworkConfig) -> None:
        super().__init__()
        architecture = config.architecture
        width = architecture.width
        self.config = config
        self.word = nn.Embedding(config.vocabulary_size, width)
        self.word_slot = nn.Parameter(0.02 * torch.randn(config.word_slots, width))
        # Word slots are concatenated: a mean over words would hide the one that tells instructions apart.
        self.instruction = _instruction_head(config.word_slots * width, width)
        self.encoder = Encoder(config)
        self.state = nn.Sequential(nn.Linear(config.dimensions, width), nn.SiLU(), nn.Linear(width, width))
        self.hidden_state = nn.Parameter(0.02 * torch.randn(width))
        self.summary = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.prefix_layers = nn.ModuleList(
            PrefixLayer(width, architecture.heads) for _ in range(architecture.prefix_layers)
        )
        self.auxiliary = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, config.auxiliary)
        )
        self.action_in = nn.Linear(config.dimensions, width)
        self.action_slot = nn.Parameter(0.02 * torch.randn(architecture.coefficients, width))
        self.time = nn.Sequential(nn.Linear(2 * TIME_FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.expert_layers = nn.ModuleList(
            ExpertLayer(width, architecture.heads) for _ in range(architecture.expert_layers)
        )
        self.action_norm = nn.LayerNorm(width)
        self.action_out = nn.Linear(width, config.dimensions)

    def encode(self, inputs: Inputs, state_hidden: Tensor | None = None) -> Prefix:
        """The prefix of a batch of observations, with the auxiliary prediction.

        Args:
            inputs: the observations. Where the state is None, it is withheld from all.
            state_hidden: [batch] bool, True where the state is withheld; by default, nowhere.
        """
        words = self.word(inputs.tokens) + self.word_slot
        instruction = self.instruction(rearrange(words, "batch slot width -> batch (slot width)"))
        withheld = self.hidden_state.expand(len(inputs.tokens), -1)
        state = withheld if inputs.state is None else self.state(inputs.state)
        if state_hidden is not None:
            state = torch.where(rearrange(state_hidden, "batch -> batch 1"), withheld.to(state.dtype), state)
        views = self.encoder(inputs.images, instruction)
        summary = self.summary.expand(len(views), -1, -1)
        tokens = torch.cat([summary, _token(state), _token(instruction), views], 1)
        mask = self._token_mask(inputs.available, tokens.shape[1])
        for layer in self.prefix_layers:
            tokens = layer(tokens, None if mask is None else _attention_mask(mask))
        keys_values = tuple(cast(ExpertLayer, layer).read_prefix(tokens) for layer in self.expert_layers)
        return Prefix(keys_values, mask, AUXILIARY_UNIT_M * self.auxiliary(tokens[:, 0]).float())

    def denoise(self, prefix: Prefix, noisy: Tensor, time: Tensor) -> Tensor:
        """[batch, coefficient, dimension] clean coefficients predicted from noisy ones at [batch] flow time."""
        return self.denoise_modulated(prefix, noisy, self.modulations(time))

    def modulations(self, time: Tensor) -> tuple[Tensor, ...]:
        """Per expert layer, [time, 6 * width] its modulation at [time] flow times."""
        wave = time[:, None] * self._frequencies(time.device)
        embedded = self.time(torch.cat([wave.sin(), wave.cos()], -1))
        return tuple(cast(ExpertLayer, layer).modulation(embedded) for layer in self.expert_layers)

    def denoise_modulated(self, prefix: Prefix, noisy: Tensor, modulations: tuple[Tensor, ...]) -> Tensor:
        """[batch, coefficient, dimension] the same, given per layer the [batch or 1, 6 * width] modulations."""
        slots, mask = noisy.shape[1], prefix.mask
        if mask is not None:
            mask = _attention_mask(functional.pad(mask, (0, slots), value=True))
        tokens = self.action_in(noisy) + self.action_slot
        for layer, keys_values, modulation in zip(self.expert_layers, prefix.keys_values, modulations, strict=True):
            tokens = layer(tokens, keys_values, modulation, mask)
        return self.action_out(self.action_norm(tokens)).float()

    def _token_mask(self, available: Tensor, tokens: int) -> Tensor | None:
        if bool(available.all()):
            return None
        views = repeat(available, "batch view -> batch (view token)", token=self.config.architecture.tokens_per_view)
        return functional.pad(views, (tokens - views.shape[1], 0), value=True)

    @staticmethod
    def _frequencies(device: torch.device) -> Tensor:
        return torch.exp(torch.linspace(0.0, math.log(FASTEST_WAVE_RAD), TIME_FREQUENCIES, device=device))


def _token(vector: Tensor) -> Tensor:
    """[batch, 1, width] a single token of [batch, width]."""
    return rearrange(vector, "batch width -> batch 1 width")


def _attention_mask(mask: Tensor) -> Tensor:
    """[batch, 1, 1, token] of a [batch, token] mask: the same for all heads and queries."""
    return rearrange(mask, "batch token -> batch 1 1 token")


def _instruction_head(features: int, width: int) -> nn.Sequential:
    first, last = nn.Linear(features, width), nn.Linear(width, width)
    # Larger than torch's defaults: instructions look alike at first, and their differences must matter from the start.
    nn.init.normal_(first.weight, std=0.04)
    nn.init.normal_(last.weight, std=0.1)
    return nn.Sequential(nn.LayerNorm(features), first, nn.SiLU(), last)
