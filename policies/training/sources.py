"""Which episodes a run learns from and validates on, and what they have in common."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from hlm.core.errors import InputError, MismatchError, UnknownNameError
from hlm.datasets.mixture import Mixture, MixtureConfig, MixtureEntry, Part, read_config
from hlm.datasets.reader import Episode
from hlm.datasets.sampler import MixtureSampler
from hlm.policies.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sources:
    """Episodes of a mixture, shared out to learning and validation.

    Attributes:
        mixture: what was asked for.
        names: of the mixture's parts, each once.
        embodiment: name of the robot.
        rate_hz: rows per second.
        cameras: what the policy will see, in this order.
        training: per part, episodes to learn from.
        weights: per part, relative share of the samples.
        validation: episodes held out, of all parts.
        counts: a line per part on how many episodes and hours it gives, and per camera that some episodes lack.
    """

    mixture: MixtureConfig
    names: tuple[str, ...]
    embodiment: str
    rate_hz: float
    cameras: tuple[str, ...]
    training: tuple[tuple[Episode, ...], ...]
    weights: tuple[float, ...]
    validation: tuple[Episode, ...]
    counts: tuple[str, ...]

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """Episodes to learn from, one part after the other."""
        return tuple(episode for part in self.training for episode in part)

    @property
    def optional_cameras(self) -> tuple[str, ...]:
        """Cameras that some training episode lacks, so that the policy learns to do without."""
        return tuple(name for name in self.cameras if any(name not in episode.cameras for episode in self.episodes))

    @property
    def recorded_sizes(self) -> tuple[tuple[int, int], ...]:
        """Each (height, width) in which training episodes have pictures, most frequent first."""
        found = Counter(
            episode.image_size(name) for episode in self.episodes for name in self.cameras if name in episode.cameras
        )
        return tuple(size for size, _ in found.most_common())

    @property
    def rows(self) -> tuple[int, ...]:
        """Samples of each part."""
        return tuple(sum(map(len, part)) for part in self.training)

    @property
    def row_weights(self) -> list[float]:
        """For each training episode, how often each of its rows is drawn."""
        shares = zip(self.training, self.weights, self.rows, strict=True)
        return [weight / rows for part, weight, rows in shares for _ in part]

    def sampler(self, seed: int, *, rank: int, world_size: int, position: int) -> MixtureSampler:
        """Which rows of `episodes` a process draws."""
        return MixtureSampler(
            rows=self.rows, weights=self.weights, seed=seed, rank=rank, world_size=world_size, position=position
        )

    def fractions(self, seed: int, draws: int) -> dict[str, float]:
        """Share of so many samples, drawn by all processes together, that each part gives, by its name."""
        drawn = self.sampler(seed, rank=0, world_size=1, position=0).drawn(draws)
        return {name: count / max(1, draws) for name, count in zip(self.names, drawn, strict=True)}

    def part_of(self, numbers: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """[n] part that each row number belongs to."""
        return np.searchsorted(np.cumsum(self.rows), numbers, side="right")

    def document(self) -> list[list[Any]]:
        """Which episodes a run learns from and validates on, in order: folder, rows, and which of both."""
        parts = {"training": self.episodes, "validation": self.validation}
        return [[episode.path.name, len(episode), part] for part, group in parts.items() for episode in group]


def mixture_config(config: TrainConfig) -> MixtureConfig:
    """The mixture that a run is told to learn from; plain datasets are one in which every row is as likely.

    Raises:
        InputError: none is told.
        HlmError: the file cannot be read or used.
    """
    if not config.datasets and config.mixture is None:
        raise InputError(
            "training needs --datasets PATH... or --mixture FILE, or --resume CHECKPOINT to go on with a run."
        )
    if config.mixture is not None:
        return read_config(config.mixture)
    return MixtureConfig(datasets=tuple(MixtureEntry(path=path, outcome=config.outcomes) for path in config.datasets))


def open_sources(config: TrainConfig, mixture: MixtureConfig) -> Sources:
    """The episodes of a mixture for a run.

    Raises:
        MissingFileError: a dataset is not there.
        MismatchError: datasets of different robots or rates; an episode that has none of the cameras.
        UnknownNameError: a camera that no episode has.
        InputError: filters that leave nothing, or nothing is left to learn from after the validation split.
    """
    opened = Mixture.open(mixture)
    cameras = _cameras(opened, config.cameras)
    held_out = _held_out([part.episodes for part in opened.parts], config)
    training = tuple(
        tuple(episode for episode in part.episodes if id(episode) not in held_out) for part in opened.parts
    )
    for part, left in zip(opened.parts, training, strict=True):
        if not left:
            raise InputError(
                f"validation takes every episode of {part.entry.path}; give it more scenes, or hold out none: "
                "--validation 0."
            )
    return Sources(
        mixture=mixture,
        names=_names(opened.parts),
        embodiment=opened.embodiment,
        rate_hz=opened.rate_hz,
        cameras=cameras,
        training=training,
        weights=tuple(
            float(sum(map(len, left))) if part.entry.weight is None else part.entry.weight
            for part, left in zip(opened.parts, training, strict=True)
        ),
        validation=tuple(episode for episode in opened.episodes if id(episode) in held_out),
        counts=(*(_count(part, opened.rate_hz) for part in opened.parts), *_lacking(opened.episodes, cameras)),
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


def _held_out(parts: Sequence[Sequence[Episode]], config: TrainConfig) -> set[int]:
    """Identities of the episodes to hold out; whole layouts.

    Episodes of one task and scene, or seed, stay together, whatever their instruction and whichever part they are in;
    so does an episode that is in several parts.
    """
    groups: dict[tuple[str | None, str | None], list[Episode]] = {}
    for episode in (episode for episodes in parts for episode in episodes):
        info = episode.info
        scene = info.extra.get("scene", info.seed)
        key = (info.task, json.dumps(scene)) if scene is not None else (str(episode.path.resolve()), None)
        groups.setdefault(key, []).append(episode)
    layouts = list(groups.values())
    wanted = round(config.validation * len(layouts))
    if config.validation > 0.0 and len(layouts) > 1:
        wanted = min(max(wanted, 1), len(layouts) - 1)
    order = np.random.default_rng(config.seed).permutation(len(layouts))
    return {id(episode) for place in order[:wanted] for episode in layouts[place]}


def _names(parts: Sequence[Part]) -> tuple[str, ...]:
    """The datasets' folder names, with a number where one comes several times."""
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
        there = sum(name in episode.cameras for episode in episodes)
        if there < len(episodes):
            yield f"camera {name}: in {there} of {len(episodes)} episodes, masked in the others"


def _count(part: Part, rate_hz: float) -> str:
    hours = part.rows / rate_hz / 3600.0
    kinds = Counter(episode.info.source for episode in part.episodes)
    of = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return f"{part.dataset.path}: {len(part.episodes)} of {len(part.dataset)} episodes ({of}), {hours:.2f} h"
