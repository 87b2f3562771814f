"""Weighted means of the loss terms, and of the loss per dataset, over batches and processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from hlm.policies.network import Term


class Tally:
    """Weighted sums since they were last taken; kept on the device, so that adding never waits for it.

    Args:
        datasets: names of the mixture's datasets.
    """

    def __init__(self, datasets: Sequence[str]) -> None:
        self._datasets = tuple(datasets)
        self._sums: dict[str, Tensor] = {}

    def add(self, terms: Mapping[str, Term], drawn_from: Tensor) -> None:
        """Add a batch.

        Args:
            terms: terms of the loss by name; `loss` has one item per sample.
            drawn_from: [batch] index of the dataset that each sample is from.
        """
        for name, term in terms.items():
            self._count(name, (term.values * term.weights).sum(), term.weights.sum())
        loss = terms["loss"]
        for place, dataset in enumerate(self._datasets):
            here = loss.weights * (drawn_from == place).to(loss.weights)
            self._count(f"loss/{dataset}", (loss.values * here).sum(), here.sum())

    def take(self, reduce: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """Weighted means by name, nan where no weight was added; the sums start again from zero.

        Args:
            reduce: sums a tensor over all processes.
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
