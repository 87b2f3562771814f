"""Makes a probe: a few steps of a trained network in its environment. Needs mjlab."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from learn_tracker_parts.motion_files import References
from learn_tracker_parts.probe import Probe
from learn_tracker_parts.task import ACTION, ACTOR, COMMAND
from mjlab.rl import RslRlVecEnvWrapper

from hlm.core.arrays import FloatArray
from hlm.core.errors import MismatchError


def probe_of(
    env: RslRlVecEnvWrapper, network: Callable[[torch.Tensor], torch.Tensor], references: References, steps: int
) -> Probe:
    """The first steps of an environment of one robot that plays the first motion, as long as it does not fall.

    Args:
        env: an exact one, see `task.environment_cfg`.
        network: actions for observations.
        references: the motions that it plays.
        steps: how many at most.

    Raises:
        MismatchError: the robot falls at once.
    """
    rows: list[list[FloatArray]] = []
    observations, _ = env.reset()
    data, actions = env.unwrapped.scene["robot"].data, env.unwrapped.action_manager
    command = env.unwrapped.command_manager.get_term(COMMAND)
    last_action = torch.zeros(1, env.num_actions)
    for _ in range(steps):
        seen = observations[ACTOR]
        measured = (
            command.time_steps,
            data.joint_pos_biased,
            data.joint_vel,
            data.root_link_quat_w,
            data.root_link_ang_vel_b,
            last_action,
            seen,
        )
        noted = [value[0].cpu().numpy().copy() for value in measured]
        with torch.inference_mode():
            last_action = network(seen)
            observations, _, dones, _ = env.step(last_action)
        if bool(dones.any()):
            break
        said = (last_action, actions.get_term(ACTION)._processed_actions)  # noqa: SLF001
        rows.append(noted + [value[0].cpu().numpy().copy() for value in said])
    if not rows:
        raise MismatchError("the robot falls at its first step: there is nothing to compare.")
    return Probe(references.stream_of(0), *(np.array(column) for column in zip(*rows, strict=True)))
