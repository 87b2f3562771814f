"""Reports: a folder with an HTML page that needs no server, the videos that it plays, and the figures as JSON."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.core.errors import MissingFileError
from hlm.core.files import write_atomic
from hlm.evaluation.provenance import machine, versions
from hlm.evaluation.results import FILE_NAME, EvalResult, RolloutResult, by_instruction, wilson_interval

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE = "report.html"


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A video in a grid.

    Attributes:
        path: path of the video, relative to the report.
        caption: text below the video.
        success: colour of the badge; None shows no badge.
        note: text of the badge, e.g. the stage that was reached.
    """

    path: str
    caption: str
    success: bool | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A section of a report.

    Attributes:
        title: heading.
        text: one or two sentences below the heading.
        facts: rows of a table, name to value.
        command: command line that was run.
        images: image files, embedded into the page.
        clips: videos.
        evaluation: result of an evaluation, shown with figures, stages and rollouts.
        folder: folder of that evaluation, relative to the report.
    """

    title: str
    text: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    images: tuple[Path, ...] = ()
    clips: tuple[Clip, ...] = ()
    evaluation: EvalResult | None = None
    folder: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A bar of a chart: a fraction of trials with its 95 % interval, all 0 to 1."""

    name: str
    count: int
    trials: int
    rate: float
    low: float
    high: float


def write_evaluation(folder: Path, result: EvalResult, command: str = "") -> Path:
    """Write the report of one evaluation: `report.html` and `results.json`.

    Args:
        folder: folder of the report, created if needed; it holds the rollouts' videos already.
        result: result to report.
        command: command line that was run.

    Returns:
        Path of the page.

    Raises:
        MissingFileError: a video of the result is not in the folder.
    """
    title = f"{result.task}: {result.successes} of {len(result.rollouts)}"
    section = Section(title="Result", evaluation=result, command=command)
    page = _write(folder, title, [section], lead=f"Rollouts of {result.policy}")
    write_atomic(folder / FILE_NAME, result.to_json().encode())
    return page


def write_demo(folder: Path, title: str, sections: Sequence[Section], lead: str = "") -> Path:
    """Write a report of several sections, such as a demo from recording to evaluation.

    Args:
        folder: folder of the report, created if needed.
        title: title of the page.
        sections: sections in order.
        lead: sentence below the title.

    Returns:
        Path of the page.

    Raises:
        MissingFileError: an image or a video of a section does not exist.
    """
    return _write(folder, title, sections, lead)


def stage_bars(result: EvalResult) -> tuple[Bar, ...]:
    """Fraction of rollouts that reached each stage, then the fraction that succeeded."""
    names = list(result.stage_rates)
    counts = [sum(rollout.stage >= number for rollout in result.rollouts) for number in range(1, len(names) + 1)]
    rows = [*zip(names, counts, strict=True), ("success", result.successes)]
    return tuple(_bar(name, count, len(result.rollouts)) for name, count in rows)


def instruction_bars(result: EvalResult) -> tuple[Bar, ...]:
    """Fraction of rollouts that succeeded, by instruction."""
    groups = by_instruction(result.rollouts)
    return tuple(_bar(name, sum(rollout.success for rollout in group), len(group)) for name, group in groups.items())


def rollout_clips(result: EvalResult, folder: str = "") -> tuple[Clip, ...]:
    """Videos of an evaluation in `folder`."""
    return tuple(
        Clip(
            path=str(Path(folder) / rollout.video),
            caption=f"seed {rollout.seed}: {rollout.instruction}",
            success=rollout.success,
            note=ending(rollout),
        )
        for rollout in result.rollouts
        if rollout.video is not None
    )


def ending(rollout: RolloutResult) -> str:
    """How a rollout ended, in a few words."""
    if rollout.success:
        return "success"
    if rollout.fault:
        return f"stopped: {rollout.fault}"
    if rollout.fell:
        return "fell"
    reached = f"reached '{rollout.stage_name}'" if rollout.stage else "reached no stage"
    return f"wrong object, {reached}" if rollout.wrong_object else reached


def _bar(name: str, count: int, trials: int) -> Bar:
    low, high = wilson_interval(count, trials)
    return Bar(name=name, count=count, trials=trials, rate=count / trials, low=low, high=high)


def _write(folder: Path, title: str, sections: Sequence[Section], lead: str) -> Path:
    _check_videos(folder, sections)
    html = (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=title,
            lead=lead,
            sections=sections,
            versions=versions(),
            machine=machine(),
            created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / PAGE
    write_atomic(page, html.encode())
    return page


def _check_videos(folder: Path, sections: Sequence[Section]) -> None:
    for section in sections:
        clips = section.clips + (rollout_clips(section.evaluation, section.folder) if section.evaluation else ())
        for clip in clips:
            if not (folder / clip.path).is_file():
                raise MissingFileError(f"the report in '{folder}' shows the video '{clip.path}', which does not exist.")


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hlm.evaluation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "data_uri": _data_uri}
    environment.globals |= {
        "stage_bars": stage_bars,
        "instruction_bars": instruction_bars,
        "rollout_clips": rollout_clips,
        "ending": ending,
    }
    return environment


def _percent(share: float) -> str:
    return f"{100.0 * share:.1f}".removesuffix(".0") + " %"


def _data_uri(path: Path) -> str:
    if not path.is_file():
        raise MissingFileError(f"the report shows the image '{path}', which does not exist.")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
