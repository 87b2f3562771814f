"""From noise to actions, freely or as the continuation of a chunk (real-time chunking, arXiv 2506.07339)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hlm.policies.network import Prefix


def integrate(velocity: Callable[[Tensor, int], Tensor], noise: Tensor, steps: int) -> Tensor:
    """[batch, time, dimension] where Euler's method goes from the noise, at flow time 1, to the data, at 0.

    Args:
        velocity: of [batch, time, dimension] points at a step, 0 to `steps` - 1, whose flow time is 1 - step / `steps`.
        noise: [batch, time, dimension] standard normal.
        steps: >= 1.
    """
    actions = noise
    for step in range(steps):
        actions = actions - velocity(actions, step) / steps
    return actions


def continued(velocity: Callable[[Tensor, int], Tensor], noise: Tensor, steps: int, prefix: Prefix | None) -> Tensor:
    """[batch, time, dimension] where the flow goes from the noise; after the prefix, if there is one.

    The actions of the prefix that will have been played come first, as they are; LeRobot's guidance leads from them
    into the new ones.

    Args:
        velocity: see `integrate`.
        noise: [batch, time, dimension] standard normal.
        steps: >= 1.
        prefix: what to continue.
    """
    if prefix is None:
        return integrate(velocity, noise, steps)
    actions = integrate(guided(velocity, prefix, steps), noise, steps)
    sure = min(prefix.delay, prefix.actions.shape[1])
    return torch.cat([prefix.actions[:, :sure].to(actions), actions[:, sure:]], 1)


def guided(velocity: Callable[[Tensor, int], Tensor], prefix: Prefix, steps: int) -> Callable[[Tensor, int], Tensor]:
    """The velocity that also leads to the prefix: LeRobot's guidance.

    Args:
        velocity: of points at a step.
        prefix: what to continue.
        steps: of the integration.
    """
    from lerobot.policies.rtc.configuration_rtc import RTCConfig
    from lerobot.policies.rtc.modeling_rtc import RTCProcessor

    # At this weight one step goes all the way; LeRobot's 10, made for ten steps, overshoots when there are fewer.
    processor = RTCProcessor(RTCConfig(max_guidance_weight=float(steps)))

    def guided_velocity(actions: Tensor, step: int) -> Tensor:
        def free(noisy: Tensor) -> Tensor:
            # LeRobot asks with gradients switched on, but never for one through the network.
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
