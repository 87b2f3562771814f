"""How old what people's devices said was, over a dataset."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.core.inputs import DEVICE
from hlm.datasets.reader import Dataset


class DeviceAge(NamedTuple):
    """Age of what a person's device had said last, at the steps of the episodes that have one.

    Attributes:
        episodes: number of episodes that have one.
        median_s: median over all of their steps.
        p99_s: 99th percentile.
        worst_s: the oldest.
    """

    episodes: int
    median_s: float
    p99_s: float
    worst_s: float


def device_age(dataset: Dataset) -> DeviceAge | None:
    """The ages over a dataset; None if no episode has a device.

    Raises:
        CorruptError: ages cannot be read.
        StorageError: the disk refused.
    """
    ages_s = [episode.age_s(DEVICE) for episode in dataset.episodes if DEVICE in episode.inputs and len(episode)]
    if not ages_s:
        return None
    median_s, p99_s, worst_s = np.percentile(np.concatenate(ages_s), [50.0, 99.0, 100.0]).tolist()
    return DeviceAge(len(ages_s), median_s, p99_s, worst_s)
