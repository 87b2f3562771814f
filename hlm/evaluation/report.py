"""Reports: a folder with a page that a browser shows without a server, the videos it plays, and figures as JSON."""

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
        path: relative to the report's folder.
        caption: below it.
        success: decides the badge; None shows none.
        note: beside the badge, e.g. the stage that was reached.
    """

    path: str
    caption: str
    success: bool | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A part of a demo's page.

    Attributes:
        title: heading.
        text: a sentence or two.
        facts: rows of a table, name to value.
        command: what was run.
        pictures: files that are put into the page itself.
        clips: videos.
        evaluation: figures, stages and rollouts of an evaluation; its videos' paths are relative to `folder`.
        folder: of the evaluation, relative to the report's folder.
    """

    title: str
    text: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    pictures: tuple[Path, ...] = ()
    clips: tuple[Clip, ...] = ()
    evaluation: EvalResult | None = None
    folder: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A line of a bar chart: a share of trials with its 95 % interval, all 0..1."""

    name: str
    count: int
    trials: int
    rate: float
    low: float
    high: float


def write_evaluation(folder: Path, result: EvalResult, command: str = "") -> Path:
    """Write the report of one evaluation: `report.html` and `results.json`.

    Args:
        folder: of the report, made if needed; the rollouts' videos lie in it already.
        result: what was found.
        command: what was run.

    Returns:
        Path of the page.

    Raises:
        MissingFileError: a video that the result names is not in the folder.
    """
    title = f"{result.task}: {result.successes} of {len(result.rollouts)}"
    section = Section(title="Result", evaluation=result, command=command)
    page = _write(folder, title, [section], lead=f"Rollouts of {result.source}")
    write_atomic(folder / FILE_NAME, result.to_json().encode())
    return page


def write_demo(folder: Path, title: str, sections: Sequence[Section], lead: str = "") -> Path:
    """Write the report of a whole demonstration, from recording to evaluation.

    Args:
        folder: of the report, made if needed.
        title: of the page.
        sections: in their order.
        lead: a sentence below the title.

    Returns:
        Path of the page.

    Raises:
        MissingFileError: a picture or a video that a section names is not there.
    """
    return _write(folder, title, sections, lead)


def stage_bars(result: EvalResult) -> tuple[Bar, ...]:
    """Share of rollouts that reached each stage, then the share that succeeded."""
    names = list(result.stage_rates)
    counts = [sum(rollout.stage >= number for rollout in result.rollouts) for number in range(1, len(names) + 1)]
    rows = [*zip(names, counts, strict=True), ("success", result.successes)]
    return tuple(_bar(name, count, len(result.rollouts)) for name, count in rows)


def instruction_bars(result: EvalResult) -> tuple[Bar, ...]:
    """Share of rollouts that succeeded, for each instruction."""
    groups = by_instruction(result.rollouts)
    return tuple(_bar(name, sum(rollout.success for rollout in group), len(group)) for name, group in groups.items())


def rollout_clips(result: EvalResult, folder: str = "") -> tuple[Clip, ...]:
    """The videos of an evaluation, with paths below `folder`."""
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
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
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
                raise MissingFileError(f"the report in '{folder}' shows '{clip.path}', and there is no such video")


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
        raise MissingFileError(f"the report shows the picture '{path}', and there is no such file")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
