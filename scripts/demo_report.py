"""Report of the demo: a page with the recording, its verification, the training and the evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from demo_plan import DemoConfig, Step
from humanize import naturalsize

from hlm.datasets.reader import Episode, open_dataset
from hlm.datasets.summary import summarize
from hlm.evaluation.film_image import film_image
from hlm.evaluation.report import Clip, Section, write_demo
from hlm.evaluation.results import load_result
from hlm.evaluation.video import VideoWriter
from hlm.policies.checkpoint import read_checkpoint
from hlm.policies.training.saving import PLOT_FILE


def write_report(config: DemoConfig, steps: Mapping[str, Step]) -> Path:
    """Write `report.html` and the videos of the demonstrations.

    Args:
        config: options of the demo, which name the results' paths.
        steps: steps that were run: `record`, `verify`, `train`, `evaluate`.

    Returns:
        Path of the page.

    Raises:
        HlmError: a result of a step is missing or damaged.
    """
    sections = (
        _recording(config, steps["record"]),
        _verification(steps["verify"]),
        _training(config, steps["train"]),
        Section(
            title="Evaluation",
            text=steps["evaluate"].note,
            command=steps["evaluate"].command,
            evaluation=load_result(config.evaluation),
            folder=config.evaluation.name,
        ),
    )
    lead = "Demonstrations, training and evaluation of a whole-body policy for the Unitree G1 in MuJoCo"
    return write_demo(config.out, "hlm demo", sections, lead)


def _recording(config: DemoConfig, step: Step) -> Section:
    dataset = open_dataset(config.dataset)
    summary = summarize(dataset)
    return Section(
        title="Recording",
        text=f"{step.note} The videos show what every camera recorded, at the size at which it is kept.",
        command=step.command,
        facts={
            "dataset": str(dataset.path),
            "episodes": f"{len(dataset)}, {summary.steps} steps at {dataset.spec.rate_hz:g} Hz",
            "cameras": ", ".join(
                f"{name} {width} x {height}" for name, (height, width) in dataset.spec.cameras.items()
            ),
            "size": naturalsize(summary.size_bytes),
        },
        clips=tuple(_clip(episode, config.out, dataset.spec.rate_hz) for episode in dataset),
    )


def _verification(step: Step) -> Section:
    """A fixed text: problems would have stopped the demo before the report."""
    return Section(
        title="Verification",
        text="Every array and every image was read back and checked for damage, gaps, stale inputs, joints beyond "
        "their limits and frozen cameras. No problems were found.",
        command=step.command,
    )


def _training(config: DemoConfig, step: Step) -> Section:
    checkpoint = read_checkpoint(config.policy)
    parameters = sum(weight.numel() for weight in checkpoint.weights.values())
    return Section(
        title="Training",
        text=step.note,
        command=step.command,
        facts={
            "checkpoint": str(config.policy),
            "updates": str(checkpoint.step),
            "parameters": f"{parameters / 1e6:.2f} million",
        },
        images=(config.policy / PLOT_FILE,),
    )


def _clip(episode: Episode, folder: Path, rate_hz: float) -> Clip:
    """A video of a demonstration: the images of all its cameras as they lie in the dataset, and the instruction."""
    path = folder / f"{episode.path.name}.mp4"
    views = {camera: episode.images(camera) for camera in episode.cameras}
    with VideoWriter(path, rate_hz) as video:
        for step in range(len(episode)):
            images = {camera: recorded[step] for camera, recorded in views.items()}
            video.write(film_image(None, images, episode.info.instruction))
    caption = f"episode {episode.number}: {episode.info.instruction}"
    return Clip(path=path.name, caption=caption, success=episode.info.outcome == "success")
