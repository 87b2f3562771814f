"""Pi0.5 as a network of hlm."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from lerobot.policies.common.vla_utils import create_sinusoidal_pos_embedding
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from hlm.core.errors import InputError, MismatchError
from hlm.policies.flow_matching import flow_times, mean_over_actions
from hlm.policies.network import Batch, Draws, Inputs, Losses, Prefix, inside
from hlm.policies.pi05.core import Core
from hlm.policies.pi05.guidance import continued
from hlm.policies.pi05.transformer import (
    KeysValues,
    expert_layer,
    modulate,
    prefix_layer,
    read_prefix,
    rotation,
)

if TYPE_CHECKING:
    from hlm.policies.pi05.fast import FastSampler

BLACK = -1.0


class Context(NamedTuple):
    """What the action expert reads of observations.

    Attributes:
        keys_values: per layer, [batch, shared head, token, feature] each.
        mask: [batch, token] bool.
    """

    keys_values: tuple[KeysValues, ...]
    mask: Tensor


class Pi05Network(nn.Module):
    """Pi0.5 as a `Network`; its weights have LeRobot's names.

    Flow time is 1 at noise and 0 at data. The state is in the prompt, and views are told by their place.
    """

    def __init__(self, core: Core, *, gradient_checkpointing: bool = False, compiled: bool = False) -> None:
        """Takes LeRobot's network over.

        Args:
            core: LeRobot's network.
            gradient_checkpointing: compute activations twice in training, to hold fewer of them.
            compiled: compile the layers at their first use in training.
        """
        super().__init__()
        self.model = core
        self.noise_shape = (core.config.chunk_size, core.config.max_action_dim)
        self.gradient_checkpointing = gradient_checkpointing
        self._fast: FastSampler | None = None
        self._prefix_layer: Callable[..., Any] = torch.compile(prefix_layer) if compiled else prefix_layer
        self._expert_layer: Callable[..., Any] = torch.compile(expert_layer) if compiled else expert_layer
        if gradient_checkpointing:
            core.paligemma.vision_tower.gradient_checkpointing_enable({"use_reentrant": False})
        self.register_load_state_dict_pre_hook(_still_trainable)

    @property
    def dtype(self) -> torch.dtype:
        """Of the hidden features."""
        return torch.bfloat16 if self.model.config.dtype == "bfloat16" else torch.float32

    @property
    def sharded_layers(self) -> list[nn.Module]:
        """Layers that FSDP shares out one by one; the action expert's modulations are all asked for at once."""
        return [*self.model.paligemma.vision_tower.vision_model.encoder.layers, *self.model.language.layers]

    @property
    def info(self) -> Mapping[str, object]:
        """How chunks are made, for people."""
        if self._fast is None:
            return {"sampling": "as trained; prepare_sampling() makes it faster"}
        return self._fast.info

    def forward(self, batch: Batch, draws: Draws) -> Losses:
        """Mean squared error of the flow's velocity over all dimensions."""
        self.check_trainable()
        time = flow_times(draws.uniform())
        noise = draws.normal(*self.noise_shape)
        part = time[:, None, None]
        noisy = part * noise + (1.0 - part) * batch.actions
        velocity = self.velocity(self.observe(batch.inputs), noisy, time)
        error = functional.mse_loss(velocity, noise - batch.actions, reduction="none").mean(-1)
        return Losses(mean_over_actions(error, batch.action_is_pad), {})

    def sample(self, inputs: Inputs, noise: Tensor, steps: int, prefix: Prefix | None = None) -> Tensor:
        """[batch, horizon, dimension] actions that the flow leads to from the noise.

        Raises:
            InputError: no steps.
            MismatchError: the noise or the prefix has another shape.
        """
        if steps < 1:
            raise InputError(f"the flow needs at least 1 step, got {steps}.")
        self._check(noise, prefix)
        # Guidance makes gradients, which inference mode would not allow.
        with torch.inference_mode(mode=False), torch.no_grad():
            if self._fast is not None:
                return self._fast.sample(inputs, noise, steps, prefix)
            return continued(partial(self._velocity_at, self.observe(inputs), steps), noise, steps, prefix)

    def check_trainable(self) -> None:
        """Make sure that the weights may still change.

        Raises:
            InputError: `prepare_sampling` was called.
        """
        if self._fast is not None:
            raise InputError("this pi0.5 was prepared for sampling; build and load it again to train it.")

    def prepare_sampling(self, device: torch.device | None = None) -> Mapping[str, object]:
        """Make chunks as fast as the device can, and nothing else any more: weights are merged, cast and frozen.

        On a GPU the first chunk of each batch size and number of steps compiles and records it, which takes a minute.

        Args:
            device: where to; where the network is by default.

        Returns:
            How chunks are made, for people.
        """
        from hlm.policies.pi05.fast import FastSampler

        self.eval()
        if self._fast is None:
            self._fast = FastSampler(self, self.model.action_in_proj.weight.device if device is None else device)
        return self._fast.info

    def observe(self, inputs: Inputs, layer: Callable[..., Any] | None = None) -> Context:
        """What the action expert reads of the observations.

        Args:
            inputs: observations.
            layer: `prefix_layer`, or what a compiler made of it; as in training by default.
        """
        hidden, mask = self.embed(inputs)
        turn = rotation(self.model.language, mask.cumsum(1) - 1)
        keys_values = []
        *layers, last = self.model.language.layers
        for each in layers:
            hidden, *pair = self._run(layer or self._prefix_layer, each, hidden, turn, mask[:, None, None])
            keys_values.append(tuple(pair))
        # Nobody reads what comes after the last layer's keys and values.
        return Context((*keys_values, inside(last, read_prefix, last, hidden, turn)), mask)

    def embed(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """[batch, token, feature] pictures and words, and [batch, token] where there are any."""
        # What an absent view holds may be anything, and nan times an attention of 0 would still be nan.
        pictures = inputs.images.masked_fill(~inputs.available[:, :, None, None, None], BLACK)
        with self._reduced_precision(pictures.device):
            seen = self.model.paligemma.get_image_features(pictures.flatten(0, 1)).pooler_output
        patches = seen.shape[1]
        seen = seen.unflatten(0, inputs.available.shape).flatten(1, 2)
        words = self.model.language.embed_tokens(inputs.tokens)
        there = inputs.available[:, :, None].expand(-1, -1, patches).flatten(1)
        mask = torch.cat([there, inputs.token_mask], 1)
        return torch.cat([seen.to(self.dtype), words.to(self.dtype)], 1), mask

    def velocity(self, context: Context, noisy: Tensor, time: Tensor) -> Tensor:
        """[batch, horizon, dimension] velocity from data to noise.

        Args:
            context: what `observe` gave.
            noisy: [batch, horizon, dimension] float32 points of the flow.
            time: [batch] flow time.
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
        """Rotation of the actions after a prefix, and [batch, 1, 1, token] what they may look at."""
        horizon = self.noise_shape[0]
        positions = mask.sum(1, keepdim=True) + torch.arange(horizon, device=mask.device)
        seen = functional.pad(mask, (0, horizon), value=True)
        return rotation(self.model.expert, positions), seen[:, None, None]

    def modulations(self, time: Tensor) -> list[Tensor]:
        """[batch, 3 * feature] float32 of each of the action expert's norms at [batch] flow times."""
        core, expert = self.model, self.model.expert
        low, high = core.config.min_period, core.config.max_period
        wave = create_sinusoidal_pos_embedding(time, core.time_mlp_in.in_features, low, high, device=time.device)
        condition = functional.silu(core.time_mlp_out(functional.silu(core.time_mlp_in(wave.float()))))
        pairs = [(layer.input_layernorm, layer.post_attention_layernorm) for layer in expert.layers]
        norms = [*(norm for pair in pairs for norm in pair), expert.norm]
        return [norm.dense(condition) for norm in norms]

    def _velocity_at(self, context: Context, steps: int, noisy: Tensor, step: int) -> Tensor:
        time = torch.full((len(noisy),), 1.0 - step / steps, device=noisy.device)
        return self.velocity(context, noisy, time)

    def _run(self, function: Callable[..., Any], layer: nn.Module, *arguments: Any) -> Any:
        if self.gradient_checkpointing and self.training and torch.is_grad_enabled():
            function = partial(checkpoint, function, use_reentrant=False, preserve_rng_state=False)
        return inside(layer, function, layer, *arguments)

    def _reduced_precision(self, device: torch.device) -> AbstractContextManager[object]:
        """The vision encoder's weights are float32 for the optimizer's sake; its products need no more than others."""
        if self.model.paligemma.multi_modal_projector.linear.weight.dtype == self.dtype:
            return contextlib.nullcontext()
        return torch.autocast(device.type, self.dtype)

    def _check(self, noise: Tensor, prefix: Prefix | None) -> None:
        if noise.shape[1:] != self.noise_shape:
            raise MismatchError(f"the noise of a sample must be {self.noise_shape}, got {tuple(noise.shape[1:])}.")
        if prefix is None:
            return
        batch, actions, dimensions = prefix.actions.shape
        if batch != len(noise) or actions > self.noise_shape[0] or dimensions != self.noise_shape[1]:
            raise MismatchError(
                f"a prefix must be {len(noise)} x at most {self.noise_shape[0]} x {self.noise_shape[1]}, "
                f"got {batch} x {actions} x {dimensions}."
            )


def _full_precision(like: Tensor) -> AbstractContextManager[object]:
    """Times, actions and modulations are float32, also where training computes the rest in bfloat16."""
    return torch.autocast(like.device.type, enabled=False)


def _still_trainable(network: nn.Module, *_: object) -> None:
    """Refuse new weights for a network that made others ready for sampling."""
    if isinstance(network, Pi05Network):
        network.check_trainable()
