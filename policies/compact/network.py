"""The compact policy's network as `hlm.policies.network.Network`: its loss, and how it samples chunks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
from einops import rearrange, repeat
from torch import Tensor
from torch.nn import functional

from hlm.policies.compact.config import ObjectiveConfig
from hlm.policies.compact.flow import data_error, flow_times, flow_weights, integrate, interpolate
from hlm.policies.compact.model import AUXILIARY_UNIT_M, CompactModel
from hlm.policies.compact.model import Prefix as Known
from hlm.policies.compact.network_config import CompactNetworkConfig
from hlm.policies.network import Batch, Draws, Inputs, Losses, Network, Prefix, Term
from hlm.policies.transforms.spline import SplineBasis

# The auxiliary loss is quadratic below 2 cm, where the gripper can grasp, and linear beyond.
AUXILIARY_KNEE_M = 0.02


class CompactNetwork(CompactModel, Network):
    """Flow matching over spline coefficients of the chunk; implements `hlm.policies.network.Network`.

    Args:
        config: shape of the network.
        objective: training objective and regularisation.
        basis: spline basis that represents chunks by coefficients.
        active: [dimension] bool, False where no training action moves; actions stay 0 there.
        state_active: [dimension] bool, likewise for states.
    """

    spline: Tensor
    projection: Tensor
    active: Tensor
    state_active: Tensor

    def __init__(
        self,
        config: CompactNetworkConfig,
        objective: ObjectiveConfig,
        basis: SplineBasis,
        active: Tensor,
        state_active: Tensor,
    ) -> None:
        super().__init__(config)
        self.objective = objective
        self.noise_shape: tuple[int, ...] = (basis.coefficients, config.dimensions)
        matrix = torch.from_numpy(basis.matrix)
        for name, buffer in (
            ("spline", matrix),
            ("projection", torch.linalg.pinv(matrix)),
            ("active", active),
            ("state_active", state_active),
        ):
            self.register_buffer(name, buffer.float(), persistent=False)

    def forward(self, batch: Batch, draws: Draws) -> Losses:
        """The loss: flow matching on the demonstrated samples, the auxiliary loss on counterfactual samples too.

        In training, the state is noisy or withheld, and a fraction of the undecided samples is counterfactual too, as
        the objective says. In evaluation the state is unchanged, and all undecided samples are counterfactual too.
        """
        inputs, hidden = self._perturbed(batch.inputs, draws)
        chosen, candidate = _with_counterfactuals(
            batch.privileged, draws, self.objective.counterfactual if self.training else 1.0
        )
        joined = Inputs(
            images=inputs.images[chosen],
            available=inputs.available[chosen],
            state=None if inputs.state is None else inputs.state[chosen],
            tokens=batch.privileged["candidate_tokens"][chosen, candidate],
            token_mask=inputs.token_mask[chosen],
        )
        target_m = torch.cat(
            [batch.privileged["candidate_m"][chosen, candidate], batch.privileged["goal_m"][chosen]], -1
        )
        prefix = self.encode(joined, None if hidden is None else hidden[chosen])
        error, flow = self._flow(prefix.repeat(len(batch.actions), self._flow_draws), batch.actions, draws)
        decided = 1.0 + (self.objective.deciding_weight - 1.0) * batch.privileged["deciding"].float()
        if not self.training:
            decided = torch.ones_like(decided)
        demonstrated = len(batch.actions)
        known = batch.privileged["located"][chosen].float()
        weights = decided[chosen] * known
        wrong_m = target_error(prefix.auxiliary_m, target_m)
        others = {
            "auxiliary": Term(auxiliary_loss(prefix.auxiliary_m, target_m), weights, self.objective.auxiliary_weight),
            "data_error": Term(error.detach(), torch.ones_like(error), 0.0),
            "asked_error_cm": Term(100.0 * wrong_m[:demonstrated].detach(), known[:demonstrated], 0.0),
            "other_error_cm": Term(100.0 * wrong_m[demonstrated:].detach(), known[demonstrated:], 0.0),
        }
        return Losses(Term(flow, decided), others)

    def sample(self, inputs: Inputs, noise: Tensor, steps: int, prefix: Prefix | None = None) -> Tensor:
        """[batch, horizon, dimension] normalised actions; see the protocol.

        To continue a prefix, every prediction of the clean chunk is pulled towards it, with `prefix_weights`.
        """
        known = self.encode(inputs)
        # Modulations of all steps at once: one matrix product per layer instead of one per layer and step.
        modulations = self.modulations(torch.arange(steps, device=noise.device) / steps)

        def denoise(noisy: Tensor, step: int) -> Tensor:
            return self.denoise_modulated(known, noisy, tuple(layer[step : step + 1] for layer in modulations))

        if prefix is not None:
            return self.spline @ integrate(partial(self._continued, denoise, prefix), noise, self.active, steps)
        return self.spline @ integrate(denoise, noise, self.active, steps)

    @property
    def _flow_draws(self) -> int:
        return self.objective.flow_draws if self.training else 1

    def _perturbed(self, inputs: Inputs, draws: Draws) -> tuple[Inputs, Tensor | None]:
        """The inputs with a noisy state, and [batch] bool, True where the state is withheld."""
        if inputs.state is None or not self.training:
            return inputs, None
        noise = draws.normal(inputs.state.shape[1]) * self.state_active
        hidden = draws.uniform() < self.objective.state_dropout
        return inputs._replace(state=inputs.state + self.objective.state_noise * noise), hidden

    def _flow(self, prefix: Known, actions: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """[batch] mean squared error of predicted data, and [batch] flow-matching loss."""
        repeats = self._flow_draws
        with torch.autocast(actions.device.type, enabled=False):  # The target stays exact.
            data = self.projection @ actions
        data = repeat(data, "batch coefficient dimension -> (batch draw) coefficient dimension", draw=repeats)
        time = rearrange(flow_times(draws.uniform(repeats)), "batch draw -> (batch draw)")
        noise = rearrange(draws.normal(repeats, *self.noise_shape), "batch draw ... -> (batch draw) ...")
        noisy = interpolate(data, noise * self.active, time)
        error = data_error(self.denoise(prefix, noisy, time), data, self.active)
        per_draw = [
            rearrange(part, "(batch draw) -> batch draw", draw=repeats) for part in (error, error * flow_weights(time))
        ]
        return per_draw[0].mean(1), per_draw[1].mean(1)

    def _continued(self, denoise: Callable[[Tensor, int], Tensor], prefix: Prefix, noisy: Tensor, step: int) -> Tensor:
        coefficients = denoise(noisy, step)
        length = min(prefix.actions.shape[1], len(self.spline))
        weights = noisy.new_zeros(len(self.spline), 1)
        weights[:length] = prefix_weights(length, prefix.delay, prefix.execution_horizon).to(noisy)[:, None]
        before = functional.pad(prefix.actions[:, :length], (0, 0, 0, len(self.spline) - length))
        return coefficients + self.projection @ (weights * (before - self.spline @ coefficients))


def prefix_weights(length: int, delay: int, execution_horizon: int) -> Tensor:
    """[length] weight of the old chunk in a new one: 1 for actions sure to be executed, then falling to 0.

    The schedule of real-time chunking (Black, Galliker, Levine 2025, equation 5): exponential between `delay` and
    `execution_horizon`.
    """
    time = torch.arange(length, dtype=torch.float32)
    remaining = ((execution_horizon - time) / (execution_horizon - delay + 1)).clamp(0.0, 1.0)
    return torch.where(time < delay, 1.0, remaining * torch.expm1(remaining) / (math.e - 1.0))


def auxiliary_loss(predicted_m: Tensor, target_m: Tensor) -> Tensor:
    """[sample] smooth L1 loss of [sample, 6] predictions."""
    loss = functional.smooth_l1_loss(predicted_m, target_m, beta=AUXILIARY_KNEE_M, reduction="none").mean(-1)
    return 2.0 / AUXILIARY_UNIT_M * loss


def target_error(predicted_m: Tensor, target_m: Tensor) -> Tensor:
    """[sample] mean distance per axis of the predicted target, m; the first three of [sample, 6]."""
    return (predicted_m - target_m)[:, :3].abs().mean(-1)


def _with_counterfactuals(privileged: Mapping[str, Tensor], draws: Draws, share: float) -> tuple[Tensor, Tensor]:
    """[n] sample indices, all demonstrated samples before counterfactual ones, and [n] candidate of each."""
    candidate, count = privileged["candidate"], privileged["candidate_count"]
    swapped = torch.nonzero((draws.uniform() < share) & privileged["undecided"]).flatten()
    # A shift by 1 to count - 1, modulo count, hits every other candidate equally often.
    shift = 1 + (draws.uniform() * (count - 1)).long()
    other = (candidate + shift) % count
    everything = torch.arange(len(candidate), device=candidate.device)
    return torch.cat([everything, swapped]), torch.cat([candidate, other[swapped]])
