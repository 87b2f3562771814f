"""Random numbers that belong to a sample: the same in whatever batch, process and run it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from hlm.core.arrays import FloatArray


class SampleDraws:
    """Streams of random numbers, one for each sample of a batch; implements `hlm.policies.network.Draws`.

    A stream depends on the seed and on the number of the draw that brought the sample. So two processes that share the
    draws of one compute with the same numbers, and a run that goes on at a draw needs no other state.

    Args:
        seed: of the run.
        draws: [batch] number of the draw that brought each sample.
        device: where the numbers are wanted.
    """

    def __init__(self, seed: int, draws: Sequence[int], device: torch.device | str = "cpu") -> None:
        self._streams = [np.random.Generator(np.random.Philox(key=[seed, draw])) for draw in draws]
        self._device = torch.device(device)

    def normal(self, *shape: int) -> Tensor:
        """[batch, *shape] float32, standard normal."""
        return self._stacked(lambda stream: stream.standard_normal(shape, np.float32))

    def uniform(self, *shape: int) -> Tensor:
        """[batch, *shape] float32, uniform in [0, 1)."""
        return self._stacked(lambda stream: stream.random(shape, np.float32))

    def _stacked(self, draw: Callable[[np.random.Generator], FloatArray]) -> Tensor:
        numbers = np.stack([np.asarray(draw(stream), np.float32) for stream in self._streams])
        return torch.from_numpy(numbers).to(self._device)
