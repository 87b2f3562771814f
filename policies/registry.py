"""Trained policies by the path of their checkpoint."""

from __future__ import annotations

from pathlib import Path

from hlm.core.errors import MismatchError
from hlm.policies.checkpoint import read_checkpoint
from hlm.policies.trained import TrainedPolicy


def load_policy(
    path: Path | str,
    *,
    euler_steps: int | None = None,
    device: str = "cpu",
    seed: int = 0,
    embodiment: str | None = None,
) -> TrainedPolicy:
    """The policy in a checkpoint folder, ready to serve.

    Args:
        path: the folder.
        euler_steps: flow steps per chunk; as the checkpoint says by default.
        device: where to compute, as torch names it.
        seed: of the noise that chunks start from.
        embodiment: robot that it is going to drive; unchecked by default.

    Raises:
        MissingFileError: there is no checkpoint; the text names the nearest one.
        CorruptError: a file of it is damaged.
        MismatchError: it was trained for another robot, or written by a newer hlm.
        UnknownNameError: a kind of policy that this hlm does not have.
        MissingDependencyError: what its kind is built on is not installed.
    """
    checkpoint = read_checkpoint(path)
    trained = checkpoint.config.embodiment
    if embodiment is not None and embodiment != trained:
        raise MismatchError(f"the policy at {path} was trained for robot '{trained}', not for '{embodiment}'.")
    return TrainedPolicy(checkpoint, path=Path(path), euler_steps=euler_steps, device=device, seed=seed)
