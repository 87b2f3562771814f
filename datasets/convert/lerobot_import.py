"""Conversion of a LeRobot dataset into an hlm dataset. One that hlm exported is restored exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.embodiments.catalog import EMBODIMENTS
from hlm.core.errors import CorruptError, InputError, MismatchError
from hlm.core.layout import DIMENSIONS, NAMES
from hlm.datasets.convert import lerobot_names
from hlm.datasets.convert.cameras import chosen_cameras
from hlm.datasets.convert.lerobot_folder import LeRobotFolder
from hlm.datasets.convert.lerobot_names import ACTION, IMAGES, STAMP, STATE, Shapes
from hlm.datasets.convert.lerobot_sidecar import Described, Sidecar, check_count, check_same
from hlm.datasets.convert.report import Conversion, Converted, Show
from hlm.datasets.convert.staging import Stage
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.store.attributes import group_attributes, write_attributes
from hlm.datasets.store.naming import episode_folder
from hlm.datasets.writer import DatasetWriter

_BOOKKEEPING = ("timestamp", "frame_index", "episode_index", "index", "task_index")


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Options for reading a LeRobot dataset.

    Attributes:
        cameras: hlm's names of the cameras by LeRobot's, without `observation.images.`. Empty: all, names unchanged.
        rate_hz: steps per second that a dataset must have that hlm did not export.
        source: source of the references in such a dataset, one of `hlm.datasets.schema.SOURCES`.
    """

    cameras: Mapping[str, str] = field(default_factory=dict)
    rate_hz: float = 30.0
    source: str = ""


def import_lerobot(
    folder: LeRobotFolder, numbers: Sequence[int], stage: Stage, options: Options, show: Show
) -> Conversion:
    """Write an hlm dataset from some episodes of a LeRobot dataset.

    Args:
        folder: the LeRobot dataset.
        numbers: numbers of the episodes.
        stage: where to write; episodes that are complete there stay.
        options: options for reading.
        show: called with the number of converted steps and of all steps.

    Raises:
        MismatchError: the dataset has another robot, rate or layout.
        UnknownNameError: a chosen camera does not exist.
        InputError: the source of the references is unknown.
        CorruptError: the dataset is damaged, or was edited since hlm exported it.
    """
    sidecar = Sidecar.read(folder.path)
    if sidecar is None:
        _check_foreign(folder, options)
    else:
        check_count(sidecar, len(folder), folder.path)
    cameras = _cameras(folder, options, sidecar)
    spec = _spec(folder, cameras, sidecar)
    total, done = sum(map(folder.steps, numbers)), 0
    converted = []
    with DatasetWriter.open(stage.path, spec) as writer:
        for number in numbers:
            if (outcome := stage.progress.outcome(f"episode {number}")) is not None:
                converted.append(outcome)
                done += outcome.steps
                continue
            described = sidecar.episodes[number] if sidecar else None
            episode = _EpisodeReader(folder, number, cameras, sidecar.privileged if sidecar else {}, described)
            writing = writer.episode(episode.info(options.source))
            try:
                for step in episode.steps():
                    writing.append(step)
                    done += 1
                    show(done, total)
                path = writing.commit()
            except BaseException:
                if writing.is_open:
                    writing.discard()
                raise
            kept = writing.number if described is None else described.number
            _restore(path, kept, described)
            steps = len(writing)
            outcome = Converted(name=f"episode {number}", episodes=(kept,), steps=steps, found=steps)
            converted.append(stage.progress.add(outcome))
    return Conversion(
        dataset=folder.path.name, format="lerobot", episodes=tuple(converted), left_out=_left_out(folder, cameras)
    )


def _check_foreign(folder: LeRobotFolder, options: Options) -> None:
    """Check robot, rate and layout of a dataset that hlm did not export.

    Raises:
        MismatchError: they differ from hlm's.
        InputError: the source of the references is unknown.
    """
    path = folder.path
    if folder.robot not in EMBODIMENTS:
        known = ", ".join(EMBODIMENTS)
        raise MismatchError(f"{path} is of robot '{folder.robot or 'unknown'}'; hlm knows {known}.")
    if folder.rate_hz != options.rate_hz:
        raise MismatchError(
            f"{path} has {folder.rate_hz:g} steps per second, asked for {options.rate_hz:g}. Steps are not resampled; "
            f"--rate-hz {folder.rate_hz:g} takes them as they are."
        )
    for key in (STATE, ACTION):
        if key not in folder.features:
            known = ", ".join(name for name in folder.features if name not in _BOOKKEEPING)
            raise MismatchError(f"{path} has no column '{key}'. It has: {known}.")
        _check_layout(key, folder.features[key], path)
    if not options.source:
        raise InputError(f"{path} does not name the source of its references. Give it, for example --source teleop.")


def _check_layout(key: str, feature: Mapping[str, Any], path: Path) -> None:
    shape, names = list(feature["shape"]), feature.get("names")
    if shape != [DIMENSIONS]:
        raise MismatchError(f"'{key}' of {path} has shape {shape}, hlm's whole-body vector [{DIMENSIONS}].")
    if isinstance(names, dict):
        names = [name for group in names.values() for name in group]
    # OpenHLM's converter gives all dimensions of the same vector a single name.
    if isinstance(names, list) and len(names) == DIMENSIONS and tuple(names) != NAMES:
        place = next(place for place, (theirs, ours) in enumerate(zip(names, NAMES, strict=True)) if theirs != ours)
        raise MismatchError(f"dimension {place} of '{key}' in {path} is '{names[place]}', hlm's is '{NAMES[place]}'.")


