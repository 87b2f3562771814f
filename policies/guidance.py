"""Integration of a flow, free or guided to continue a chunk (real-time chunking, arXiv 2506.07339)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hlm.policies.network import Prefix


def integrate(velocity: Callable[[Tensor, int], Tensor], noise: Tensor, steps: int) -> Tensor:
    """[batch, time, dimension] data, by Euler integration from noise at flow time 1 to data at 0.

    Args:
        velocity: maps [batch, time, dimension] points and the step, 0 to steps - 1, to velocities. Flow time at a step
            is 1 - step / steps.
        noise: [batch, time, dimension] standard normal.
        steps: >= 1.
    """
    actions = noise
    for step in range(steps):
        actions = actions - velocity(actions, step) / steps
    return actions


def continued(velocity: Callable[[Tensor, int], Tensor], noise: Tensor, steps: int, prefix: Prefix | None) -> Tensor:
    """[batch, time, dimension] data at the end of the flow, which continues the prefix if there is one.

    The prefix's actions that will be executed in any case come first, unchanged. LeRobot's guidance leads from them
    into the new ones.

    Args:
        velocity: see `integrate`.
        noise: [batch, time, dimension] standard normal.
        steps: >= 1.
        prefix: actions to continue, or None.
    """
    if prefix is None:
        return integrate(velocity, noise, steps)
    actions = integrate(guided(velocity, prefix, steps), noise, steps)
    sure = min(prefix.delay, prefix.actions.shape[1])
    return torch.cat([prefix.actions[:, :sure].to(actions), actions[:, sure:]], 1)


def guided(velocity: Callable[[Tensor, int], Tensor], prefix: Prefix, steps: int) -> Callable[[Tensor, int], Tensor]:
    """The velocity with LeRobot's guidance towards the prefix.

    Args:
        velocity: unguided velocity, see `integrate`.
        prefix: actions to continue.
        steps: steps of the integration.
    """
    from lerobot.policies.rtc.configuration_rtc import RTCConfig
    from lerobot.policies.rtc.modeling_rtc import RTCProcessor

    # With this weight, one step reaches the prefix. LeRobot's 10 is meant for ten steps and overshoots with fewer.
    processor = RTCProcessor(RTCConfig(max_guidance_weight=float(steps)))

    def guided_velocity(actions: Tensor, step: int) -> Tensor:
        def free(noisy: Tensor) -> Tensor:
            # LeRobot calls this with gradients enabled, but needs none through the network.
            with torch.no_grad():
                return velocity(noisy, step)

        return processor.denoise_step(
            x_t=actions,
            prev_chunk_left_over=prefix.actions,
            inference_delay=prefix.delay,
            time=1.0 - step / steps,
            original_denoise_step_partial=free,
            execution_horizon=prefix.execution_horizon,
        ).detach()

    return guided_velocity
