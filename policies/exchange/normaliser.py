"""Quantiles as statistics of LeRobot's normaliser, and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from lerobot.configs.types import NormalizationMode

from hlm.core.arrays import FloatArray
from hlm.core.errors import MismatchError
from hlm.datasets.statistics import VectorStatistics
from hlm.policies.transforms.quantiles import APART, Quantiles
from hlm.policies.transforms.state_prompt import BINS

MODES: Mapping[NormalizationMode, tuple[str, str]] = {
    NormalizationMode.QUANTILES: ("q01", "q99"),
    NormalizationMode.QUANTILE10: ("q10", "q90"),
    NormalizationMode.MIN_MAX: ("min", "max"),
    NormalizationMode.MEAN_STD: ("mean", "std"),
}
"""The two statistics that each of LeRobot's modes uses."""

# LeRobot has no inactive dimensions. A range this large normalises any motion of such a joint to about 0.
FAR = 1e6


def state_stats(quantiles: Quantiles, *, in_bins: bool = False) -> dict[str, FloatArray]:
    """Statistics with which LeRobot normalises states as these quantiles do.

    Args:
        quantiles: quantiles of the states.
        in_bins: whether the network reads the bin of each value. 0 is the edge of a bin, and rounding must not move it
            into the wrong one.
    """
    middle = 0.5 * (np.float64(quantiles.low) + quantiles.high)
    shift = FAR / BINS if in_bins else 0.0
    return _figures(quantiles, middle - FAR - shift, middle + FAR - shift)


def action_stats(quantiles: Quantiles) -> dict[str, FloatArray]:
    """Statistics with which LeRobot undoes the normalisation of actions as these quantiles do."""
    middle = 0.5 * (np.float64(quantiles.low) + quantiles.high)
    return _figures(quantiles, middle, middle)


def _figures(quantiles: Quantiles, low: FloatArray, high: FloatArray) -> dict[str, FloatArray]:
    """The quantiles, replaced by `low` and `high` where a dimension is inactive."""
    active = quantiles.active
    return {
        "q01": np.where(active, quantiles.low, low).astype(np.float32),
        "q99": np.where(active, quantiles.high, high).astype(np.float32),
    }


def statistics_of(figures: Mapping[str, FloatArray], mode: NormalizationMode, source: str) -> VectorStatistics:
    """Statistics whose quantiles are the values that LeRobot's normaliser maps to -1 and 1.

    Args:
        figures: [34] statistics by name; empty where LeRobot does not normalise.
        mode: mode of the normaliser.
        source: what is normalised, for error messages.

    Raises:
        MismatchError: a statistic is missing, not finite, or one that no data can have.
    """
    low, high = _ends(figures, mode, source)
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    known = {
        name: figures[name]
        for name in ("mean", "std", "min", "max")
        if name in figures and np.isfinite(figures[name]).all()
    }
    found = VectorStatistics(**{"q01": low, "q99": high, "mean": middle, "std": half, "min": low, "max": high} | known)
    if fault := found.fault():
        raise MismatchError(f"LeRobot's normaliser of {source} cannot be used: {fault}.")
    return found


def _ends(figures: Mapping[str, FloatArray], mode: NormalizationMode, source: str) -> tuple[FloatArray, FloatArray]:
    if mode not in MODES or not figures:
        return -np.ones(34), np.ones(34)
    for name in MODES[mode]:
        if name not in figures or not np.isfinite(figures[name]).all():
            raise MismatchError(f"LeRobot's normaliser of {source} has no finite '{name}', which {mode.value} needs.")
    first, second = (np.asarray(figures[name], np.float64) for name in MODES[mode])
    if mode is not NormalizationMode.MEAN_STD:
        return first, second
    half = np.maximum(second, 0.5 * APART * np.maximum(1.0, np.abs(first)))
    return first - half, first + half
