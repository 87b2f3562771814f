"""`hlm policy export` and `hlm policy import`: policies to LeRobot's format, and from LeRobot's and openpi's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

from hlm.cli.arguments import Place, parse
from hlm.cli.tables import console
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.errors import InputError, MissingDependencyError
from hlm.policies.exchange.openpi_folder import OpenpiOptions, is_openpi


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
    """Import a LeRobot policy (act, smolvla or pi05) or an openpi policy (pi0.5, as OpenHLM trains it).

    LeRobot's must have been trained on a dataset in hlm's layout, which `hlm data convert --to lerobot` creates.
    openpi's is a folder with model.safetensors and assets/NAME/norm_stats.json, and OpenHLM's 34 dimensions. Policies
    that hlm cannot express are refused.

    Attributes:
        path: folder of the policy.
        target: checkpoint folder to create; must not exist yet.
        embodiment: robot that the policy drives.
        rate_hz: actions per second.
        actions: openpi only: whether joints are absolute (by default), or relative to the state (openpi's deltas).
        horizon: openpi only: actions of a chunk; by default 50.
        tokenizer: openpi only: folder or Hugging Face name of PaliGemma's tokenizer; by default, the folder
            `tokenizer` beside the weights, or the published one.
        norm_stats: openpi only: file of the statistics, if the folder has none or several.
    """

    path: Annotated[Path, Place("FOLDER")]
    target: Annotated[Path, Place("TARGET")]
    embodiment: str = "unitree_g1"
    rate_hz: float = 30.0
    actions: Literal["absolute", "relative"] | None = None
    horizon: int | None = None
    tokenizer: str | None = None
    norm_stats: Path | None = None


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
    if not 0.0 < config.rate_hz < math.inf:
        raise InputError(f"--rate-hz must be positive, got {config.rate_hz:g}.")
    find_embodiment(config.embodiment)
    of_openpi = {name: getattr(config, name) for name in ("actions", "horizon", "tokenizer", "norm_stats")}
    given = {name: value for name, value in of_openpi.items() if value is not None}
    robot = {"embodiment": config.embodiment, "rate_hz": config.rate_hz}
    notes: tuple[str, ...] = ()
    if config.norm_stats is not None or is_openpi(config.path):
        options = OpenpiOptions(**given)
        _, report, notes = _function("openpi", "import_openpi")(config.path, config.target, options, **robot)
    elif given:
        option = f"--{next(iter(given)).replace('_', '-')}"
        raise InputError(f"{option} is for openpi policies only, and {config.path} has no assets/*/norm_stats.json.")
    else:
        report = _function("importing", "import_policy")(config.path, config.target, **robot)
    screen = console()
    for note in notes:
        screen.out(f"note: {note}")
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
        raise MissingDependencyError(f"the exchange of policies needs {error.name}: pip install 'hlm[pi]'.") from error
    return found
