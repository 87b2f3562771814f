"""Random numbers per sample, independent of batches, processes and interruptions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from hlm.core.arrays import FloatArray


class SampleDraws:
    """Streams of random numbers, one for each sample of a batch; implements `hlm.policies.network.Draws`.

    A stream depends on the seed and on the position of the sample in the sampler's sequence. So two processes that
    split a batch use the same numbers as one process, and resuming needs no state but the position.

    Args:
        seed: seed of the run.
        draws: [batch] position of each sample in the sampler's sequence.
        device: device of the results.
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
