"""`hlm policy export` and `hlm policy import`: policies to and from LeRobot's format."""

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
    """Export a checkpoint (act, smolvla or pi05) to LeRobot, for `lerobot-rollout --policy.path`.

    LeRobot computes the same actions as hlm; differences are listed. Policies that LeRobot cannot express are refused.

    Attributes:
        path: checkpoint folder.
        target: folder to create; must not exist yet.
    """

    path: Annotated[Path, Place("CHECKPOINT")]
    target: Annotated[Path, Place("TARGET")]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportArguments:
    """Import a policy (act, smolvla or pi05) that LeRobot trained on a dataset in hlm's layout.

    `hlm data convert --to lerobot` creates such datasets. Policies that hlm cannot express are refused.

    Attributes:
        path: folder of the LeRobot policy.
        target: checkpoint folder to create; must not exist yet.
        embodiment: robot that the policy drives.
        rate_hz: actions per second.
    """

    path: Annotated[Path, Place("FOLDER")]
    target: Annotated[Path, Place("TARGET")]
    embodiment: str = "unitree_g1"
    rate_hz: float = 30.0


def export(arguments: Sequence[str]) -> int:
    """Export a checkpoint, and print how LeRobot differs."""
    config = parse(ExportArguments, "hlm policy export", arguments)
    notes = _function("exporting", "export_checkpoint")(config.path, config.target)
    screen = console()
    for note in notes:
        screen.out(f"note: {note}")
    screen.out(f"LeRobot policy: {config.target}")
    return 0


def import_(arguments: Sequence[str]) -> int:
    """Import a policy, and print how many tensors it has."""
    config = parse(ImportArguments, "hlm policy import", arguments)
    importing = _function("importing", "import_policy")
    report = importing(config.path, config.target, embodiment=config.embodiment, rate_hz=config.rate_hz)
    screen = console()
    ignored = f", {len(report.ignored)} unused" if report.ignored else ""
    screen.out(f"{len(report.loaded)} tensors of {config.path}{ignored}")
    screen.out(f"checkpoint: {config.target}")
    return 0


def _function(module: str, name: str) -> Callable[..., Any]:
    """A function of a module that needs LeRobot.

    Raises:
        MissingDependencyError: LeRobot is not installed.
    """
    try:
        found: Callable[..., Any] = getattr(import_module(f"hlm.policies.exchange.{module}"), name)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"exchange with LeRobot needs {error.name}: pip install 'hlm[pi]'.") from error
    return found
