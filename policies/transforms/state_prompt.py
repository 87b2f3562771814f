"""The text that pi0.5 was taught to read: the task, and the state in whole numbers.

Source: openpi's `PaligemmaTokenizer`, and LeRobot's `Pi05PrepareStateTokenizerProcessorStep`, which this equals.
"""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.policies.transforms.text import TokenArray

BINS = 256
_EDGES = np.linspace(-1.0, 1.0, BINS + 1)[:-1]


def digitise(state: FloatArray) -> TokenArray:
    """[..., dimension] which of 256 equal parts of [-1, 1] each normalised value is in; -1 below, 255 above."""
    return np.digitize(state, _EDGES) - 1


def prompt(instruction: str, state: FloatArray | None = None) -> str:
    """What the network reads: task and [dimension] normalised state, or the instruction alone and a line break."""
    words = instruction.strip().replace("_", " ").replace("\n", " ")
    if state is None:
        return f"{words}\n"
    numbers = " ".join(str(number) for number in digitise(state))
    return f"Task: {words}, State: {numbers};\nAction: "
