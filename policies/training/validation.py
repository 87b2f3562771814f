"""Figures of a policy on held-out samples, without a simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.layout import GROUPS
from hlm.policies.encoding import Encoding


@dataclass(frozen=True, kw_only=True, slots=True)
class ChunkErrors:
    """Distance of sampled chunks from the demonstrated ones.

    Attributes:
        euler_steps: Euler steps that the chunks were sampled with.
        square: mean squared error of the normalised active dimensions.
        absolute: mean absolute error by body part, rad (rad/s for the yaw rate, fraction of the opening for grippers).
        jerk: root mean square third difference over time, relative to the demonstrations.
    """

    euler_steps: int
    square: float
    absolute: Mapping[str, float]
    jerk: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """Figures over the held-out samples.

    Attributes:
        step: updates that made the policy.
        terms: mean of each term of the loss by name; `loss` is the main term.
        chunks: errors of sampled chunks, one entry per number of Euler steps.
    """

    step: int
    terms: Mapping[str, float]
    chunks: tuple[ChunkErrors, ...]

    def figures(self) -> dict[str, float]:
        """All figures by name."""
        figures = dict(self.terms)
        for errors in self.chunks:
            figures[f"chunk_square_{errors.euler_steps}"] = errors.square
            figures[f"jerk_{errors.euler_steps}"] = errors.jerk
            for part, error in errors.absolute.items():
                figures[f"error_{errors.euler_steps}/{part.replace(' ', '_')}"] = error
        return figures


def chunk_errors(sampled: FloatArray, demonstrated: FloatArray, encoding: Encoding, euler_steps: int) -> ChunkErrors:
    """Distance of sampled from demonstrated chunks.

    Args:
        sampled: [sample, time, dimension] normalised.
        demonstrated: [sample, time, dimension] normalised.
        encoding: undoes the normalisation.
        euler_steps: Euler steps that the chunks were sampled with.
    """
    active = encoding.action_active
    chunk, truth = (part[..., active].astype(np.float64) for part in (sampled, demonstrated))
    jerk, true_jerk = (_jerk(part) for part in (chunk, truth))
    # Relative chunks start from the same state, so any state will do.
    origin = np.zeros((len(sampled), encoding.dimensions), np.float32)
    away = np.abs(encoding.undo_chunk(sampled, origin) - encoding.undo_chunk(demonstrated, origin))
    return ChunkErrors(
        euler_steps=euler_steps,
        # Where no action moves, there is nothing to compare.
        square=float(np.square(chunk - truth).mean()) if chunk.size else float("nan"),
        absolute={name: float(away[..., group].mean()) for name, group in GROUPS.items()},
        jerk=jerk / true_jerk if true_jerk else float("nan"),
    )


def _jerk(chunks: FloatArray) -> float:
    """Root mean square third difference over time of [sample, time, dimension] chunks; 0 for chunks below 4 actions."""
    changes = np.diff(chunks, 3, axis=1)
    return float(np.sqrt(np.square(changes).mean())) if changes.size else 0.0
