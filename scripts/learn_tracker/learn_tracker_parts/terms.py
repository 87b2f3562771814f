"""Observations and rewards that mjlab's tracking task does not have. Needs mjlab."""

from __future__ import annotations

import torch
from learn_tracker_parts.stream_command import StreamCommand
from mjlab.envs import ManagerBasedRlEnv
from mjlab.utils.lab_api.math import quat_apply_inverse, yaw_quat


def reference_stream(env: ManagerBasedRlEnv, command_name: str) -> torch.Tensor:
    """[environment, preview * 32] the references that a tracker sees."""
    return _command(env, command_name).stream


def linear_velocity_likeness(env: ManagerBasedRlEnv, command_name: str, std: float) -> torch.Tensor:
    """[environment] 1 where the links move as they should seen from the heading, towards 0 where they do not.

    The stream tells no heading, only how fast it turns: velocities in the world could not be followed.
    """
    command = _command(env, command_name)
    return _likeness(command, command.body_lin_vel_w, command.robot_body_lin_vel_w, std)


def angular_velocity_likeness(env: ManagerBasedRlEnv, command_name: str, std: float) -> torch.Tensor:
    """[environment] 1 where the links turn as they should seen from the heading, towards 0 where they do not."""
    command = _command(env, command_name)
    return _likeness(command, command.body_ang_vel_w, command.robot_body_ang_vel_w, std)


def _likeness(command: StreamCommand, wanted: torch.Tensor, found: torch.Tensor, std: float) -> torch.Tensor:
    wanted = _from_heading(command.anchor_quat_w, wanted)
    found = _from_heading(command.robot_anchor_quat_w, found)
    return torch.exp(-(wanted - found).square().sum(dim=-1).mean(dim=-1) / std**2)


def _from_heading(quat: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """[environment, link, 3] vectors in the frame that shares only the heading of [environment, 4] an orientation."""
    heading = yaw_quat(quat)[:, None, :].expand(*vectors.shape[:2], 4)
    return quat_apply_inverse(heading, vectors)


def _command(env: ManagerBasedRlEnv, name: str) -> StreamCommand:
    command = env.command_manager.get_term(name)
    if not isinstance(command, StreamCommand):
        raise TypeError(f"command '{name}' is {type(command).__name__}, not StreamCommand")
    return command
