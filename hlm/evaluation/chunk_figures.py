"""How smoothly action chunks were joined in a rollout, and how often they came late or not at all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ChunkFigures:
    """What became of the chunks of a rollout; the counts are those of `hlm.runtime.chunks.source.Counts`.

    Attributes:
        asked: requests.
        joined: chunks that were played.
        late: those of them that came later than expected.
        refused: chunks that came too late, or answered something else.
        failed: requests without an answer.
        rests: how often references came to rest for want of a chunk.
        rest_steps: steps at which they stood still.
        seam_jerk_rad_s3: root mean square of the references' jerk around seams; see `hlm.evaluation.seams`.
        other_jerk_rad_s3: the same of all other steps; None where every step is near a seam.
    """

    asked: int
    joined: int
    late: int
    refused: int
    failed: int
    rests: int
    rest_steps: int
    seam_jerk_rad_s3: float | None
    other_jerk_rad_s3: float | None
