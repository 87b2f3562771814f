"""How good a policy is on rows that it did not learn from, without a simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from hlm.core.arrays import FloatArray
from hlm.core.layout import GROUPS
from hlm.datasets.loader import Samples
from hlm.policies.encoding import Encoding
from hlm.policies.network import Network
from hlm.policies.training.batches import plain_batch
from hlm.policies.training.draws import SampleDraws
from hlm.policies.training.samples import EncodedSample, collate
from hlm.policies.training.tally import Tally

ROWS = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class ChunkErrors:
    """How far sampled chunks are from demonstrated ones.

    Attributes:
        euler_steps: flow steps that they were sampled with.
        square: mean squared error of the normalised active dimensions.
        absolute: mean absolute error by body part, rad (rad/s for the yaw rate, share of opening for grippers).
        jerk: root mean square third difference over time, relative to the demonstrations'.
    """

    euler_steps: int
    square: float
    absolute: Mapping[str, float]
    jerk: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """Figures over the validation rows.

    Attributes:
        step: updates that made the policy.
        terms: mean of each term of the loss; `loss` is what training minimises mainly.
        chunks: by number of Euler steps.
    """

    step: int
    terms: Mapping[str, float]
    chunks: tuple[ChunkErrors, ...]

    def figures(self) -> dict[str, float]:
        """All of them by name."""
        figures = dict(self.terms)
        for errors in self.chunks:
            figures[f"chunk_square_{errors.euler_steps}"] = errors.square
            figures[f"jerk_{errors.euler_steps}"] = errors.jerk
            for part, error in errors.absolute.items():
                figures[f"error_{errors.euler_steps}/{part.replace(' ', '_')}"] = error
        return figures


class HeldOut:
    """Evenly spaced rows of episodes that are held out; the same rows and noise every time.

    Args:
        samples: rows to choose from.
        encoding: how they became what the network sees.
        batch: rows at once.
        seed: of the noise.
    """

    def __init__(self, samples: Samples[EncodedSample], encoding: Encoding, batch: int, seed: int) -> None:
        rows = np.linspace(0, len(samples) - 1, min(ROWS, len(samples))).round().astype(int).tolist()
        self._encoding = encoding
        self._seed = seed
        self._batches = [collate([samples[row] for row in rows[i : i + batch]]) for i in range(0, len(rows), batch)]

    @torch.inference_mode()
    def score(self, network: Network, euler_steps: Sequence[int], device: torch.device, step: int) -> Validation:
        """Figures of a network in evaluation mode, which so many updates made."""
        tally, sampled = Tally(()), dict[int, list[FloatArray]]((steps, []) for steps in euler_steps)
        for raw in self._batches:
            batch = plain_batch(raw, self._encoding, device)
            draws = SampleDraws(self._seed, raw.numbers.tolist(), device)
            losses = network(batch, draws)
            tally.add({"loss": losses.main, **losses.others}, torch.zeros(len(raw.numbers), device=device))
            noise = draws.normal(*network.noise_shape)
            for steps, chunks in sampled.items():
                chunks.append(network.sample(batch.inputs, noise, steps).float().cpu().numpy())
        truth = np.concatenate([raw.actions.numpy() for raw in self._batches])
        errors = tuple(
            chunk_errors(np.concatenate(chunks), truth, self._encoding, steps) for steps, chunks in sampled.items()
        )
        return Validation(step=step, terms=tally.take(lambda sums: sums), chunks=errors)


def chunk_errors(sampled: FloatArray, demonstrated: FloatArray, encoding: Encoding, euler_steps: int) -> ChunkErrors:
    """Distance of [row, time, dimension] sampled from demonstrated normalised chunks."""
    active = encoding.action_active
    chunk, truth = (part[..., active].astype(np.float64) for part in (sampled, demonstrated))
    jerk, true_jerk = (_jerk(part) for part in (chunk, truth))
    # Relative chunks start from the same state, so that any will do.
    origin = np.zeros((len(sampled), encoding.dimensions), np.float32)
    away = np.abs(encoding.undo_chunk(sampled, origin) - encoding.undo_chunk(demonstrated, origin))
    return ChunkErrors(
        euler_steps=euler_steps,
        square=float(np.square(chunk - truth).mean()),
        absolute={name: float(away[..., group].mean()) for name, group in GROUPS.items()},
        jerk=jerk / true_jerk if true_jerk else float("nan"),
    )


def _jerk(chunks: FloatArray) -> float:
    """Root mean square third difference over time of [row, time, dimension] chunks; 0 where they are too short."""
    changes = np.diff(chunks, 3, axis=1)
    return float(np.sqrt(np.square(changes).mean())) if changes.size else 0.0
