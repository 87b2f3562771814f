"""Which episodes a run learns from, and what they have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hlm.core.errors import InputError, MismatchError, UnknownNameError
from hlm.datasets.reader import Dataset, Episode, open_dataset
from hlm.policies.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sources:
    """Episodes of one or several datasets, shared out to learning and validation.

    Attributes:
        embodiment: name of the robot.
        rate_hz: rows per second.
        cameras: what the policy will see, in this order.
        recorded_size: height and width at which these cameras were recorded, px.
        training: episodes to learn from.
        validation: episodes held out.
        counts: per dataset, a line on how many episodes and hours it gives.
    """

    embodiment: str
    rate_hz: float
    cameras: tuple[str, ...]
    recorded_size: tuple[int, int]
    training: tuple[Episode, ...]
    validation: tuple[Episode, ...]
    counts: tuple[str, ...]

    @property
    def optional_cameras(self) -> tuple[str, ...]:
        """Cameras that some training episode lacks, so that the policy learns to do without."""
        return tuple(name for name in self.cameras if any(name not in episode.cameras for episode in self.training))


def open_sources(config: TrainConfig) -> Sources:
    """The episodes that a run is told to learn from.

    Raises:
        MissingFileError: a dataset is not there.
        MismatchError: datasets of different robots, rates or picture sizes.
        UnknownNameError: a camera that no dataset has.
        InputError: no episode has a wanted outcome.
    """
    datasets = [open_dataset(path) for path in config.datasets]
    embodiment = _common("embodiment", [dataset.spec.embodiment for dataset in datasets], config.datasets)
    rate_hz = _common("rate_hz", [dataset.spec.rate_hz for dataset in datasets], config.datasets)
    cameras = _cameras(datasets, config.cameras)
    sizes = [
        (dataset.path, dataset.spec.cameras[name])
        for dataset in datasets
        for name in cameras
        if name in dataset.spec.cameras
    ]
    recorded_size = _common("camera size", [size for _, size in sizes], [path for path, _ in sizes])
    chosen = [_chosen(dataset, config.outcomes, cameras) for dataset in datasets]
    training, validation = _share_out(chosen, config)
    return Sources(
        embodiment=embodiment,
        rate_hz=rate_hz,
        cameras=cameras,
        recorded_size=recorded_size,
        training=training,
        validation=validation,
        counts=tuple(_count(dataset, episodes) for dataset, episodes in zip(datasets, chosen, strict=True)),
    )


def _common[T](name: str, values: Sequence[T], paths: Sequence[Path]) -> T:
    for value, path in zip(values, paths, strict=True):
        if value != values[0]:
            raise MismatchError(
                f"{path} has {name} {value}, {paths[0]} has {values[0]}; one policy learns from one {name}."
            )
    return values[0]


def _cameras(datasets: Sequence[Dataset], wanted: tuple[str, ...]) -> tuple[str, ...]:
    known = list(dict.fromkeys(name for dataset in datasets for name in dataset.spec.cameras))
    for name in wanted:
        if name not in known:
            raise UnknownNameError("camera", name, known)
    if not known:
        raise InputError("the datasets have no camera; the policy needs at least one.")
    return wanted or tuple(known)


def _chosen(dataset: Dataset, outcomes: tuple[str, ...], cameras: tuple[str, ...]) -> list[Episode]:
    found = Counter(episode.info.outcome for episode in dataset)
    chosen = [episode for episode in dataset if episode.info.outcome in outcomes]
    if not chosen:
        has = ", ".join(f"{count} {outcome}" for outcome, count in found.items())
        raise InputError(
            f"{dataset.path} has no episode with outcome {' or '.join(outcomes)}; it has {has}. Choose with --outcomes."
        )
    for episode in chosen:
        if not set(cameras) & set(episode.cameras):
            raise MismatchError(f"{episode.path} has none of the cameras {', '.join(cameras)}.")
    return chosen


def _share_out(chosen: Sequence[list[Episode]], config: TrainConfig) -> tuple[tuple[Episode, ...], tuple[Episode, ...]]:
    """Hold out whole layouts: episodes of one task and scene, or seed, stay together, whatever their instruction."""
    groups: dict[tuple[object, ...], list[Episode]] = {}
    for source, episodes in enumerate(chosen):
        for episode in episodes:
            info = episode.info
            scene = info.extra.get("scene", info.seed)
            key = (info.task, scene) if scene is not None else (source, episode.number, None)
            groups.setdefault(key, []).append(episode)
    layouts = list(groups.values())
    held_out = round(config.validation * len(layouts))
    if config.validation > 0.0 and len(layouts) > 1:
        held_out = min(max(held_out, 1), len(layouts) - 1)
    order = np.random.default_rng(config.seed).permutation(len(layouts))
    held = set(order[:held_out].tolist())
    training = tuple(episode for i, layout in enumerate(layouts) if i not in held for episode in layout)
    validation = tuple(episode for i, layout in enumerate(layouts) if i in held for episode in layout)
    return training, validation


def _count(dataset: Dataset, episodes: Sequence[Episode]) -> str:
    hours = sum(len(episode) for episode in episodes) / dataset.spec.rate_hz / 3600.0
    kinds = Counter(episode.info.source for episode in episodes)
    of = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return f"{dataset.path}: {len(episodes)} of {len(dataset)} episodes ({of}), {hours:.2f} h"
