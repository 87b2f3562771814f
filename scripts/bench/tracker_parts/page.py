"""The page of the table, with plots and films of falls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from tracker_parts.cases import GROUPS, Case
from tracker_parts.film import file_name, write_film
from tracker_parts.plots import write_deviations, write_falls
from tracker_parts.results import COLUMNS, Result, causes, cells, rows_of

from hlm.core.wording import counted
from hlm.evaluation.report import Clip, Section, write_demo

_TERMS = {
    "held out": "Falls of the clips and seeds that no tracker may be tuned on: a third, by a fixed rule.",
    "legs rad": "Root mean square of the difference between the joints and what was meant, at the tracker's own lag, "
    "of the runs that did not fall; arms are with the waist.",
    "place cm": "Root mean square of the distance between the pelvis and where it was meant to be.",
    "lag s": "Median time from a reference's stamp to its playback; longest: of any run that did not fall.",
    "unsolved": "Ticks without torques that keep all the rules of inverse dynamics.",
    "tick ms": "Median processor time of a tick; p99: of the slowest of 100.",
}


def write_films(
    folder: Path, pool: Executor, cases: Sequence[Case], results: Sequence[Result], count: int
) -> dict[str, list[Clip]]:
    """Film falls again, and return the films of each group.

    Args:
        folder: of the page.
        pool: of worker processes that can render.
        cases: that were run.
        results: of the cases.
        count: falls of each row that are filmed.
    """
    by_title = {case.title: case for case in cases}
    begun = []
    for (group, row), members in rows_of(results).items():
        for result in [result for result in members if result.outcome.fell][:count]:
            path = folder / "films" / f"{file_name(result.title)}.mp4"
            caption = f"{row}: {result.name}, seed {result.seed}"
            fell = f"fell {result.outcome.tilt} after {result.outcome.duration_s:.1f} s"
            clip = Clip(path=str(path.relative_to(folder)), caption=caption, success=False, note=fell)
            begun.append((group, clip, pool.submit(write_film, path, by_title[result.title])))
    films: dict[str, list[Clip]] = {}
    for group, clip, film in begun:
        film.result()
        films.setdefault(group, []).append(clip)
    return films


def write_page(
    folder: Path, results: Sequence[Result], films: Mapping[str, Sequence[Clip]], facts: Mapping[str, Any]
) -> Path:
    """Write the page with its plots, and return its path.

    Args:
        folder: of the page, made if needed.
        results: of the cases.
        films: of each group, in the folder already.
        facts: of the whole run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    falls = sum(result.outcome.fell for result in results)
    plots = (
        write_falls(folder / "falls.png", results),
        write_deviations(folder / "deviations.png", results),
    )
    whole = Section(
        title="All groups",
        text="Deviations are of the runs that did not fall.",
        facts={name: str(value) for name, value in facts.items()},
        images=plots,
        terms=_TERMS,
    )
    sections = [whole]
    for group in dict.fromkeys(result.group for result in results):
        members = [result for result in results if result.group == group]
        sections.append(_section(group, members, films.get(group, ())))
    title = f"Tracker in the open world: {counted(falls, 'fall')} in {counted(len(results), 'run')}"
    return write_demo(folder, title, sections, "On the left of each film the robot, on the right what was meant.")


def _section(group: str, results: Sequence[Result], clips: Sequence[Clip]) -> Section:
    rows = {row: members for (_, row), members in rows_of(results).items()}
    return Section(
        title=f"{group}: {GROUPS[group]}",
        columns=("row", *COLUMNS),
        rows=tuple((row, *cells(members)) for row, members in rows.items()),
        facts={row: text for row, members in rows.items() if (text := causes(members))},
        clips=tuple(clips),
    )
