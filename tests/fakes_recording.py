"""Steps to record, and a program that records and is killed, where a process that is spawned can import them."""

import sys
import threading
from pathlib import Path

import numpy as np

from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.runtime.recorder_process import RecorderProcess, RecordingPlan

SIZE = (16, 24)
SPEC = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": SIZE, "right_wrist": SIZE})
INFO = EpisodeInfo(
    instruction="lift the cup", source="policy", task="fake", seed=3, operator="policy", stages=("reach", "place")
)


def plan(path, **changes):
    values = {"inputs": ("state", "image_head"), "privileged": {"hand_m": (2, 3)}} | changes
    return RecordingPlan(path=Path(path), spec=SPEC, info=INFO, **values)


def step(number, size=SIZE, **changes):
    """A step that names itself in all that it has."""
    values = {
        "stamp_ns": 1 + number,
        "state": np.full(34, number),
        "action": np.full(34, -number),
        "images": {name: np.full((*size, 3), number % 200, np.uint8) for name in SPEC.cameras},
        "age_s": {"state": 0.001 * number, "image_head": 0.002 * number},
        "privileged": {"hand_m": np.full((2, 3), number)},
    } | changes
    return Step(**values)


def record_until_killed(path):
    """A program that records ten steps, says so, and waits."""
    with RecorderProcess(plan(path)) as recorder:
        for number in range(10):
            recorder.append(step(number, in_command="policy" if number < 6 else "keyboard"), stage=number // 5)
        sys.stdout.write(f"{recorder.pid}\n")
        sys.stdout.flush()
        threading.Event().wait()
