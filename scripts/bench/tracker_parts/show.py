"""Animations of named cases, whether they fall or not: one tracker and what was meant, or two trackers."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tracker_parts.cases import GROUPS, Case
from tracker_parts.film import FILM_HZ, Filmed, file_name, filmed

from hlm.core.arrays import ByteArray
from hlm.core.errors import InputError
from hlm.evaluation.video import write_animation

# Seen of a run: from before the first fall or push until after the last one.
BEFORE_S, AFTER_S = 3.0, 5.0
HELD_S = 1.0  # the last picture of a whole run stays
_TEXT_PX, _MARGIN_PX, _INK, _OUTLINE = 18, 8, (255, 255, 255), (30, 30, 30)
_FALLEN_SHADE = 0.6


def reach_of(titles: Sequence[str]) -> tuple[str, int]:
    """Groups and seeds that hold the cases of some titles, as far as the titles tell."""
    groups = "".join(letter for letter in GROUPS if any(title.startswith(f"{letter}/") for title in titles))
    ends = [title.rpartition("/")[2] for title in titles]
    return groups, 1 + max((int(end) for end in ends if end.isdecimal()), default=0)


def cases_named(titles: Sequence[str], cases: Sequence[Case]) -> list[Case]:
    """The cases of some titles, in their order.

    Raises:
        InputError: a title that no case has.
    """
    by_title = {case.title: case for case in cases}
    for title in titles:
        if title not in by_title:
            near = ", ".join(f"'{name}'" for name in difflib.get_close_matches(title, by_title, n=3, cutoff=0.4))
            hint = f" Did you mean one of {near}?" if near else ""
            raise InputError(
                f"no case '{title}'. Cases are named GROUP/ROW/MOTION/SEED, as --json and films are.{hint}"
            )
    return [by_title[title] for title in titles]


def write_shown(folder: Path, pool: Executor, cases: Sequence[Case], beside: str | None) -> list[Path]:
    """Run cases and write an animation of each, `*.webp`.

    Args:
        folder: made if needed.
        pool: of worker processes that can render.
        cases: what is shown.
        beside: name of the tracker on the left; the case's own is on the right. None shows the case's own on the left,
            and what was meant on the right.
    """
    folder.mkdir(parents=True, exist_ok=True)
    both = [[case] if beside is None else [replace(case, tracker=beside), case] for case in cases]
    begun = [[pool.submit(filmed, one, meant=beside is None) for one in ones] for ones in both]
    paths = []
    for case, ones, futures in zip(cases, both, begun, strict=True):
        films = [future.result() for future in futures]
        path = folder / f"{file_name(case.title)}.webp"
        paths.append(write_animation(path, side_by_side([one.tracker for one in ones], films, case), FILM_HZ))
    return paths


def side_by_side(names: Sequence[str], films: Sequence[Filmed], case: Case) -> list[ByteArray]:
    """The pictures of some runs of a case, each under its name; who has fallen stays as it was then.

    Args:
        names: of the trackers.
        films: of the runs, from their start on.
        case: what was run.
    """
    longest = _longest(films)
    labelled = [_labelled(name, film, longest) for name, film in zip(names, films, strict=True)]
    first, after = window(films, case)
    return [np.concatenate(images, axis=1) for images in zip(*labelled, strict=True)][first:after]


def window(films: Sequence[Filmed], case: Case) -> tuple[int, int]:
    """Indices of the first image that is worth seeing, and after the last one."""
    moments_s = [film.result.outcome.duration_s for film in films if film.result.outcome.fell]
    if case.around.push_n > 0.0:
        moments_s.append(case.around.push_s)
    longest = _longest(films)
    if not moments_s:
        return max(0, longest - round((BEFORE_S + AFTER_S) * FILM_HZ)), longest
    first, last = (min(moments_s) - BEFORE_S) * FILM_HZ, (max(moments_s) + AFTER_S) * FILM_HZ
    return max(0, round(first)), min(longest, round(last))


def _longest(films: Sequence[Filmed]) -> int:
    """Images of the longest run, with those that are held."""
    return max(len(film.images) for film in films) + round(HELD_S * FILM_HZ)


def _labelled(name: str, film: Filmed, count: int) -> list[ByteArray]:
    """So many images with the name of the tracker; darker ones after a fall."""
    outcome = film.result.outcome
    images = [_written(image, name) for image in film.images]
    shade = _FALLEN_SHADE if outcome.fell else 1.0
    last = (film.images[-1] * shade).astype(np.uint8)
    text = f"{name}: fell after {outcome.duration_s:.1f} s" if outcome.fell else name
    return images + [_written(last, text)] * (count - len(images))


def _written(image: ByteArray, text: str) -> ByteArray:
    picture = Image.fromarray(image)
    font = ImageFont.load_default(_TEXT_PX)
    ImageDraw.Draw(picture).text((_MARGIN_PX, _MARGIN_PX), text, _INK, font, stroke_width=1, stroke_fill=_OUTLINE)
    return np.asarray(picture)
