"""Mixtures of datasets for training: the episodes of each dataset, its share, and its instructions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from hlm.core.documents import from_document
from hlm.core.errors import InputError, MismatchError, MissingFileError
from hlm.core.files import in_home
from hlm.core.serialization import read_yaml
from hlm.datasets.reader import Dataset, Episode, open_dataset
from hlm.datasets.sampler import MixtureSampler
from hlm.datasets.selection import Selection, parse_selection
from hlm.datasets.statistics import Statistics
from hlm.datasets.statistics_cache import cached_statistics

LARGEST_WEIGHT = 1e100
"""Weights count by their ratios; the sum of larger ones might overflow."""
_TEXT_FILTERS = ("source", "outcome", "instruction", "task")
_NUMBER_FILTERS = ("first", "subset")


@dataclass(frozen=True, kw_only=True, slots=True)
class MixtureEntry:
    """A dataset of a mixture. Filters apply in the order in which they are listed here; `*` stands for any text.

    Attributes:
        path: folder of the dataset; in a file, relative to the file's folder.
        weight: relative share of the samples. Give all datasets a weight, or none: then all steps of all datasets are
            equally likely.
        source: keep episodes from these sources. All by default.
        outcome: keep episodes with these outcomes.
        instruction: keep episodes with these instructions. All by default.
        task: keep episodes of these tasks. All by default.
        first: keep this many episodes, lowest numbers first. All by default.
        subset: keep this many episodes, drawn with the mixture's seed. A smaller subset is part of any larger one.
        prompt: instruction to use instead of the recorded ones.
    """

    path: Path
    weight: float | None = None
    source: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ("success",)
    instruction: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    first: int | None = None
    subset: int | None = None
    prompt: str | None = None

    def __post_init__(self) -> None:
        """Check ranges and names.

        Raises:
            InputError: a weight that is not positive or too large, a number of episodes below 1, or an empty prompt.
            UnknownNameError: an unknown source or outcome.
        """
        if self.weight is not None and not (self.weight > 0.0 and math.isfinite(self.weight)):
            raise InputError(
                f"the weight of {self.path} must be positive, got {self.weight:g}; to leave it out, drop its entry."
            )
        if self.weight is not None and self.weight > LARGEST_WEIGHT:
            raise InputError(f"the weight of {self.path} must be at most {LARGEST_WEIGHT:g}, got {self.weight:g}.")
        for name in _NUMBER_FILTERS:
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InputError(f"'{name}' of {self.path} must be at least 1, got {number}.")
        if self.prompt is not None and not self.prompt.strip():
            raise InputError(f"the prompt of {self.path} is empty; drop it to keep the recorded instructions.")
        for name in _TEXT_FILTERS:
            self.condition(name)

    def condition(self, name: str) -> Selection:
        """The filter on `name`, one of source, outcome, instruction and task."""
        return parse_selection([f"{name}={value}" for value in getattr(self, name)])


@dataclass(frozen=True, kw_only=True, slots=True)
class MixtureConfig:
    """Configuration of a mixture.

    Attributes:
        datasets: at least one; the same dataset may be listed again with other filters.
        seed: seed of the subsets, >= 0.
    """

    datasets: tuple[MixtureEntry, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        """Check datasets, weights and seed.

        Raises:
            InputError: no dataset, weights for some datasets only, or a negative seed.
        """
        if not self.datasets:
            raise InputError("a mixture needs at least one dataset.")
        if self.seed < 0:
            raise InputError(f"the seed of a mixture must not be negative, got {self.seed}.")
        lacking = [str(entry.path) for entry in self.datasets if entry.weight is None]
        if 0 < len(lacking) < len(self.datasets):
            raise InputError(f"{', '.join(lacking)} has no weight, others have; give all datasets a weight, or none.")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Part:
    """The part of a dataset that a mixture uses.

    Attributes:
        entry: configuration of the dataset.
        dataset: the dataset.
        episodes: episodes that pass the filters, with the prompt as their instruction, by number.
        removed: number of episodes that each filter removed, in order. Filters that were not set are absent.
    """

    entry: MixtureEntry
    dataset: Dataset
    episodes: tuple[Episode, ...]
    removed: Mapping[str, int]

    @property
    def steps(self) -> int:
        """Number of samples, one per step."""
        return sum(len(episode) for episode in self.episodes)

    @property
    def weight(self) -> float:
        """Relative share of the samples: as configured, or else the number of steps."""
        return float(self.steps) if self.entry.weight is None else self.entry.weight


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Mixture:
    """An open mixture.

    Attributes:
        parts: the used part of each dataset, in the order of the config; none is empty.
        embodiment: name of the robot, the same in all datasets.
        rate_hz: steps per second, the same in all datasets.
    """

    parts: tuple[Part, ...]
    embodiment: str
    rate_hz: float

    @classmethod
    def open(cls, config: MixtureConfig) -> Self:
        """Open the datasets and choose their episodes.

        Raises:
            MissingFileError: a dataset does not exist.
            MismatchError: datasets of different robots or rates.
            InputError: filters that leave no episode; the text says how many each filter removed.
        """
        datasets = [open_dataset(entry.path) for entry in config.datasets]
        for name in ("embodiment", "rate_hz"):
            for dataset in datasets:
                _must_equal(name, dataset, datasets[0])
        parts = tuple(_part(*pair, config.seed) for pair in zip(config.datasets, datasets, strict=True))
        return cls(parts=parts, embodiment=datasets[0].spec.embodiment, rate_hz=datasets[0].spec.rate_hz)

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """Episodes of all parts, one part after the other, as `Samples` takes them."""
        return tuple(episode for part in self.parts for episode in part.episodes)

    @property
    def steps(self) -> int:
        """Number of samples of all parts."""
        return sum(part.steps for part in self.parts)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Cameras that any episode has, in order of appearance. Where an episode lacks one, it must be masked."""
        return tuple(dict.fromkeys(name for episode in self.episodes for name in episode.cameras))

    def sampler(self, seed: int = 0, *, rank: int = 0, world_size: int = 1, position: int = 0) -> MixtureSampler:
        """The sampler of a process for `Samples(mixture.episodes)`, see `MixtureSampler`."""
        return MixtureSampler(
            sizes=tuple(part.steps for part in self.parts),
            weights=tuple(part.weight for part in self.parts),
            seed=seed,
            rank=rank,
            world_size=world_size,
            position=position,
        )

    def statistics(self, *, cache: Path | None = None) -> Statistics:
        """Statistics of the steps as the mixture draws them; `cache` is the `folder` of `cached_statistics`."""
        weights = [part.weight / part.steps for part in self.parts for _ in part.episodes]
        return cached_statistics(self.episodes, weights, folder=cache)


