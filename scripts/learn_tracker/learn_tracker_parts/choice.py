"""Which motions a tracker learns from: the bench's own kinds, but none of its streams and nothing that is held out."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import replace

from tracker_parts.cases import FAMILIES, Case, Source, all_cases, held_out_clip
from tracker_parts.clips import Clip

GROUPS = "abc"
# Beyond every seed of the bench, which counts from 0: what is drawn here is never drawn there. Of each three, the same
# one is held out as there.
SEED_OFFSET = 3_000_000
SMALL_ROWS = ("fast arms", "standing, 0.01 rad", "walking, 0.01 rad")
_IMPOSSIBLE = "impossible"


def clips_to_learn(clips: Sequence[Clip]) -> list[Clip]:
    """The recordings that somebody could follow and that are not held out."""
    return [clip for clip in clips if clip.family != _IMPOSSIBLE and not held_out_clip(clip.name)]


def cases_to_learn(sources: list[Source], seeds: int, rows: Sequence[str] = ()) -> list[Case]:
    """Cases of the bench's rows of real motion, random references and standard motions with noise, newly drawn.

    Args:
        sources: of `clips_to_learn`.
        seeds: cases of each row that has chance in it; every third of them is held out.
        rows: only these; all if empty.
    """
    cases = [case for case in all_cases(sources, GROUPS, seeds) if not case.held_out]
    cases = [case for case in cases if case.row.split(" x ")[0] != FAMILIES[_IMPOSSIBLE]]
    return [replace(case, seed=case.seed + SEED_OFFSET) for case in cases if not rows or case.row in rows]


def file_name(case: Case) -> str:
    """A name for a case's file, without an ending; no two cases share it."""
    text = f"{case.group} {case.row} {case.recipe.name} {case.seed}"
    return f"{re.sub('[^a-z0-9.]+', '-', text.lower())}-{zlib.crc32(text.encode()):08x}"
