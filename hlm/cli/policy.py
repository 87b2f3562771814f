"""`hlm policy`: show checkpoints, and set how they are sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from humanize import naturalsize

from hlm.cli.arguments import Positional, parse
from hlm.cli.tables import console, facts
from hlm.cli.verbs import Verb, dispatch
from hlm.core.errors import InputError

if TYPE_CHECKING:
    from hlm.policies.checkpoint import Checkpoint
    from hlm.policies.checkpoint_config import CheckpointConfig

VERBS = {
    "info": Verb("hlm.cli.policy:info", "show robot, cameras, vocabulary, size and training of a checkpoint"),
    "sampling": Verb("hlm.cli.policy:sampling", "set the default Euler steps and execution horizon of a checkpoint"),
    "export": Verb("hlm.cli.policy_exchange:export", "export a checkpoint to LeRobot"),
    "import": Verb("hlm.cli.policy_exchange:import_", "import a policy that LeRobot or openpi trained"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class InfoArguments:
    """Show what a checkpoint holds, and check that its files can be read.

    Attributes:
        path: checkpoint folder.
        card: print the checkpoint's card instead: data and validation, as Markdown.
    """

    path: Positional[Path]
    card: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingArguments:
    """Set the default Euler steps and execution horizon of a checkpoint.

    Attributes:
        path: checkpoint folder.
        euler_steps: flow steps per chunk.
        execution_horizon: actions of a chunk to execute before the next chunk is due.
    """

    path: Positional[Path]
    euler_steps: int | None = None
    execution_horizon: int | None = None


def run(arguments: Sequence[str]) -> int:
    """Run a verb of `hlm policy`."""
    return dispatch("hlm policy", "Show, configure, export and import trained policies.", VERBS, arguments)


def info(arguments: Sequence[str]) -> int:
    """Print what a checkpoint holds."""
    config = parse(InfoArguments, "hlm policy info", arguments)
    from hlm.policies.card_data import CARD_FILE
    from hlm.policies.checkpoint import TRAINING_FILE, read_checkpoint, read_training

    checkpoint = read_checkpoint(config.path)
    screen = console()
    if config.card:
        card = config.path / CARD_FILE
        if not card.is_file():
            raise InputError(f"{config.path} has no {CARD_FILE}")
        screen.out(card.read_text(encoding="utf-8", errors="replace"))
        return 0
    resumable = (config.path / TRAINING_FILE).is_file()
    if resumable:
        read_training(config.path)
    more = {
        "checksums": _checked(config.path),
        "resumable": "yes" if resumable else "no",
    }
    screen.print(facts({"policy": str(config.path)} | _facts(checkpoint) | more))
    return 0


def sampling(arguments: Sequence[str]) -> int:
    """Set the default Euler steps and execution horizon of a checkpoint."""
    config = parse(SamplingArguments, "hlm policy sampling", arguments)
    if config.euler_steps is None and config.execution_horizon is None:
        raise InputError("nothing to change: give --euler-steps, --execution-horizon, or both")
    from hlm.policies.checkpoint_config import set_sampling

    now = set_sampling(config.path, euler_steps=config.euler_steps, execution_horizon=config.execution_horizon)
    console().out(f"{config.path}: {now.euler_steps} Euler steps, execution horizon {now.execution_horizon} actions")
    return 0


def _checked(path: Path) -> str:
    """Which files of a checkpoint that could be read have a checksum."""
    from hlm.policies.checkpoint import SUMMED_FILES
    from hlm.policies.checksums import read_checksums

    listed = read_checksums(path)
    if not listed:
        return "none; an older hlm wrote it"
    unlisted = [name for name in SUMMED_FILES if (path / name).is_file() and name not in listed]
    return f"none of {', '.join(unlisted)}; the others are right" if unlisted else "right"


def _facts(checkpoint: Checkpoint) -> dict[str, str]:
    from hlm.policies.digest import policy_digest

    config = checkpoint.config
    encoding, sampling = config.encoding, config.sampling
    sizes = " or ".join(f"{width} x {height}" for height, width in encoding.recorded_sizes)
    optional = [f"{name} (optional)" if name in encoding.optional_cameras else name for name in encoding.cameras]
    parameters = sum(tensor.numel() for tensor in checkpoint.weights.values())
    weights_bytes = sum(tensor.numel() * tensor.element_size() for tensor in checkpoint.weights.values())
    return {
        "type": config.policy,
        "robot": f"{config.embodiment}, {config.rate_hz:g} Hz",
        "cameras": f"{', '.join(optional)}; {sizes} px, seen at {encoding.image_size[1]} x {encoding.image_size[0]} px",
        "actions": f"{encoding.horizon} {encoding.actions}, {encoding.order} order",
        "proprioception": "yes" if encoding.proprioception else "no",
        **({"vocabulary": ", ".join(config.vocabulary.words)} if config.vocabulary is not None else {}),
        "parameters": f"{parameters / 1e6:.2f} million, {naturalsize(weights_bytes)}",
        "trained": f"{checkpoint.step} updates on {_data(config)}",
        "digest": policy_digest(checkpoint, sampling)[:16],
        "sampling": f"{sampling.euler_steps} Euler steps, execution horizon {sampling.execution_horizon} actions",
    }


def _data(config: CheckpointConfig) -> str:
    """The datasets that a policy was trained on, by the paths in its config."""
    listed = config.mixture.get("datasets", [])
    paths = [str(entry["path"]) for entry in listed] or [str(path) for path in config.training.get("datasets", [])]
    return ", ".join(paths) or "unknown data"
