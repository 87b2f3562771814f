"""Forward pass of pi0.5 over the layers that LeRobot builds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple

import torch
from einops import rearrange, repeat
from lerobot.policies.common.vla_utils import create_sinusoidal_pos_embedding
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from hlm.policies.network import Inputs, Network, inside
from hlm.policies.pi05.core import Core
from hlm.policies.pi05.transformer import (
    KeysValues,
    expert_layer,
    modulate,
    prefix_layer,
    read_prefix,
    rotation,
)

BLACK = -1.0


class Context(NamedTuple):
    """The encoded observations that the action expert reads.

    Attributes:
        keys_values: keys and values per layer, [batch, shared head, token, feature] each.
        mask: [batch, token] bool, False for empty tokens.
    """

    keys_values: tuple[KeysValues, ...]
    mask: Tensor


class Pi05Model(Network):
    """Pi0.5 without its loss and its sampling; its weights have LeRobot's names.

    The state is in the prompt, and views are told apart by their position.
    """

    def __init__(self, core: Core, *, gradient_checkpointing: bool = False, compiled: bool = False) -> None:
        """Take LeRobot's network over.

        Args:
            core: LeRobot's network.
            gradient_checkpointing: recompute activations in the backward pass of training, to store fewer of them.
            compiled: compile the layers at their first use in training.
        """
        super().__init__()
        self.model = core
        self.noise_shape = (core.config.chunk_size, core.config.max_action_dim)
        self.gradient_checkpointing = gradient_checkpointing
        self._prefix_layer: Callable[..., Any] = torch.compile(prefix_layer) if compiled else prefix_layer
        self._expert_layer: Callable[..., Any] = torch.compile(expert_layer) if compiled else expert_layer
        if gradient_checkpointing:
            core.paligemma.vision_tower.gradient_checkpointing_enable({"use_reentrant": False})

    @property
    def dtype(self) -> torch.dtype:
        """Type of the hidden features."""
        return torch.bfloat16 if self.model.config.dtype == "bfloat16" else torch.float32

    @property
    def sharded_layers(self) -> Sequence[nn.Module]:
        """Vision and language layers. The action expert stays whole: its modulations are computed all at once."""
        return [*self.model.paligemma.vision_tower.vision_model.encoder.layers, *self.model.language.layers]

    def observe(self, inputs: Inputs, layer: Callable[..., Any] | None = None) -> Context:
        """Encode observations for the action expert.

        Args:
            inputs: observations.
            layer: `prefix_layer`, compiled or not; as in training by default.
        """
        hidden, mask = self.embed(inputs)
        turn = rotation(self.model.language, mask.cumsum(1) - 1)
        keys_values = []
        *layers, last = self.model.language.layers
        for each in layers:
            hidden, *pair = self._run(layer or self._prefix_layer, each, hidden, turn, mask[:, None, None])
            keys_values.append(tuple(pair))
        # Nothing after the last layer's keys and values is read.
        return Context((*keys_values, inside(last, read_prefix, last, hidden, turn)), mask)

    def embed(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """[batch, token, feature] tokens of images and prompt, and [batch, token] bool mask of those present."""
        # A missing view may hold anything, and nan times an attention of 0 would still be nan.
        images = inputs.images.masked_fill(~inputs.available[:, :, None, None, None], BLACK)
        with self._reduced_precision(images.device):
            features = self.model.paligemma.get_image_features(rearrange(images, "batch view ... -> (batch view) ..."))
        seen = features.pooler_output
        patches = seen.shape[1]
        seen = rearrange(seen, "(batch view) patch feature -> batch (view patch) feature", batch=len(images))
        words = self.model.language.embed_tokens(inputs.tokens)
        present = repeat(inputs.available, "batch view -> batch (view patch)", patch=patches)
        mask = torch.cat([present, inputs.token_mask], 1)
        return torch.cat([seen.to(self.dtype), words.to(self.dtype)], 1), mask

    def velocity(self, context: Context, noisy: Tensor, time: Tensor) -> Tensor:
        """[batch, horizon, dimension] velocity from data to noise.

        Args:
            context: result of `observe`.
            noisy: [batch, horizon, dimension] float32 points of the flow.
            time: [batch] flow times.
        """
        with _full_precision(noisy):
            modulations = self.modulations(time)
            hidden = self.model.action_in_proj(noisy).to(self.dtype)
        where = self.place(context.mask)
        layers = self.model.expert.layers
        for number, (layer, past) in enumerate(zip(layers, context.keys_values, strict=True)):
            pair = modulations[2 * number], modulations[2 * number + 1]
            hidden = self._run(self._expert_layer, layer, hidden, pair, past, where)
        hidden, _ = modulate(hidden, modulations[-1], self.model.expert.norm.eps)
        with _full_precision(noisy):
            return self.model.action_out_proj(hidden.float())

    def place(self, mask: Tensor) -> tuple[Any, Tensor]:
        """Rotary embedding of the actions after a prefix, and [batch, 1, 1, token] bool mask of what they attend to."""
        horizon = self.noise_shape[0]
        positions = mask.sum(1, keepdim=True) + torch.arange(horizon, device=mask.device)
        seen = functional.pad(mask, (0, horizon), value=True)
        return rotation(self.model.expert, positions), seen[:, None, None]

    def modulations(self, time: Tensor) -> list[Tensor]:
        """[batch, 3 * feature] float32 modulations of each norm of the action expert at [batch] flow times."""
        core, expert = self.model, self.model.expert
        low, high = core.config.min_period, core.config.max_period
        wave = create_sinusoidal_pos_embedding(time, core.time_mlp_in.in_features, low, high, device=time.device)
        condition = functional.silu(core.time_mlp_out(functional.silu(core.time_mlp_in(wave.float()))))
        pairs = [(layer.input_layernorm, layer.post_attention_layernorm) for layer in expert.layers]
        norms = [*(norm for pair in pairs for norm in pair), expert.norm]
        return [norm.dense(condition) for norm in norms]

    def _run(self, function: Callable[..., Any], layer: nn.Module, *arguments: Any) -> Any:
        if self.gradient_checkpointing and self.training and torch.is_grad_enabled():
            function = partial(checkpoint, function, use_reentrant=False, preserve_rng_state=False)
        return inside(layer, function, layer, *arguments)

    def _reduced_precision(self, device: torch.device) -> AbstractContextManager[object]:
        """Run the vision encoder in the network's precision; its weights are float32 only for the optimizer."""
        if self.model.paligemma.multi_modal_projector.linear.weight.dtype == self.dtype:
            return contextlib.nullcontext()
        return torch.autocast(device.type, self.dtype)


def _full_precision(like: Tensor) -> AbstractContextManager[object]:
    """Compute times, actions and modulations in float32 even if training computes the rest in bfloat16."""
    return torch.autocast(like.device.type, enabled=False)
