"""Any folder that hlm can serve as a policy: its own checkpoints, and openpi's as they are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from hlm.core.errors import MissingDependencyError
from hlm.policies.exchange.openpi_folder import OpenpiOptions, is_openpi
from hlm.policies.trained import TrainedPolicy, load_policy


class Opened(NamedTuple):
    """A policy that is ready to be asked.

    Attributes:
        policy: the policy.
        notes: what the folder does not say and was assumed, a sentence each; none for hlm's own checkpoints.
    """

    policy: TrainedPolicy
    notes: tuple[str, ...] = ()


def open_policy(
    path: Path, *, euler_steps: int | None, device: str, embodiment: str = "unitree_g1", rate_hz: float = 30.0
) -> Opened:
    """The policy in a folder, ready to serve.

    Args:
        path: checkpoint folder of hlm, or of openpi with OpenHLM's 34 dimensions.
        euler_steps: flow steps per chunk; by default, the checkpoint's.
        device: device to compute on, by torch's name.
        embodiment: robot that a policy of openpi drives, which it does not say.
        rate_hz: its actions per second.

    Raises:
        HlmError: as `load_policy` and `hlm.policies.exchange.openpi.open_openpi`.
    """
    if not is_openpi(path):
        return Opened(load_policy(path, euler_steps=euler_steps, device=device))
    try:
        from hlm.policies.exchange.openpi import open_openpi
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"pi0.5 needs {error.name}: pip install 'hlm[pi]'.") from error
    opened = open_openpi(path, OpenpiOptions(), embodiment=embodiment, rate_hz=rate_hz)
    policy = TrainedPolicy(opened.checkpoint, path=path, euler_steps=euler_steps, device=device)
    return Opened(policy, opened.notes)
