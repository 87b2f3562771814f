"""`hlm policy export` and `hlm policy import`: checkpoints to LeRobot, and LeRobot's policies as checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

from hlm.cli.arguments import Place, parse
from hlm.cli.tables import console
from hlm.core.errors import MissingDependencyError


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportArguments:
    """Make a folder of LeRobot's of a checkpoint of kind act, smolvla or pi05, for `lerobot-rollout --policy.path`.

    LeRobot then does the same as hlm, apart from what is said in the end. What it cannot express is refused.

    Attributes:
        path: the checkpoint.
        target: what is made; nothing may be there.
    """

    path: Annotated[Path, Place("CHECKPOINT")]
    target: Annotated[Path, Place("TARGET")]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportArguments:
    """Make a checkpoint of a policy (act, smolvla or pi05) that LeRobot trained on a dataset in hlm's layout.

    `hlm data convert --to lerobot` makes such datasets. What hlm cannot express is refused.

    Attributes:
        path: the folder that LeRobot saved the policy in.
        target: checkpoint that is made; nothing may be there.
        embodiment: robot that the policy drives.
        rate_hz: actions per second.
    """

    path: Annotated[Path, Place("FOLDER")]
    target: Annotated[Path, Place("TARGET")]
    embodiment: str = "unitree_g1"
    rate_hz: float = 30.0


def export(arguments: Sequence[str]) -> int:
    """Make a folder of LeRobot's, and say what LeRobot does otherwise."""
    config = parse(ExportArguments, "hlm policy export", arguments)
    notes = _function("exporting", "export_checkpoint")(config.path, config.target)
    screen = console()
    for note in notes:
        screen.out(f"note: {note}")
    screen.out(f"LeRobot's policy: {config.target}")
    return 0


def import_(arguments: Sequence[str]) -> int:
    """Make a checkpoint, and say how many tensors it took."""
    config = parse(ImportArguments, "hlm policy import", arguments)
    importing = _function("importing", "import_policy")
    report = importing(config.path, config.target, embodiment=config.embodiment, rate_hz=config.rate_hz)
    screen = console()
    ignored = f", {len(report.ignored)} left out" if report.ignored else ""
    screen.out(f"{len(report.loaded)} tensors of {config.path}{ignored}")
    screen.out(f"checkpoint: {config.target}")
    return 0


def _function(module: str, name: str) -> Callable[..., Any]:
    """A function of what needs LeRobot.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        found: Callable[..., Any] = getattr(import_module(f"hlm.policies.exchange.{module}"), name)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"LeRobot's policies need {error.name}: pip install 'hlm[pi]'.") from error
    return found
