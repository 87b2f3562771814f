"""What a policy needs and gives, asked without loading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hlm.cli.sources import EMBODIMENT, LocalPolicy, PolicyConfig, open_policy
from hlm.core.errors import InputError, MismatchError

if TYPE_CHECKING:
    from hlm.core.policy import PolicySpec
    from hlm.policies.checkpoint_config import CheckpointConfig


def policy_spec(policy: PolicyConfig) -> PolicySpec:
    """The spec of a checkpoint, from its description alone, or of a served policy.

    Raises:
        HlmError: the policy cannot be had, not on this robot, or not with this execution horizon.
    """
    if isinstance(policy, LocalPolicy):
        spec = _of_checkpoint(policy)
    else:
        with open_policy(policy) as opened:
            spec = opened.spec
    asked = policy.execution_horizon
    if asked is not None and asked > spec.horizon:
        raise InputError(
            f"--execution-horizon {asked} is more than a chunk has: this policy's have {spec.horizon} actions."
        )
    return spec


def checkpoint_config(policy: LocalPolicy) -> CheckpointConfig:
    """The description of a checkpoint for this robot.

    Raises:
        HlmError: there is no such checkpoint, or it belongs to another robot.
    """
    from hlm.policies.checkpoint_config import must_be_checkpoint, read_config

    must_be_checkpoint(policy.checkpoint)
    config = read_config(policy.checkpoint)
    if config.embodiment != EMBODIMENT.name:
        raise MismatchError(
            f"the policy at {policy.checkpoint} was trained for robot '{config.embodiment}', not for "
            f"'{EMBODIMENT.name}'."
        )
    return config


def _of_checkpoint(policy: LocalPolicy) -> PolicySpec:
    from hlm.policies.digest import folder_digest

    config = checkpoint_config(policy)
    return config.spec(
        execution_horizon=config.sampling.execution_horizon,
        origin=str(policy.checkpoint),
        digest=folder_digest(policy.checkpoint, policy.euler_steps),
    )
