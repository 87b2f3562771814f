"""`hlm policy`: what a checkpoint holds, and how it is to be served."""

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
    "info": Verb("hlm.cli.policy:info", "robot, cameras, words, size and training of a checkpoint"),
    "sampling": Verb("hlm.cli.policy:sampling", "change how a checkpoint makes and plays chunks by default"),
    "export": Verb("hlm.cli.policy_exchange:export", "make a folder of LeRobot's of a checkpoint"),
    "import": Verb("hlm.cli.policy_exchange:import_", "make a checkpoint of a policy that LeRobot trained"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class InfoArguments:
    """Show what a checkpoint holds; files that are cut off or cannot be read are found.

    Attributes:
        path: the checkpoint.
        card: print its card, with data and validation figures, as Markdown.
    """

    path: Positional[Path]
    card: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingArguments:
    """Change how a checkpoint makes and plays chunks by default.

    Attributes:
        path: the checkpoint.
        euler_steps: flow steps per chunk.
        execution_horizon: actions of a chunk to execute before the next chunk is due.
    """

    path: Positional[Path]
    euler_steps: int | None = None
    execution_horizon: int | None = None


def run(arguments: Sequence[str]) -> int:
    """Run a verb of `hlm policy`."""
    return dispatch("hlm policy", "Look after trained policies.", VERBS, arguments)


def info(arguments: Sequence[str]) -> int:
    """Print what a checkpoint holds."""
    config = parse(InfoArguments, "hlm policy info", arguments)
    from hlm.policies.checkpoint import CARD_FILE, TRAINING_FILE, read_checkpoint, read_training

    checkpoint = read_checkpoint(config.path)
    screen = console()
    if config.card:
        card = config.path / CARD_FILE
        if not card.is_file():
            raise InputError(f"{config.path} has no {CARD_FILE}")
        screen.out(card.read_text(encoding="utf-8"))
        return 0
    resumable = (config.path / TRAINING_FILE).is_file()
    if resumable:
        read_training(config.path)
    screen.print(facts({"policy": str(config.path)} | _facts(checkpoint) | {"resumable": "yes" if resumable else "no"}))
    return 0


def sampling(arguments: Sequence[str]) -> int:
    """Change how a checkpoint makes and plays chunks by default."""
    config = parse(SamplingArguments, "hlm policy sampling", arguments)
    if config.euler_steps is None and config.execution_horizon is None:
        raise InputError("nothing to change: give --euler-steps, --execution-horizon, or both")
    from hlm.policies.checkpoint_config import set_sampling

    now = set_sampling(config.path, euler_steps=config.euler_steps, execution_horizon=config.execution_horizon)
    console().out(f"{config.path}: {now.euler_steps} Euler steps, {now.execution_horizon} actions per chunk")
    return 0


def _facts(checkpoint: Checkpoint) -> dict[str, str]:
    config = checkpoint.config
    encoding = config.encoding
    sizes = " or ".join(f"{width} x {height}" for height, width in encoding.recorded_sizes)
    optional = [f"{name} (optional)" if name in encoding.optional_cameras else name for name in encoding.cameras]
    parameters = sum(tensor.numel() for tensor in checkpoint.weights.values())
    weights_bytes = sum(tensor.numel() * tensor.element_size() for tensor in checkpoint.weights.values())
    return {
        "kind": config.policy,
        "robot": f"{config.embodiment}, {config.rate_hz:g} Hz",
        "cameras": f"{', '.join(optional)}; {sizes} px, seen at {encoding.image_size[1]} x {encoding.image_size[0]} px",
        "actions": f"{encoding.horizon} {encoding.actions}, {encoding.order} order",
        "proprioception": "yes" if encoding.proprioception else "no",
        **({"words": ", ".join(config.vocabulary.words)} if config.vocabulary is not None else {}),
        "parameters": f"{parameters / 1e6:.2f} million, {naturalsize(weights_bytes)}",
        "trained": f"{checkpoint.step} updates on {_data(config)}",
        "sampling": f"{config.sampling.euler_steps} Euler steps, {config.sampling.execution_horizon} actions per chunk",
    }


def _data(config: CheckpointConfig) -> str:
    """The datasets that a policy learnt from, as its run knows them."""
    listed = config.mixture.get("datasets", [])
    paths = [str(entry["path"]) for entry in listed] or [str(path) for path in config.training.get("datasets", [])]
    return ", ".join(paths) or "unknown data"
