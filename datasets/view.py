"""Rerun recording of an episode: images, curves of state beside action, and the body.

Rerun is an extra and imported on use. Images go into the recording as their original JPEG files;
AVIF files, which it does not read, become JPEG files.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import MissingDependencyError, StorageError
from hlm.core.layout import GROUPS, NAMES, UNITS
from hlm.datasets.command import command_text
from hlm.datasets.output import new_file
from hlm.datasets.reader import Episode
from hlm.datasets.schema import EpisodeInfo
from hlm.datasets.store.images import as_jpeg

if TYPE_CHECKING:
    from rerun import RecordingStream, TimeColumn
    from rerun.blueprint import Blueprint, TimeSeriesView

APPLICATION = "hlm"
INSTALL = "pip install 'hlm[viz]'"
# Groups of dimensions by title of the plot; the grippers share one.
PLOTS: Mapping[str, tuple[str, ...]] = {
    **{group: (group,) for group in GROUPS if "gripper" not in group},
    "grippers": tuple(group for group in GROUPS if "gripper" in group),
}
# Initial view of the robot, in its world frame.
EYE_M, LOOK_AT_M = (1.9, 1.3, 1.2), (0.0, 0.0, 0.65)
_BATCH_STEPS = 300

type Rgba = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Capsules:
    """Capsules in a part's frame.

    Attributes:
        start_m: [n, 3] centres of the first ends.
        end_m: [n, 3] centres of the second ends.
        radius_m: [n] radii.
        rgba: colour of each capsule, from 0 to 1.
    """

    start_m: FloatArray
    end_m: FloatArray
    radius_m: FloatArray
    rgba: tuple[Rgba, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Boxes:
    """Boxes along the axes of a part's frame.

    Attributes:
        center_m: [n, 3] centres.
        half_size_m: [n, 3] half of the edge lengths.
        rgba: colour of each box, from 0 to 1.
    """

    center_m: FloatArray
    half_size_m: FloatArray
    rgba: tuple[Rgba, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Part:
    """A rigid part of the body, with its pose at each step.

    Attributes:
        name: unique name.
        position_m: [time, 3] origin of the part in the world.
        rotation: [time, 3, 3] rotation from the part to the world.
        shapes: shapes of the part.
    """

    name: str
    position_m: FloatArray
    rotation: FloatArray
    shapes: tuple[Capsules | Boxes, ...]


def save_recording(path: Path, episode: Episode, parts: Sequence[Part] = ()) -> None:
    """Write an episode and a layout for the viewer into a new .rrd file, atomically.

    Args:
        path: the file.
        episode: the episode.
        parts: parts of the body, each with as many poses as the episode has steps.

    Raises:
        ExistsError: the file exists.
        MissingFileError: its folder does not exist.
        MissingDependencyError: Rerun is not installed.
        CorruptError: the episode is damaged.
        StorageError: the disk refused.
    """
    try:
        import rerun
    except ImportError as error:
        raise MissingDependencyError(f"showing episodes needs rerun-sdk. Run: {INSTALL}") from error
    with new_file(path) as temporary:
        stream = rerun.RecordingStream(APPLICATION, recording_id=_name(episode))
        # In memory, because Rerun's own file writer hangs on a full disk.
        recording = rerun.binary_stream(recording=stream)
        stream.send_blueprint(_layout(episode, body=bool(parts)))
        _log_episode(stream, episode, parts)
        data = recording.read()
        stream.disconnect()
        if not data:
            raise StorageError(f"could not write {path}: Rerun gave nothing to write.")
        temporary.write_bytes(data)


def _log_episode(stream: RecordingStream, episode: Episode, parts: Sequence[Part]) -> None:
    from rerun import TextDocument, ViewCoordinates

    stream.send_recording_name(_name(episode))
    stream.log("episode", TextDocument(_description(episode), media_type="text/markdown"), static=True)
    _log_curves(stream, episode)
    for camera in episode.cameras:
        for steps in _batches(len(episode)):
            _log_images(stream, episode, camera, steps)
    if parts:
        stream.log("robot", ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
    for part in parts:
        _log_part(stream, episode, part)


def _times(episode: Episode, steps: slice = slice(None)) -> list[TimeColumn]:
    """Two timelines: seconds since the first step, and the number of the step."""
    from rerun import TimeColumn

    since_ns = episode.stamp_ns[steps] - episode.stamp_ns[0]
    return [
        TimeColumn("time", duration=since_ns.astype("timedelta64[ns]")),
        TimeColumn("step", sequence=np.arange(len(episode))[steps]),
    ]


def _log_curves(stream: RecordingStream, episode: Episode) -> None:
    from rerun import Scalars, SeriesLines

    times = _times(episode)
    for title, groups in PLOTS.items():
        curves = [column for group in groups for column in range(*GROUPS[group].indices(len(NAMES)))]
        for place, column in enumerate(curves):
            hue, entity = place / len(curves), f"{_entity(title)}/{NAMES[column]}"
            state = SeriesLines(colors=[_color(hue)], names=[NAMES[column]], widths=[2.0])
            action = SeriesLines(colors=[_color(hue, pale=True)], names=[f"{NAMES[column]} action"], widths=[1.0])
            for kind, look, values in (("state", state, episode.state), ("action", action, episode.action)):
                stream.log(f"{entity}/{kind}", look, static=True)
                stream.send_columns(f"{entity}/{kind}", times, Scalars.columns(scalars=values[:, column]))
    for name in episode.inputs:
        stream.send_columns(f"age_s/{name}", times, Scalars.columns(scalars=episode.age_s(name)))


def _log_images(stream: RecordingStream, episode: Episode, camera: str, steps: range) -> None:
    from rerun import EncodedImage

    with episode.frames(camera) as frames:
        size = frames.shape[1:3]
        files = [np.frombuffer(as_jpeg(frames.file(step), size), np.uint8) for step in steps]
    columns = EncodedImage.columns(blob=files, media_type=["image/jpeg"] * len(files))
    stream.send_columns(f"camera/{camera}", _times(episode, slice(steps.start, steps.stop)), columns)


def _log_part(stream: RecordingStream, episode: Episode, part: Part) -> None:
    from rerun import Transform3D

    entity = f"robot/{part.name}"
    poses = Transform3D.columns(translation=part.position_m, mat3x3=part.rotation)
    stream.send_columns(entity, _times(episode), poses)
    for number, shape in enumerate(part.shapes):
        stream.log(f"{entity}/{number}", _archetype(shape), static=True)


def _archetype(shape: Capsules | Boxes) -> Any:
    from rerun import Boxes3D, Capsules3D, Quaternion

    colors = [tuple(round(255 * channel) for channel in rgba) for rgba in shape.rgba]
    if isinstance(shape, Boxes):
        return Boxes3D(centers=shape.center_m, half_sizes=shape.half_size_m, colors=colors, fill_mode="solid")
    along_m = shape.end_m - shape.start_m
    return Capsules3D(
        lengths=np.linalg.norm(along_m, axis=1),
        radii=shape.radius_m,
        translations=shape.start_m,
        quaternions=[Quaternion(xyzw=_xyzw_from_z_to(direction)) for direction in along_m],
        colors=colors,
        fill_mode="solid",
    )


def _xyzw_from_z_to(direction: FloatArray) -> FloatArray:
    """[4] shortest rotation of the z axis onto a direction, because Rerun's capsules lie along z."""
    x, y, z = direction / np.linalg.norm(direction)
    quat = np.array([-y, x, 0.0, 1.0 + z])
    return quat / np.linalg.norm(quat) if z > -1.0 else np.array([1.0, 0.0, 0.0, 0.0])


