"""The page that the demo ends with: what was recorded, checked, learnt and scored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from demo_plan import DemoConfig, Step
from humanize import naturalsize

from hlm.core.errors import InputError
from hlm.datasets.reader import Episode, open_dataset
from hlm.datasets.summary import summarize
from hlm.evaluation.report import Clip, Section, write_demo
from hlm.evaluation.results import load_result
from hlm.evaluation.video import VideoWriter
from hlm.policies.checkpoint import read_checkpoint
from hlm.policies.training.saving import PLOT_FILE

CLIP_CAMERAS = ("head", "right_wrist")
CLIP_SCALE = 2


def write_report(config: DemoConfig, steps: Mapping[str, Step]) -> Path:
    """Write `report.html` and the films of the demonstrations, and return the page's path.

    Args:
        config: says where everything is.
        steps: what was run: `record`, `verify`, `train`, `evaluate`.

    Raises:
        HlmError: something that the steps should have left is not there.
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
        text=f"{step.note} The films show what a policy gets to see: the head camera and the right wrist camera.",
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
    """What the check found: a problem would have ended the demo before there is a report."""
    return Section(
        title="Verification",
        text="Every array and every picture was read back and checked for damage, gaps, stale inputs, joints beyond "
        "their limits and frozen cameras. Nothing is wrong.",
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
    """A film of a demonstration, made of the dataset's own pictures."""
    film = side_by_side(episode)
    path = folder / f"{episode.path.name}.mp4"
    with VideoWriter(path, rate_hz, (film.shape[1], film.shape[2])) as video:
        for picture in film:
            video.write(picture)
    caption = f"episode {episode.number}: {episode.info.instruction}"
    return Clip(path=path.name, caption=caption, success=episode.info.outcome == "success")


def side_by_side(episode: Episode) -> np.ndarray:
    """[time, height, width, 3] uint8 RGB pictures of the cameras beside each other, enlarged without smoothing.

    Raises:
        InputError: the episode has none of the cameras that a film shows.
    """
    cameras = [camera for camera in CLIP_CAMERAS if camera in episode.cameras]
    if not cameras:
        raise InputError(f"{episode.path} has none of the cameras {', '.join(CLIP_CAMERAS)} to make a film of.")
    views = np.concatenate([episode.images(camera) for camera in cameras], axis=2)
    return views.repeat(CLIP_SCALE, axis=1).repeat(CLIP_SCALE, axis=2)
