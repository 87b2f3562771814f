"""Conversion of a LeRobot dataset into an hlm dataset. One that hlm exported is restored exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.embodiments.catalog import EMBODIMENTS
from hlm.core.errors import InputError, MismatchError
from hlm.core.layout import DIMENSIONS, GRIPPERS, NAMES
from hlm.datasets.convert import lerobot_names, lerobot_openhlm
from hlm.datasets.convert.cameras import chosen_cameras
from hlm.datasets.convert.lerobot_episode import EpisodeReader, Layout
from hlm.datasets.convert.lerobot_folder import LeRobotFolder
from hlm.datasets.convert.lerobot_info import is_depth
from hlm.datasets.convert.lerobot_names import ACTION, IMAGES, STATE, even_size
from hlm.datasets.convert.lerobot_rows import BOOKKEEPING
from hlm.datasets.convert.lerobot_sidecar import Described, Sidecar, check_dataset
from hlm.datasets.convert.openhlm_grippers import Hands, Scales
from hlm.datasets.convert.openhlm_import import EMBODIMENT
from hlm.datasets.convert.options import Options
from hlm.datasets.convert.report import Conversion, Converted, Show, episodes_said
from hlm.datasets.convert.staging import Stage
from hlm.datasets.schema import DatasetSpec
from hlm.datasets.store.attributes import group_attributes, write_attributes
from hlm.datasets.store.naming import episode_folder

# Attributes of an episode that the import decides, not what hlm wrote before the export: the words may be new.
_WRITTEN = ("schema_version", "steps", "cameras", "inputs", "privileged", "instruction", "candidates", "candidate")


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
        check_dataset(sidecar, folder)
    layout = _layout(folder, numbers, options, sidecar)
    spec = _spec(folder, layout, sidecar)
    repairs = lerobot_openhlm.Repairs()
    notes = [*folder.notes(), *_checked(folder, numbers, layout), *layout.scales.notes]
    total, done = sum(map(folder.steps, numbers)), 0
    converted = []
    with stage.writer(spec) as writer:
        for number in numbers:
            if (outcome := stage.progress.outcome(f"episode {number}")) is not None:
                # Of what an earlier attempt finished, too, the repairs are said.
                converted.append(outcome)
                repairs.put_back(number, stage.progress.facts(outcome.name))
                done += outcome.steps
                continue
            described = sidecar.episodes[number] if sidecar else None
            episode = EpisodeReader(folder, number, layout, described, repairs)
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
            converted.append(stage.progress.add(outcome, repairs.of(number)))
    return Conversion(
        dataset=folder.path.name,
        format="lerobot",
        episodes=tuple(converted),
        left_out=_left_out(folder, layout),
        notes=(*notes, *repairs.notes()),
    )


def _checked(folder: LeRobotFolder, numbers: Sequence[int], layout: Layout) -> list[str]:
    """What was put right in episodes: a line for each kind, before anything is written."""
    found: dict[str, list[int]] = {}
    for number in numbers:
        for text in dict.fromkeys(folder.check(number, [*layout.cameras.values()])):
            found.setdefault(text, []).append(number)
    return [f"{episodes_said(numbers)}: {text}" for text, numbers in found.items()]


def _check_foreign(folder: LeRobotFolder, options: Options) -> None:
    """Check robot, rate and layout of a dataset that hlm did not export.

    Raises:
        MismatchError: they differ from hlm's.
        InputError: the source of the references is unknown.
    """
    path = folder.path
    robot, rate_hz = _robot(folder), folder.info.rate_hz
    if robot not in EMBODIMENTS:
        known = ", ".join(EMBODIMENTS)
        raise MismatchError(f"{path} is of robot '{robot or 'unknown'}'; hlm knows {known}.")
    if rate_hz != options.rate_hz:
        raise MismatchError(
            f"{path} has {rate_hz:g} steps per second, asked for {options.rate_hz:g}. Steps are not resampled; "
            f"--rate-hz {rate_hz:g} takes them as they are."
        )
    for key in _vectors(folder):
        if key not in folder.features:
            known = ", ".join(name for name in folder.features if name not in BOOKKEEPING)
            raise MismatchError(f"{path} has no column '{key}'. It has: {known}.")
        _check_layout(key, folder.features[key], path)
    named = _is_openhlm(folder) and lerobot_openhlm.head_column(folder.features) is not None
    if not options.source and not named:
        raise InputError(f"{path} does not name the source of its references. Give it, for example --source teleop.")


def _check_layout(key: str, feature: Mapping[str, Any], path: Path) -> None:
    shape, names = list(feature["shape"]), feature.get("names")
    if shape != [DIMENSIONS]:
        raise MismatchError(f"'{key}' of {path} has shape {shape}, hlm's whole-body vector [{DIMENSIONS}].")
    if isinstance(names, dict):
        names = [name for group in names.values() if isinstance(group, list) for name in group]
    # OpenHLM's converter gives all dimensions of the same vector a single name.
    if isinstance(names, list) and len(names) == DIMENSIONS and tuple(names) != NAMES:
        place = next(place for place, (theirs, ours) in enumerate(zip(names, NAMES, strict=True)) if theirs != ours)
        raise MismatchError(f"dimension {place} of '{key}' in {path} is '{names[place]}', hlm's is '{NAMES[place]}'.")


def _layout(folder: LeRobotFolder, numbers: Sequence[int], options: Options, sidecar: Sidecar | None) -> Layout:
    state, action = _vectors(folder)
    cameras = {ours: _key(folder, theirs) for theirs, ours in _cameras(folder, options, sidecar).items()}
    openhlm = sidecar is None and _is_openhlm(folder)
    humi = lerobot_openhlm.humi_episodes(folder, numbers) if openhlm else frozenset()
    return Layout(
        state=state,
        action=action,
        cameras=cameras,
        sizes={ours: _size(folder, key, sidecar) for ours, key in cameras.items()},
        own=lerobot_names.own_columns(folder.features),
        shapes=sidecar.privileged if sidecar else {},
        openhlm=openhlm,
        humi=humi,
        scales=_scales(folder, [number for number in numbers if number not in humi], options),
    )


def _scales(folder: LeRobotFolder, numbers: Sequence[int], options: Options) -> Scales:
    """Units of the grippers of some episodes, which must be a robot's."""
    if not _is_openhlm(folder):
        if options.grippers is not None:
            raise InputError(f"{folder.path} is none of OpenHLM's datasets; leave --gripper-range out.")
        return Scales()
    keys = _vectors(folder)
    vectors = (folder.columns(number, keys) for number in numbers)
    hands = (Hands(*(one[key][:, GRIPPERS].astype(np.float64) for key in keys)) for one in vectors)
    return lerobot_openhlm.scales_of(hands, folder.info.rate_hz, options.grippers)


