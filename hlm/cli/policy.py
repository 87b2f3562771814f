"""`hlm policy`: what a checkpoint holds, and how it is to be served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from hlm.cli.arguments import parse
from hlm.cli.tables import console, facts, size
from hlm.cli.verbs import Verb, dispatch
from hlm.core.errors import InputError

if TYPE_CHECKING:
    from hlm.policies.checkpoint import Checkpoint

VERBS = {
    "info": Verb("hlm.cli.policy:info", "robot, cameras, words, size and training of a checkpoint"),
    "sampling": Verb("hlm.cli.policy:sampling", "change how a checkpoint makes and plays chunks by default"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class InfoArguments:
    """Show what a checkpoint holds; reads all of it, so that damage is found.

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
        execute: actions of a chunk to play before the next one.
    """

    path: Positional[Path]
    euler_steps: int | None = None
    execute: int | None = None


def run(arguments: Sequence[str]) -> int:
    """Run a verb of `hlm policy`."""
    return dispatch("hlm policy", "Look after trained policies.", VERBS, arguments)


def info(arguments: Sequence[str]) -> int:
    """Print what a checkpoint holds."""
    config = parse(InfoArguments, "hlm policy info", arguments)
    from hlm.policies.checkpoint import CARD_FILE, TRAINING_FILE, read_checkpoint

    checkpoint = read_checkpoint(config.path)
    screen = console()
    if config.card:
        card = config.path / CARD_FILE
        if not card.is_file():
            raise InputError(f"{config.path} has no {CARD_FILE}")
        screen.out(card.read_text(encoding="utf-8"))
        return 0
    resumable = (config.path / TRAINING_FILE).is_file()
    screen.print(facts({"policy": str(config.path)} | _facts(checkpoint) | {"resumable": "yes" if resumable else "no"}))
    return 0


def sampling(arguments: Sequence[str]) -> int:
    """Change how a checkpoint makes and plays chunks by default."""
    config = parse(SamplingArguments, "hlm policy sampling", arguments)
    if config.euler_steps is None and config.execute is None:
        raise InputError("nothing to change: give --euler-steps, --execute, or both")
    from hlm.policies.checkpoint import set_sampling

    now = set_sampling(config.path, euler_steps=config.euler_steps, execute=config.execute)
    console().out(f"{config.path}: {now.euler_steps} Euler steps, {now.execute} actions per chunk")
    return 0


def _facts(checkpoint: Checkpoint) -> dict[str, str]:
    config = checkpoint.config
    height, width = config.recorded_size
    optional = [f"{name} (optional)" if name in config.optional_cameras else name for name in config.cameras]
    parameters = sum(tensor.numel() for tensor in checkpoint.weights.values())
    weights_bytes = sum(tensor.numel() * tensor.element_size() for tensor in checkpoint.weights.values())
    return {
        "kind": config.policy,
        "robot": f"{config.embodiment}, {config.rate_hz:g} Hz",
        "cameras": f"{', '.join(optional)}; {width} x {height} px",
        "words": ", ".join(config.vocabulary.words),
        "parameters": f"{parameters / 1e6:.2f} million, {size(weights_bytes)}",
        "trained": f"{checkpoint.step} updates on {', '.join(config.training.get('datasets', [])) or 'unknown data'}",
        "sampling": f"{config.sampling.euler_steps} Euler steps, {config.sampling.execute} actions per chunk",
    }
