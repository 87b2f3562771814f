"""The card of a checkpoint: a Markdown page for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hlm.core.layout import GROUPS
from hlm.policies.card_data import data_line
from hlm.policies.checkpoint import Checkpoint
from hlm.policies.load_report import LoadReport
from hlm.policies.training.validation import Validation


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """Facts about the run for the card.

    Attributes:
        command: command line.
        data: a line per dataset.
        fractions: realised fraction of each dataset, by name.
        training_episodes: number of episodes trained on.
        validation_episodes: number of episodes held out.
        step: updates made.
        steps: updates planned; None if unknown.
        batch_size: samples per update in each process.
        processes: number of processes.
        seed: seed of the run.
        hours: training time, h.
        loaded: report on pretrained weights, if any were loaded.
    """

    command: str
    data: Sequence[str]
    fractions: Mapping[str, float]
    training_episodes: int
    validation_episodes: int
    step: int
    steps: int | None
    batch_size: int
    processes: int
    seed: int
    hours: float
    loaded: LoadReport | None


def card(checkpoint: Checkpoint, facts: RunFacts, validation: Validation | None) -> str:
    """The card as Markdown."""
    config = checkpoint.config
    parameters = sum(tensor.numel() for tensor in checkpoint.weights.values())
    encoding, sampling = config.encoding, config.sampling
    sizes = " or ".join(f"{height} x {width}" for height, width in encoding.recorded_sizes)
    planned = "" if facts.step == facts.steps else f" of {facts.steps or 'an unknown number of'} planned: unfinished"
    lines = [
        f"# Policy for {config.embodiment}",
        "",
        f"- policy type: {config.policy}, {parameters / 1e6:.2f} million parameters",
        f"- cameras: {', '.join(encoding.cameras)}, recorded at {sizes} px (height x width), {config.rate_hz:g} Hz",
        f"- chunks of {encoding.horizon} {encoding.actions} actions, {encoding.order} order",
        f"- proprioception: {'yes' if encoding.proprioception else 'no'}",
        f"- sampling: {sampling.euler_steps} Euler steps, execution horizon {sampling.execution_horizon} actions",
        *([f"- words: {', '.join(config.vocabulary.words)}"] if config.vocabulary is not None else []),
        "",
        "## Training",
        "",
        *map(data_line, facts.data),
        f"- {facts.training_episodes} training episodes, {facts.validation_episodes} held out",
        *[f"- realised fraction of {name}: {share:.4f}" for name, share in facts.fractions.items()],
        f"- {facts.step} updates{planned}, {facts.batch_size * facts.processes} samples each, seed {facts.seed}, "
        f"{facts.hours:.2f} h{f' on {facts.processes} processes' if facts.processes > 1 else ''}",
        f"- command{f', in each of {facts.processes} processes' if facts.processes > 1 else ''}: "
        f"`{facts.command or 'not run from the command line'}`",
        "",
        *(_validation_lines(validation) if validation is not None else ()),
        *(_loaded_lines(facts.loaded) if facts.loaded is not None else ()),
    ]
    return "\n".join(lines)


def describe(validation: Validation) -> str:
    """One line about a validation."""
    # Where no action moves, chunks have no error.
    known = [errors for errors in validation.chunks if not math.isnan(errors.square)]
    chunks = ", ".join(f"{errors.square:.4f} with {errors.euler_steps}" for errors in known)
    others = [f"{name} {value:.4g}" for name, value in validation.terms.items() if name != "loss" and value == value]
    chunk_error = f"chunk error {chunks} Euler steps" if known else ""
    figures = [f"loss {validation.terms['loss']:.4f}", chunk_error, ", ".join(others)]
    return f"validation: {'; '.join(figure for figure in figures if figure)}"


def _loaded_lines(report: LoadReport) -> list[str]:
    """Pretrained tensors by what became of them and why; those loaded unchanged only counted."""
    lines = ["## Pretrained weights", "", f"- {report.origin}: {len(report.loaded)} tensors loaded unchanged"]
    for name, tensors in (
        ("resized", report.resized),
        ("newly initialised", report.random),
        ("unused", report.ignored),
    ):
        for why in dict.fromkeys(tensors.values()):
            named = [tensor for tensor, reason in tensors.items() if reason == why]
            lines.append(f"- {len(named)} {name} ({why}): {', '.join(named)}")
    return [*lines, ""]


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
        f"After {validation.step} updates: sampled chunks compared with demonstrated ones, on held-out episodes. "
        "Absolute errors in rad; "
        "rad/s for the yaw rate, which is in root; fraction of the opening for grippers.",
        "",
        f"| | {' | '.join(steps)} |",
        f"|---|{'---:|' * len(steps)}",
        *[f"| {name} | {' | '.join(cells.values())} |" for name, cells in rows],
        "",
        "; ".join(f"{name} {value:.4g}" for name, value in validation.terms.items() if value == value) + ".",
        "",
    ]