def _layout(episode: Episode, *, body: bool) -> Blueprint:
    from rerun import blueprint

    def plot(name: str, origin: str) -> TimeSeriesView:
        # A legend would cover half of the plot, and hovering over a curve shows its name.
        return blueprint.TimeSeriesView(name=name, origin=origin, plot_legend=blueprint.PlotLegend(visible=False))

    units = dict(zip(NAMES, ("1 = open" if unit == "1" else unit for unit in UNITS), strict=True))
    plots = []
    for title, groups in PLOTS.items():
        kinds = dict.fromkeys(units[name] for group in groups for name in NAMES[GROUPS[group]])
        plots.append(plot(f"{title}, {', '.join(kinds)}", f"/{_entity(title)}"))
    if episode.inputs:
        plots.append(plot("age of inputs, s", "/age_s"))
    cameras = [blueprint.Spatial2DView(name=camera, origin=f"/camera/{camera}") for camera in episode.cameras]
    text = blueprint.TextDocumentView(name="episode", origin="/episode")
    left: list[Any] = [blueprint.Horizontal(*cameras)] if cameras else []
    if body:
        eye = blueprint.EyeControls3D(position=EYE_M, look_target=LOOK_AT_M)
        left.append(
            blueprint.Horizontal(blueprint.Spatial3DView(name="robot", origin="/robot", eye_controls=eye), text)
        )
    else:
        left.append(text)
    return blueprint.Blueprint(
        blueprint.Horizontal(blueprint.Vertical(*left), blueprint.Grid(*plots, grid_columns=2)),
        blueprint.TimePanel(timeline="time", state="collapsed", play_state="playing"),
        blueprint.SelectionPanel(state="hidden"),
        blueprint.BlueprintPanel(state="hidden"),
    )


def _description(episode: Episode) -> str:
    """Markdown."""
    info = episode.info
    facts = {
        "source": info.source,
        "outcome": info.outcome,
        "stage": _stage(info),
        "fault": info.fault,
        "task": info.task,
        "seed": info.seed,
        "operator": info.operator,
        "in command": command_text(episode),
        "started": episode.attributes.get("start_utc"),
        "steps": len(episode),
    }
    lines = [f"- {name}: {value}" for name, value in facts.items() if value not in (None, "")]
    return "\n".join([f"### {info.instruction or '(no instruction)'}", *lines])


def _stage(info: EpisodeInfo) -> str | None:
    """The stage that was reached, with its name where the stages are known."""
    if info.stage is None or not info.stages:
        return None if info.stage is None else str(info.stage)
    reached = f" ({info.stages[info.stage - 1]})" if 0 < info.stage <= len(info.stages) else ""
    return f"{info.stage} of {len(info.stages)}{reached}"


def _name(episode: Episode) -> str:
    return f"{episode.path.resolve().parent.name} episode {episode.number}"


def _batches(steps: int) -> Iterator[range]:
    yield from (range(start, min(start + _BATCH_STEPS, steps)) for start in range(0, steps, _BATCH_STEPS))


def _entity(title: str) -> str:
    return title.replace(" ", "_")


def _color(hue: float, *, pale: bool = False) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.35 if pale else 0.75, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)
