"""Contact sheet of an episode: some images of each camera, and all curves of state and action."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hlm.core.inputs import DEVICE
from hlm.core.layout import GROUPS, NAMES, UNITS
from hlm.datasets.command import command_text, in_command, stretches, tells_command
from hlm.datasets.output import new_file
from hlm.datasets.reader import Episode

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

IMAGES = 8
COLUMNS = 2
_IMAGE_IN = 1.7


def save_sheet(path: Path, episode: Episode) -> None:
    """Write a PNG file with a row of images per camera and a plot per body part, state solid and action dashed.

    Raises:
        ExistsError: the file exists.
        MissingFileError: its folder does not exist.
        CorruptError: the episode is damaged.
        StorageError: the disk refused.
    """
    with new_file(path) as temporary, warnings.catch_warnings():
        # Characters that the font lacks are drawn as boxes; a warning for each would not help.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        _sheet(episode).savefig(temporary, format="png", dpi=110)


def _sheet(episode: Episode) -> Figure:
    from matplotlib.figure import Figure

    ages = DEVICE in episode.inputs  # else they are those of the robot, which `hlm data view` shows
    plot_rows = -(-(len(GROUPS) + ages) // COLUMNS)
    heights_in = [_IMAGE_IN * len(episode.cameras) + 0.6, 2.3 * plot_rows]
    figure = Figure(figsize=(_IMAGE_IN * IMAGES, sum(heights_in)), layout="constrained")
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=heights_in).flat
    info = episode.info
    title = f"{episode.path.resolve().parent.name} episode {episode.number}: {info.instruction}"
    top.suptitle(f"{title} ({info.source}, {info.outcome})", parse_math=False)
    if episode.cameras:
        _draw_images(top, episode)
    plots = list(bottom.subplots(plot_rows, COLUMNS).flat)
    for (group, places), axes in zip(GROUPS.items(), plots, strict=False):
        _draw_curves(axes, episode, group, places)
    if ages:
        _draw_ages(plots[len(GROUPS)], episode)
    for axes in plots[len(GROUPS) + ages :]:
        axes.set_axis_off()
    who = command_text(episode)
    note = f"; {who}, shaded where taken over" if who else ""
    bottom.supxlabel(f"s; state solid, action dashed{note}", fontsize="small")
    return figure


def _draw_images(figure: SubFigure, episode: Episode) -> None:
    steps = np.linspace(0, len(episode) - 1, min(IMAGES, len(episode))).round().astype(int)
    times = [f"{second:.1f} s" for second in _seconds(episode)[steps]]
    for camera, axes in zip(episode.cameras, figure.subplots(len(episode.cameras), 1, squeeze=False).flat, strict=True):
        images = episode.images(camera, steps)
        axes.imshow(np.concatenate(list(images), axis=1))
        middles = (np.arange(len(steps)) + 0.5) * images.shape[2]
        axes.set_xticks(middles, times, fontsize="small")
        axes.set_yticks([])
        axes.set_ylabel(camera, fontsize="small")


def _draw_curves(axes: Axes, episode: Episode, group: str, places: slice) -> None:
    seconds = _seconds(episode)
    for column in range(*places.indices(len(NAMES))):
        (line,) = axes.plot(seconds, episode.state[:, column], linewidth=1.2, label=NAMES[column])
        axes.plot(seconds, episode.action[:, column], linewidth=0.9, linestyle="--", color=line.get_color())
    if tells_command(episode.info):
        _shade_takeovers(axes, episode)
    units = dict.fromkeys("1 = open" if unit == "1" else unit for unit in UNITS[places])
    axes.set_title(f"{group}, {', '.join(units)}", fontsize="small")
    axes.tick_params(labelsize="x-small")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="xx-small", ncols=2, loc="upper right")


def _draw_ages(axes: Axes, episode: Episode) -> None:
    seconds = _seconds(episode)
    for name in episode.inputs:
        axes.plot(seconds, episode.age_s(name), linewidth=1.0, label=name)
    axes.set_title("age of inputs, s", fontsize="small")
    axes.tick_params(labelsize="x-small")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="xx-small", ncols=2, loc="upper right")


def _shade_takeovers(axes: Axes, episode: Episode) -> None:
    """Shade the stretches in which another one than at the start was in command."""
    seconds, found = _seconds(episode), stretches(in_command(episode))
    for name, start, stop in found:
        if name != found[0].name:
            axes.axvspan(seconds[start], seconds[stop - 1], color="tab:orange", alpha=0.15, linewidth=0)


def _seconds(episode: Episode) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return (episode.stamp_ns - episode.stamp_ns[0]) * 1e-9
