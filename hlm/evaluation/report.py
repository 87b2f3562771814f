"""Reports: a folder with an HTML page that needs no server, and the videos that it plays."""

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
from hlm.core.wording import counted
from hlm.evaluation.charts import Bar, ending_bars, instruction_bars, stage_bars
from hlm.evaluation.provenance import machine, versions
from hlm.evaluation.results import EvalResult, RolloutResult
from hlm.evaluation.subject import shortfall, subject, who
from hlm.evaluation.terms import terms

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
        columns: headings of a table.
        rows: its rows, a text for each column.
        images: image files, embedded into the page.
        clips: videos.
        evaluation: result of an evaluation, shown with figures, stages and rollouts.
        folder: folder of that evaluation, relative to the report.
        terms: explanations of words that the section uses, by word; those of an evaluation are added.
    """

    title: str
    text: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    images: tuple[Path, ...] = ()
    clips: tuple[Clip, ...] = ()
    evaluation: EvalResult | None = None
    folder: str = ""
    terms: Mapping[str, str] = field(default_factory=dict)


def write_evaluation(folder: Path, result: EvalResult, command: str = "") -> Path:
    """Write the page of one evaluation.

    Args:
        folder: folder of the report, created if needed; it holds the rollouts' videos already.
        result: result to report.
        command: command line that was run.

    Returns:
        Path of the page.

    Raises:
        MissingFileError: a video of the result is not in the folder.
    """
    done = f"{result.successes} of {counted(len(result.rollouts), 'rollout')} successful"
    title = f"{result.task}: {done}{' so far' if result.partial else ''}"
    section = Section(title="Result", evaluation=result, command=command)
    return _write(folder, title, [section], lead=f"Evaluated: {who(result)}.")


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
        return f"broken: {rollout.fault}"
    if rollout.fell:
        return "fell"
    reached = f"reached '{rollout.stage_name}'" if rollout.stage else "reached no stage"
    return f"wrong object, {reached}" if rollout.wrong_object else reached


def _write(folder: Path, title: str, sections: Sequence[Section], lead: str) -> Path:
    _check_videos(folder, sections)
    html = (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=title,
            lead=lead,
            sections=sections,
            terms=_terms(sections),
            versions=versions(),
            machine=machine(),
            created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / PAGE
    write_atomic(page, html.encode())
    return page


def _terms(sections: Sequence[Section]) -> dict[str, str]:
    """Explanations of all words that the sections use."""
    found: dict[str, str] = {}
    for section in sections:
        found |= section.terms
        found |= terms(section.evaluation) if section.evaluation is not None else {}
    return found


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
    environment.filters |= {"percent": _percent, "data_uri": _data_uri, "capitalized": _capitalized}
    environment.globals |= {
        "stage_bars": stage_bars,
        "instruction_bars": instruction_bars,
        "interval": _interval,
        "ending_bars": ending_bars,
        "rollout_clips": rollout_clips,
        "shortfall": shortfall,
        "subject": subject,
    }
    return environment


def _percent(share: float) -> str:
    return f"{100.0 * share:.1f}".removesuffix(".0") + "\N{NO-BREAK SPACE}%"


def _interval(row: Bar) -> str:
    return f"{100.0 * row.low:.0f} to {100.0 * row.high:.0f}\N{NO-BREAK SPACE}%"


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _data_uri(path: Path) -> str:
    if not path.is_file():
        raise MissingFileError(f"the report shows the image '{path}', which does not exist.")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
