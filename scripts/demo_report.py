"""Report of the demo: a page with the recording, its verification, the training and the evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from demo_plan import DemoConfig, Step
from humanize import naturalsize

from hlm.core.wording import counted
from hlm.datasets.reader import Episode, open_dataset
from hlm.datasets.summary import summarize
from hlm.evaluation.film_image import film_image
from hlm.evaluation.report import Clip, Section, write_demo
from hlm.evaluation.results import load_result
from hlm.evaluation.video import VideoWriter
from hlm.policies.checkpoint import read_checkpoint
from hlm.policies.training.saving import PLOT_FILE

_RECORDING_TERMS = {
    "dataset": "A folder with all that was recorded: what the robot saw, where its joints were, where they were sent.",
    "episodes": "Demonstrations, and the steps that they are made of.",
    "cameras": "The robot's cameras, and the size of their images in pixels (width x height).",
    "size": "What the dataset takes on disk.",
}
_TRAINING_TERMS = {
    "checkpoint": "A folder with a trained policy and what is needed to go on training it.",
    "updates": "How often training changed the network, each time after a batch of samples; thousands are usual.",
    "parameters": "Numbers in the network that training sets.",
    "loss": "How far the network's actions are from the demonstrated ones, as training measures it; smaller is better.",
    "auxiliary": "Loss of a side task in training: to say where the cup and the mat are.",
    "data error": "Mean squared error of the actions, without the weights that the loss gives to noise and samples.",
    "asked error": "Mistake of the side task about where the cup is that is asked for.",
    "other error": "The same for the other cup, as if that one were asked for.",
}


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
        _evaluation(config, steps["evaluate"]),
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
        terms=_RECORDING_TERMS,
    )


def _evaluation(config: DemoConfig, step: Step) -> Section:
    """Says whose score it is: it stands below a training that has nothing to do with it."""
    comes_with = "the policy that comes with hlm" if config.evaluates_shipped else "another policy"
    learnt = f"{counted(config.episodes, 'demonstration')} and {config.train_minutes:g} min"
    return Section(
        title="Evaluation",
        text=f"This is {comes_with}, {config.checkpoint}, and not the one trained above, which is not evaluated: "
        f"{learnt} are far too little to succeed. {step.note}",
        command=step.command,
        evaluation=load_result(config.evaluation),
        folder=config.evaluation.name,
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
        terms=_TRAINING_TERMS,
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