def open_mixture(path: Path | str) -> Mixture:
    """Open the mixture in a YAML file, e.g.

        datasets:
          - path: teleop.zarr
            weight: 2
          - path: humi.zarr
            weight: 1
            source: humi
            outcome: [success, unlabelled]
            subset: 20

    Raises:
        HlmError: it cannot be read or used; see `read_config` and `Mixture.open`.
    """
    return Mixture.open(read_config(path))


def read_config(path: Path | str) -> MixtureConfig:
    """Read a mixture from a YAML file; its paths become relative to the working directory.

    Raises:
        MissingFileError: there is no such file.
        CorruptError: it is not a YAML mapping, or gives a key twice.
        UnknownNameError: a key that a mixture does not have; the text suggests the nearest.
        InputError: a value of the wrong type or out of range.
    """
    path = Path(path)
    if not path.is_file():
        found = "this is a folder" if path.is_dir() else "there is nothing"
        raise MissingFileError(f"no mixture at {path}: {found}; a mixture is a YAML file.")
    config = from_document(MixtureConfig, read_yaml(path), str(path))
    entries = tuple(replace(entry, path=path.parent / in_home(entry.path)) for entry in config.datasets)
    return replace(config, datasets=entries)


def _must_equal(name: str, dataset: Dataset, first: Dataset) -> None:
    has, wanted = getattr(dataset.spec, name), getattr(first.spec, name)
    if has != wanted:
        raise MismatchError(f"{dataset.path} has {name} {has}, {first.path} has {wanted}; a mixture has one {name}.")


def _part(entry: MixtureEntry, dataset: Dataset, seed: int) -> Part:
    left, removed = dataset.episodes, dict[str, int]()
    for name in (*_TEXT_FILTERS, *_NUMBER_FILTERS):
        if getattr(entry, name) in ((), None):
            continue
        try:
            kept = _kept(name, entry, dataset, left, seed)
        except InputError as error:
            reports = [f"{other} removed {count}" for other, count in removed.items()]
            reports += [f"{name} removed the other {len(left)}"] * (name in _TEXT_FILTERS)
            raise InputError(
                f"{error} Of {len(dataset)} episodes, {', '.join(reports) or 'no filter removed any'}."
            ) from None
        removed[name] = len(left) - len(kept)
        left = kept
    if entry.prompt is not None:
        left = tuple(episode.with_instruction(entry.prompt) for episode in left)
    return Part(entry=entry, dataset=dataset, episodes=left, removed=removed)


def _kept(
    name: str, entry: MixtureEntry, dataset: Dataset, left: tuple[Episode, ...], seed: int
) -> tuple[Episode, ...]:
    """The episodes of `left` that a filter keeps; at least one."""
    if name in _TEXT_FILTERS:
        numbers = set(entry.condition(name).choose({episode.number: episode.info for episode in left}, dataset.path))
        return tuple(episode for episode in left if episode.number in numbers)
    asked: int = getattr(entry, name)
    if asked > len(left):
        raise InputError(f"'{name}' asks for {asked} episodes of {dataset.path}, {len(left)} are left.")
    order = left if name == "first" else sorted(left, key=lambda episode: _draw(seed, episode.number))
    return tuple(sorted(order[:asked], key=lambda episode: episode.number))


def _draw(seed: int, number: int) -> int:
    """An episode's lot. It depends on nothing else, so subsets are nested and survive the addition of episodes."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0])
