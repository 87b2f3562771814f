"""Measures how smoothly action chunks are joined while they are played."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import BoolArray, FloatArray
from hlm.core.clock import STEP_HZ
from hlm.core.layout import DIMENSIONS, unpack
from hlm.core.values import Observation, Reference
from hlm.evaluation.chunk_figures import ChunkFigures
from hlm.runtime.chunks.source import ChunkSource

# Third differences that a jump at one step changes: its own, and those of the three steps after it.
_REACH = 4


class SeamMeter:
    """A reference source that notes what another one plays; implements `hlm.core.protocols.ReferenceSource`.

    Args:
        source: plays chunks.
    """

    def __init__(self, source: ChunkSource) -> None:
        self._source = source
        self._vectors: list[FloatArray] = []
        self._seams: list[int] = []

    def reset(self, observation: Observation) -> None:
        """Begin an episode."""
        self._source.reset(observation)
        self._vectors, self._seams = [], []

    def reference(self, observation: Observation) -> Reference:
        """What the other one gives."""
        before = self._source.counts
        reference = self._source.reference(observation)
        after = self._source.counts
        if (after.joined, after.rests) != (before.joined, before.rests):
            self._seams.append(len(self._vectors))
        self._vectors.append(reference.vector)
        return reference

    def figures(self) -> ChunkFigures:
        """What became of the chunks since the reset."""
        counts = self._source.counts
        jerk = jerk_rad_s3(np.array(self._vectors).reshape(-1, DIMENSIONS))
        near = near_seams(len(self._vectors), self._seams, self._source.config.blend)
        return ChunkFigures(
            asked=counts.asked,
            joined=counts.joined,
            late=counts.late,
            refused=counts.refused,
            failed=counts.failed,
            rests=counts.rests,
            rest_steps=counts.rest_steps,
            seam_jerk_rad_s3=_root_mean_square(jerk[near[_REACH - 1 :]]),
            other_jerk_rad_s3=_root_mean_square(jerk[~near[_REACH - 1 :]]),
        )


def jerk_rad_s3(vectors: FloatArray, rate_hz: float = STEP_HZ) -> FloatArray:
    """[step - 3, joint] jerk of [step, 34] references: third differences of the joints' angles, times the rate cubed.

    Grippers and root are left out: a gripper that closes at once is meant to.
    """
    if len(vectors) < _REACH:
        return np.zeros((0, 0))
    return np.asarray(np.diff(unpack(vectors).joint_position_rad, 3, axis=0) * rate_hz**3)


def near_seams(steps: int, seams: list[int], blend: int) -> BoolArray:
    """[step] whether the third difference that ends at a step touches a seam, or the steps over which it is blended.

    Args:
        steps: number of steps.
        seams: steps from which on something else is played; the first references of a rollout are no seam.
        blend: steps over which it takes over.
    """
    near = np.zeros(steps, bool)
    for seam in seams:
        if seam:
            near[seam : seam + blend + _REACH] = True
    return near


def _root_mean_square(values: FloatArray) -> float | None:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else None