def _cameras(folder: LeRobotFolder, options: Options, sidecar: Sidecar | None) -> dict[str, str]:
    """Hlm's names of the chosen cameras, by LeRobot's."""
    known = [key.removeprefix(IMAGES) for key in folder.cameras]
    if options.cameras or sidecar is not None:
        mapping = options.cameras or (sidecar.cameras if sidecar else {})
        return chosen_cameras(known, mapping) if mapping else {}
    ours = [mount.name for mount in EMBODIMENTS[folder.robot].cameras]
    for name in known:
        if name not in ours:
            raise MismatchError(
                f"camera '{name}' of {folder.path} is not one of {', '.join(ours)}. Say which it is, --cameras "
                f"{name}={ours[0]}, and list the others too; cameras that are not listed are left out."
            )
    return {name: name for name in known}


def _spec(folder: LeRobotFolder, cameras: Mapping[str, str], sidecar: Sidecar | None) -> DatasetSpec:
    sizes = {ours: folder.size(_key(folder, theirs)) for theirs, ours in cameras.items()}
    if sidecar is None:
        return DatasetSpec(embodiment=folder.robot, rate_hz=folder.rate_hz, cameras=sizes)
    return replace(DatasetSpec.from_attributes(sidecar.dataset), cameras=sizes)


def _key(folder: LeRobotFolder, camera: str) -> str:
    return next(key for key in folder.cameras if key.removeprefix(IMAGES) == camera)


def _left_out(folder: LeRobotFolder, cameras: Mapping[str, str]) -> tuple[str, ...]:
    used = {STATE, ACTION, STAMP, *_BOOKKEEPING, *(_key(folder, camera) for camera in cameras)}
    used |= {lerobot_names.age_column(name) for name in lerobot_names.inputs_in(tuple(folder.features))}
    used |= set(lerobot_names.privileged_in(tuple(folder.features)).values())
    return tuple(name for name in folder.features if name not in used)


class _EpisodeReader:
    """Reader of an episode of a LeRobot dataset, in hlm's terms."""

    def __init__(
        self,
        folder: LeRobotFolder,
        number: int,
        cameras: Mapping[str, str],
        shapes: Shapes,
        described: Described | None,
    ) -> None:
        self._folder = folder
        self._number = number
        self._cameras = {ours: _key(folder, theirs) for theirs, ours in cameras.items()}
        self._described = described
        columns = tuple(folder.features)
        own = [STAMP] if STAMP in columns else []
        self._inputs, self._privileged = lerobot_names.inputs_in(columns), lerobot_names.privileged_in(columns)
        own += [*map(lerobot_names.age_column, self._inputs), *self._privileged.values()]
        self._arrays = folder.columns(number, [STATE, ACTION, *own])
        self._shapes = shapes
        if described is not None:
            check_same(described, self._arrays, f"episode {number} of {folder.path}", folder.path)
            self._inputs = described.inputs
            self._privileged = {name: self._privileged[name] for name in described.privileged}
        else:
            # A column that an episode lacks is nan from end to end.
            self._inputs = tuple(name for name in self._inputs if self._has(lerobot_names.age_column(name)))
            self._privileged = {name: column for name, column in self._privileged.items() if self._has(column)}

    def info(self, source: str) -> EpisodeInfo:
        """Description of the episode."""
        if self._described is not None:
            return EpisodeInfo.from_attributes(self._described.attributes)
        tasks = self._folder.tasks_of(self._number)
        if len(tasks) != 1:
            raise MismatchError(
                f"episode {self._number} of {self._folder.path} has {len(tasks)} tasks, an episode of hlm's has one "
                "instruction. Choose --episodes that have one."
            )
        name = self._folder.path.name
        return EpisodeInfo(
            instruction=tasks[0], source=source, extra={"lerobot": {"dataset": name, "episode": self._number}}
        )

    def steps(self) -> Iterator[Step]:
        """Yield the steps, with their images."""
        readers = {camera: self._folder.images(self._number, key) for camera, key in self._cameras.items()}
        ages = {name: self._arrays[lerobot_names.age_column(name)][:, 0] for name in self._inputs}
        privileged = {name: self._quantity(name) for name in self._privileged}
        stamp_ns = self._stamp_ns()
        for step in range(self._folder.steps(self._number)):
            yield Step(
                int(stamp_ns[step]),
                self._arrays[STATE][step],
                self._arrays[ACTION][step],
                {camera: next(reader) for camera, reader in readers.items()},
                {name: float(age_s[step]) for name, age_s in ages.items()},
                {name: values[step] for name, values in privileged.items()},
            )

    def _stamp_ns(self) -> np.ndarray[Any, Any]:
        """[time] stamps; by default the number of the step over the rate, which is all that LeRobot has."""
        if STAMP in self._arrays:
            return self._arrays[STAMP][:, 0]
        steps = self._folder.steps(self._number)
        return np.round(np.arange(steps) * (1e9 / self._folder.rate_hz)).astype(np.int64)

    def _quantity(self, name: str) -> np.ndarray[Any, Any]:
        column = self._arrays[self._privileged[name]]
        shape = self._shapes.get(name, column.shape[1:])
        if math.prod(shape) != column[0].size:
            raise CorruptError(
                f"privileged quantity '{name}' of {self._folder.path} has {column[0].size} numbers a step, not {shape}."
            )
        return column.reshape(len(column), *shape)

    def _has(self, column: str) -> bool:
        return not bool(np.isnan(self._arrays[column]).all())


def _restore(path: Path, number: int, described: Described | None) -> None:
    """Restore the number and attributes that an episode had before its export."""
    if described is None:
        return
    written = group_attributes(path)
    kept = {name: written[name] for name in ("schema_version", "steps", "cameras", "inputs", "privileged")}
    write_attributes(path, {**described.attributes, **kept})
    path.rename(path.with_name(episode_folder(number)))
