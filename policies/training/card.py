"""The page that tells people what a checkpoint is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hlm.core.layout import GROUPS
from hlm.policies.checkpoint import Checkpoint
from hlm.policies.training.validation import Validation


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """What a card tells about the run.

    Attributes:
        command: what was typed.
        counts: a line per dataset.
        training_episodes: learnt from.
        validation_episodes: held out.
        step: updates made.
        steps: updates planned.
        batch: samples per update.
        seed: of the run.
        hours: training time.
    """

    command: str
    counts: Sequence[str]
    training_episodes: int
    validation_episodes: int
    step: int
    steps: int | None
    batch: int
    seed: int
    hours: float


def card(checkpoint: Checkpoint, facts: RunFacts, validation: Validation | None) -> str:
    """Markdown page about a checkpoint."""
    config = checkpoint.config
    parameters = sum(tensor.numel() for tensor in checkpoint.weights.values())
    height, width = config.recorded_size
    planned = "" if facts.step == facts.steps else f" of {facts.steps or 'an unknown number of'} planned: unfinished"
    lines = [
        f"# Policy for {config.embodiment}",
        "",
        f"- kind: {config.policy}, {parameters / 1e6:.2f} million parameters",
        f"- cameras: {', '.join(config.cameras)} at {height} x {width} px (height x width), {config.rate_hz:g} Hz",
        f"- chunks of {config.network.size.horizon} absolute actions",
        f"- suggested: {config.sampling.euler_steps} Euler steps, execute {config.sampling.execute} actions of a chunk",
        f"- words: {', '.join(config.vocabulary.words)}",
        "",
        "## Training",
        "",
        *[f"- data: {count}" for count in facts.counts],
        f"- {facts.training_episodes} episodes learnt from, {facts.validation_episodes} held out",
        f"- {facts.step} updates{planned}, {facts.batch} samples each, seed {facts.seed}, {facts.hours:.2f} h",
        f"- command: `{facts.command or 'not run from the command line'}`",
        "",
    ]
    return "\n".join([*lines, *(_validation_lines(validation) if validation is not None else ())])


def describe(validation: Validation) -> str:
    """One line on a validation."""
    chunks = ", ".join(f"{errors.square:.4f} with {errors.euler_steps}" for errors in validation.chunks)
    return (
        f"validation: flow {validation.flow:.4f}; chunk error {chunks} Euler steps; "
        f"target {_centimetres(validation.asked_error_m)}, other object named {_centimetres(validation.other_error_m)}"
    )


def _validation_lines(validation: Validation) -> list[str]:
    steps = [f"Euler steps: {errors.euler_steps}" for errors in validation.chunks]
    rows: list[tuple[str, Mapping[int, str]]] = [
        ("mean squared error, normalised", {i: f"{errors.square:.4f}" for i, errors in enumerate(validation.chunks)}),
        ("jerk, demonstrations = 1", {i: f"{errors.jerk:.2f}" for i, errors in enumerate(validation.chunks)}),
    ]
    for part in GROUPS:
        cells = {i: f"{errors.absolute[part]:.4f}" for i, errors in enumerate(validation.chunks)}
        rows.append((f"mean absolute error, {part}", cells))
    return [
        "## Validation",
        "",
        "Sampled chunks against demonstrated ones, on episodes that were held out. Absolute errors in rad; "
        "rad/s for the yaw rate, which is in root; share of the opening for grippers.",
        "",
        f"| | {' | '.join(steps)} |",
        f"|---|{'---:|' * len(steps)}",
        *[f"| {name} | {' | '.join(cells.values())} |" for name, cells in rows],
        "",
        f"Flow-matching loss {validation.flow:.4f}. The predicted target is off by "
        f"{_centimetres(validation.asked_error_m)} per axis as demonstrated, by "
        f"{_centimetres(validation.other_error_m)} when the instruction names the other object.",
        "",
    ]


def _centimetres(distance_m: float) -> str:
    return "unknown" if math.isnan(distance_m) else f"{100.0 * distance_m:.2f} cm"
