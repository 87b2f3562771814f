"""Figures of many batches and processes added up: weighted means of the loss' terms, and of the loss per source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from hlm.policies.network import Term


class Tally:
    """Weighted sums since the last look; kept on the device, so that adding waits for nothing.

    Args:
        sources: names of the mixture's parts.
    """

    def __init__(self, sources: Sequence[str]) -> None:
        self._sources = tuple(sources)
        self._sums: dict[str, Tensor] = {}

    def add(self, terms: Mapping[str, Term], parts: Tensor) -> None:
        """Count a batch.

        Args:
            terms: of the loss; `loss` has one item per sample.
            parts: [batch] which source each sample is from.
        """
        for name, term in terms.items():
            self._count(name, (term.values * term.weights).sum(), term.weights.sum())
        loss = terms["loss"]
        for place, source in enumerate(self._sources):
            here = loss.weights * (parts == place).to(loss.weights)
            self._count(f"loss/{source}", (loss.values * here).sum(), here.sum())

    def take(self, reduce: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """Weighted means by name, and start anew; nan where nothing counted.

        Args:
            reduce: adds a tensor up over all processes.
        """
        names = list(self._sums)
        sums = reduce(torch.stack([self._sums[name] for name in names])).tolist()
        self._sums.clear()
        return {
            name: total / weight if weight else float("nan") for name, (total, weight) in zip(names, sums, strict=True)
        }

    def _count(self, name: str, total: Tensor, weight: Tensor) -> None:
        pair = torch.stack([total.detach().double(), weight.detach().double()])
        self._sums[name] = self._sums[name] + pair if name in self._sums else pair
