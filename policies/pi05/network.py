"""Pi0.5 as a network of hlm: its loss, and how it samples chunks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from hlm.core.errors import InputError, MismatchError
from hlm.policies.flow_matching import flow_times, mean_over_actions
from hlm.policies.guidance import continued
from hlm.policies.network import Batch, Draws, Inputs, Losses, Prefix
from hlm.policies.pi05.core import Core
from hlm.policies.pi05.fast import FastSampler
from hlm.policies.pi05.model import Context, Pi05Model


class Pi05Network(Pi05Model):
    """Pi0.5 trained by flow matching, with flow time 1 at noise and 0 at data."""

    def __init__(self, core: Core, *, gradient_checkpointing: bool = False, compiled: bool = False) -> None:
        super().__init__(core, gradient_checkpointing=gradient_checkpointing, compiled=compiled)
        self._fast: FastSampler | None = None
        self.register_load_state_dict_pre_hook(_still_trainable)

    @property
    def sampling_info(self) -> Mapping[str, object]:
        """How chunks are computed, for people."""
        return {"sampling": "as trained"} if self._fast is None else self._fast.info

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
        """[batch, horizon, dimension] actions at the end of the flow, guided by the prefix if there is one.

        Raises:
            InputError: steps below 1.
            MismatchError: the noise or the prefix has another shape.
        """
        if steps < 1:
            raise InputError(f"steps must be at least 1, got {steps}.")
        self._check(noise, prefix)
        # Guidance computes gradients, which inference mode would not allow.
        with torch.inference_mode(mode=False), torch.no_grad():
            if self._fast is not None:
                return self._fast.sample(inputs, noise, steps, prefix)
            return continued(partial(self._velocity_at, self.observe(inputs), steps), noise, steps, prefix)

    def check_trainable(self) -> None:
        """Check that the weights may still change.

        Raises:
            InputError: `prepare_sampling` was called.
        """
        if self._fast is not None:
            raise InputError("this pi0.5 was prepared for sampling; load it again to train it.")

    def prepare_sampling(self, device: torch.device) -> None:
        """Move to a device for good and make sampling there as fast as possible: weights are merged, cast and frozen.

        On a GPU the first chunk of each batch size and number of steps compiles and records it, which takes a minute.
        """
        self.eval()
        if self._fast is None:
            self._fast = FastSampler(self, device)

    def _velocity_at(self, context: Context, steps: int, noisy: Tensor, step: int) -> Tensor:
        time = torch.full((len(noisy),), 1.0 - step / steps, device=noisy.device)
        return self.velocity(context, noisy, time)

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


def _still_trainable(network: nn.Module, *_: object) -> None:
    """Refuse new weights for a network that was prepared for sampling."""
    if isinstance(network, Pi05Network):
        network.check_trainable()