def _is_openhlm(folder: LeRobotFolder) -> bool:
    return STATE not in folder.features and lerobot_openhlm.is_openhlm(folder.features)


def _robot(folder: LeRobotFolder) -> str:
    """The robot; OpenHLM records only one, so its datasets need not name it."""
    named = folder.info.robot or (EMBODIMENT if _is_openhlm(folder) else "")
    return lerobot_names.ROBOTS.get(named, named)


def _vectors(folder: LeRobotFolder) -> tuple[str, str]:
    """Columns of states and actions."""
    return (lerobot_openhlm.STATE, lerobot_openhlm.ACTION) if _is_openhlm(folder) else (STATE, ACTION)


def _cameras(folder: LeRobotFolder, options: Options, sidecar: Sidecar | None) -> dict[str, str]:
    """Hlm's names of the chosen cameras, by LeRobot's."""
    known = [key.removeprefix(IMAGES) for key in folder.cameras]
    for name in options.cameras:
        if any(is_depth(feature) and key in (name, IMAGES + name) for key, feature in folder.features.items()):
            raise MismatchError(f"camera '{name}' of {folder.path} holds depths, not colours. Leave it out.")
    if options.cameras or sidecar is not None:
        mapping = options.cameras or (sidecar.cameras if sidecar else {})
        return chosen_cameras(known, mapping) if mapping else {}
    if _is_openhlm(folder):
        return {name: ours for name, ours in lerobot_openhlm.CAMERAS.items() if name in known}
    ours = [mount.name for mount in EMBODIMENTS[_robot(folder)].cameras]
    for name in known:
        if name not in ours:
            raise MismatchError(
                f"camera '{name}' of {folder.path} is not one of {', '.join(ours)}. Say which it is, --cameras "
                f"{name}={ours[0]}, and list the others too; cameras that are not listed are left out."
            )
    return {name: name for name in known}


def _spec(folder: LeRobotFolder, layout: Layout, sidecar: Sidecar | None) -> DatasetSpec:
    if sidecar is None:
        return DatasetSpec(embodiment=_robot(folder), rate_hz=folder.info.rate_hz, cameras=layout.sizes)
    return replace(DatasetSpec.from_attributes(sidecar.dataset), cameras=layout.sizes)


def _size(folder: LeRobotFolder, key: str, sidecar: Sidecar | None) -> tuple[int, int]:
    """(height, width) of a camera, without what the export may have added to an odd one."""
    size = folder.info.size(key)
    if sidecar is not None:
        before = DatasetSpec.from_attributes(sidecar.dataset).cameras.get(
            sidecar.cameras.get(key.removeprefix(IMAGES), "")
        )
        if before is not None and even_size(before) == size:
            return before
    return size


def _key(folder: LeRobotFolder, camera: str) -> str:
    return next(key for key in folder.cameras if key.removeprefix(IMAGES) == camera)


def _left_out(folder: LeRobotFolder, layout: Layout) -> tuple[str, ...]:
    used = {*BOOKKEEPING, *layout.columns}
    return tuple(name for name in (*folder.features, *folder.foreign_columns) if name not in used)


def _restore(path: Path, number: int, described: Described | None) -> None:
    """Restore the number and attributes that an episode had before its export."""
    if described is None:
        return
    written = group_attributes(path)
    kept = {name: written[name] for name in _WRITTEN if name in written}
    write_attributes(path, {**described.attributes, **kept})
    path.rename(path.with_name(episode_folder(number)))
