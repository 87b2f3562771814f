"""The episodes that a run learns from and validates on, and what they have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from hlm.core.errors import InputError, MismatchError, UnknownNameError
from hlm.core.seeds import SeedRanges, seed_ranges
from hlm.datasets.digest import episode_digest
from hlm.datasets.mixture import Mixture, MixtureConfig, MixtureEntry, Part, read_config
from hlm.datasets.reader import Episode
from hlm.datasets.sampler import MixtureSampler
from hlm.datasets.schema import RECORDING
from hlm.policies.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrainingData:
    """Episodes of a mixture, split into training and validation.

    Attributes:
        mixture: the mixture as configured.
        names: unique names of the mixture's datasets.
        embodiment: name of the robot.
        rate_hz: steps per second.
        cameras: cameras that the policy sees, in this order.
        training: per dataset, the episodes to learn from.
        weights: per dataset, its relative share of the samples.
        validation: held-out episodes, of all datasets.
        summary: a line per dataset with its episodes and hours, and a line per camera that some episodes lack.
    """

    mixture: MixtureConfig
    names: tuple[str, ...]
    embodiment: str
    rate_hz: float
    cameras: tuple[str, ...]
    training: tuple[tuple[Episode, ...], ...]
    weights: tuple[float, ...]
    validation: tuple[Episode, ...]
    summary: tuple[str, ...]

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """Episodes to learn from, dataset by dataset."""
        return tuple(episode for episodes in self.training for episode in episodes)

    @property
    def optional_cameras(self) -> tuple[str, ...]:
        """Cameras that some training episode lacks, so that the policy learns to do without them."""
        return tuple(name for name in self.cameras if any(name not in episode.cameras for episode in self.episodes))

    @property
    def recorded_sizes(self) -> tuple[tuple[int, int], ...]:
        """Each (height, width) of the training images as recorded, most frequent first."""
        found = Counter(
            episode.image_size(name) for episode in self.episodes for name in self.cameras if name in episode.cameras
        )
        return tuple(size for size, _ in found.most_common())

    @property
    def steps(self) -> tuple[int, ...]:
        """Number of samples of each dataset, one per step."""
        return tuple(sum(map(len, episodes)) for episodes in self.training)

    @property
    def seeds(self) -> dict[str, SeedRanges]:
        """By task, the seeds of the episodes to learn from; episodes without a task or a seed are of no seed."""
        seeds: dict[str, list[int]] = {}
        for episode in self.episodes:
            if episode.info.task and episode.info.seed is not None:
                seeds.setdefault(episode.info.task, []).append(episode.info.seed)
        return {task: seed_ranges(of_task) for task, of_task in seeds.items()}

    @property
    def step_weights(self) -> list[float]:
        """Per training episode, how often each of its steps is drawn."""
        shares = zip(self.training, self.weights, self.steps, strict=True)
        return [weight / steps for episodes, weight, steps in shares for _ in episodes]

    def sampler(self, seed: int, *, rank: int, world_size: int, position: int) -> MixtureSampler:
        """The samples of `episodes` that a process draws, by number."""
        return MixtureSampler(
            sizes=self.steps, weights=self.weights, seed=seed, rank=rank, world_size=world_size, position=position
        )

    def fractions(self, seed: int, draws: int) -> dict[str, float]:
        """Realised fraction of each dataset, by name, among the first `draws` samples of all processes together."""
        drawn = self.sampler(seed, rank=0, world_size=1, position=0).drawn(draws)
        return {name: count / max(1, draws) for name, count in zip(self.names, drawn, strict=True)}

    def dataset_of(self, numbers: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """[n] index of the dataset that each of [n] sample numbers belongs to."""
        return np.searchsorted(np.cumsum(self.steps), numbers, side="right")

    def document(self) -> list[list[Any]]:
        """Folder, length, use and digest of every episode, in order: what must be the same when a run is resumed."""
        uses = {"training": self.episodes, "validation": self.validation}
        return [
            [episode.path.name, len(episode), use, episode_digest(episode)]
            for use, episodes in uses.items()
            for episode in episodes
        ]


def mixture_config(config: TrainConfig) -> MixtureConfig:
    """The mixture to train on; plain datasets become one in which every step is equally likely.

    Raises:
        InputError: neither datasets nor a mixture are given.
        HlmError: the file cannot be read or used.
    """
    if not config.datasets and config.mixture is None:
        raise InputError(
            "training needs --datasets PATH... or --mixture FILE, or --resume CHECKPOINT to continue a run."
        )
    if config.mixture is not None:
        return read_config(config.mixture)
    return MixtureConfig(datasets=tuple(MixtureEntry(path=path, outcome=config.outcomes) for path in config.datasets))


def open_training_data(config: TrainConfig, mixture: MixtureConfig) -> TrainingData:
    """The episodes of a mixture, split for a run.

    Raises:
        MissingFileError: a dataset is missing.
        MismatchError: datasets of different robots or rates; an episode that has none of the cameras.
        UnknownNameError: a camera that no episode has.
        InputError: the filters leave nothing, or the validation split leaves nothing to learn from.
    """
    opened = Mixture.open(mixture)
    cameras = _cameras(opened, config.cameras)
    held_out = _held_out([part.episodes for part in opened.parts], config)
    training = tuple(
        tuple(episode for episode in part.episodes if id(episode) not in held_out) for part in opened.parts
    )
    for part, episodes in zip(opened.parts, training, strict=True):
        if not episodes:
            raise InputError(
                f"validation holds out every episode of {part.entry.path}; add more scenes, or hold out none: "
                "--validation-fraction 0."
            )
    return TrainingData(
        mixture=mixture,
        names=_names(opened.parts),
        embodiment=opened.embodiment,
        rate_hz=opened.rate_hz,
        cameras=cameras,
        training=training,
        weights=tuple(
            float(sum(map(len, episodes))) if part.entry.weight is None else part.entry.weight
            for part, episodes in zip(opened.parts, training, strict=True)
        ),
        validation=tuple(episode for episode in opened.episodes if id(episode) in held_out),
        summary=(*(_summary(part, opened.rate_hz) for part in opened.parts), *_lacking(opened.episodes, cameras)),
    )


def _cameras(mixture: Mixture, wanted: tuple[str, ...]) -> tuple[str, ...]:
    for name in wanted:
        if name not in mixture.cameras:
            raise UnknownNameError("camera", name, mixture.cameras)
    cameras = wanted or mixture.cameras
    if not cameras:
        raise InputError("the datasets have no camera; the policy needs at least one.")
    for episode in mixture.episodes:
        if not set(cameras) & set(episode.cameras):
            raise MismatchError(f"{episode.path} has none of the cameras {', '.join(cameras)}; leave it out.")
    return cameras


def _held_out(datasets: Sequence[Sequence[Episode]], config: TrainConfig) -> set[int]:
    """Identities of the episodes to hold out, whole scenes at a time.

    Episodes of one task and scene (or seed) stay together, whatever their instruction and dataset; so do the pieces of
    a recording, and an episode that is in several datasets of the mixture.
    """
    groups: dict[tuple[str, int | None], list[Episode]] = {}
    for episode in (episode for episodes in datasets for episode in episodes):
        info = episode.info
        scene = info.seed if info.scene is None else info.scene
        alone = str(info.extra.get(RECORDING) or episode.path.resolve())
        key = (info.task, scene) if scene is not None else (alone, None)
        groups.setdefault(key, []).append(episode)
    scenes = list(groups.values())
    wanted = round(config.validation_fraction * len(scenes))
    if config.validation_fraction > 0.0 and len(scenes) > 1:
        wanted = min(max(wanted, 1), len(scenes) - 1)
    order = np.random.default_rng(config.seed).permutation(len(scenes))
    return {id(episode) for place in order[:wanted] for episode in scenes[place]}


def _names(parts: Sequence[Part]) -> tuple[str, ...]:
    """The datasets' folder names, numbered where one occurs several times."""
    plain = [part.entry.path.stem for part in parts]
    names: list[str] = []
    for stem in plain:
        numbered = (f"{stem}_{number}" for number in count(1))
        free = (name for name in numbered if name not in names and name not in plain)
        names.append(stem if plain.count(stem) == 1 else next(free))
    return tuple(names)


def _lacking(episodes: Sequence[Episode], cameras: Sequence[str]) -> Iterator[str]:
    """A line for each camera that some episodes lack."""
    for name in cameras:
        count = sum(name in episode.cameras for episode in episodes)
        if count < len(episodes):
            yield f"camera {name}: in {count} of {len(episodes)} episodes, masked in the others"


def _summary(part: Part, rate_hz: float) -> str:
    hours = part.steps / rate_hz / 3600.0
    sources = Counter(episode.info.source for episode in part.episodes)
    of = ", ".join(f"{count} {source}" for source, count in sources.items())
    return f"{part.dataset.path}: {len(part.episodes)} of {len(part.dataset)} episodes ({of}), {hours:.2f} h"
