"""What became of the chunks of a whole evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from hlm.core.clock import STEP_HZ
from hlm.evaluation.results import EvalResult


@dataclass(frozen=True, kw_only=True, slots=True)
class ChunkSummary:
    """Figures per rollout.

    Attributes:
        joined: mean number of chunks that were played.
        late: mean number of those that came later than expected.
        refused: mean number of chunks that could not be played.
        failed: mean number of requests without an answer.
        rest_s: mean time for which references stood still for want of a chunk.
        seam_jerk_rad_s3: root of the mean square over rollouts of the jerk around seams; None where there was no seam.
        other_jerk_rad_s3: the same of all other steps; None where every step is near a seam.
    """

    joined: float
    late: float
    refused: float
    failed: float
    rest_s: float
    seam_jerk_rad_s3: float | None
    other_jerk_rad_s3: float | None


def chunk_summary(result: EvalResult) -> ChunkSummary | None:
    """The figures of an evaluation; None when nobody asked how chunks are scheduled."""
    chunks = [rollout.chunks for rollout in result.rollouts if rollout.chunks is not None]
    if not chunks:
        return None
    return ChunkSummary(
        joined=sum(one.joined for one in chunks) / len(chunks),
        late=sum(one.late for one in chunks) / len(chunks),
        refused=sum(one.refused for one in chunks) / len(chunks),
        failed=sum(one.failed for one in chunks) / len(chunks),
        rest_s=sum(one.rest_steps for one in chunks) / len(chunks) / STEP_HZ,
        seam_jerk_rad_s3=_root_mean_square(one.seam_jerk_rad_s3 for one in chunks),
        other_jerk_rad_s3=_root_mean_square(one.other_jerk_rad_s3 for one in chunks),
    )


def _root_mean_square(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.sqrt(sum(value * value for value in known) / len(known)) if known else None
