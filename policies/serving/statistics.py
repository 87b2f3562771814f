"""Statistics of a server's answers, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

# Percentiles are of the newest answers; an hour at three chunks a second has 11,000.
KEPT = 1000
PERCENTILES = (50, 90, 99)


class ServingStatistics:
    """Counts of requests, and durations of the newest answers.

    Attributes:
        requests: answered requests, refused ones included.
        errors: refused requests.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.errors = 0
        self._infer_s: deque[float] = deque(maxlen=KEPT)
        self._queue_s: deque[float] = deque(maxlen=KEPT)

    def answered(self, infer_s: float, queue_s: float) -> None:
        """Count an answer, computed in `infer_s` after waiting for `queue_s`."""
        self.requests += 1
        self._infer_s.append(infer_s)
        self._queue_s.append(queue_s)

    def refused(self) -> None:
        """Count a refused request."""
        self.requests += 1
        self.errors += 1

    def latency_ms(self) -> dict[str, dict[str, float]]:
        """Percentiles of computing (`infer`) and waiting (`queue`), ms; empty before the first answer."""
        return {"infer": _percentiles_ms(self._infer_s), "queue": _percentiles_ms(self._queue_s)}


def _percentiles_ms(durations_s: Iterable[float]) -> dict[str, float]:
    values = np.fromiter(durations_s, np.float64) * 1e3
    if not len(values):
        return {}
    return {
        f"p{rank}": round(float(value), 3)
        for rank, value in zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True)
    }
