"""Steps of an OpenHLM episode as arrays, and their faults: pure functions on the parsed `data.json`.

Each step has `state_body` and `action_body` (32 numbers), `state_hand_left` and so on (one number each), and for each
camera `{"video_path", "frame_index"}`. Steps of a teleoperated robot also have `t_img`, `t_wrist`, `t_state` and
`t_action`: the host's wall clock in ms when each was read. Any value may be null.
Source: OpenHLM's recorder (`episode_writer.py`, `run_openhlm_data_record.py`) and HuMI's exporter
(`generate_final.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from hlm.core.arrays import FloatArray
from hlm.core.layout import ROOT_YAW_RATE
from hlm.core.yaw_rate import OPENHLM_RECORDER_WEIGHT, refiltered
from hlm.datasets.checks import SPLIT_PERIODS, STALE_S, runs
from hlm.datasets.convert.openhlm_grippers import MARGIN, Hands, Scale
from hlm.datasets.convert.openhlm_layout import OPENHLM_BODY, from_openhlm
from hlm.datasets.selection import ranges

SIDES = ("left", "right")
CLOCKS = {"image": "t_img", "wrist": "t_wrist", "state": "t_state", "action": "t_action"}

_LARGEST = float(np.finfo(np.float32).max)
# No video has as many images.
IMAGES_LIMIT = 2**31

type Stamps = npt.NDArray[np.int64]


@dataclass(slots=True)
class Faults:
    """Faults of the steps of an episode.

    Attributes:
        steps: steps that cannot be kept, by fault.
        breaks: steps that do not follow the one before, by reason.
    """

    steps: dict[str, list[int]] = field(default_factory=dict)
    breaks: dict[str, list[int]] = field(default_factory=dict)

    def step(self, step: int, text: str) -> None:
        """Add a step that cannot be kept."""
        self.steps.setdefault(text, []).append(step)

    def gap(self, step: int, text: str) -> None:
        """Add a break before a step."""
        self.breaks.setdefault(text, []).append(step)

    def stretches(self, steps: int) -> list[tuple[int, int]]:
        """(start, stop) of each stretch of whole, consecutive steps, in order."""
        whole = np.ones(steps, bool)
        whole[[step for found in self.steps.values() for step in found]] = False
        cuts = sorted({step for found in self.breaks.values() for step in found})
        stretches: list[tuple[int, int]] = []
        for start, stop in runs(whole):
            edges = [start, *(cut for cut in cuts if start < cut < stop), stop]
            stretches += list(pairwise(edges))
        return stretches

    def __str__(self) -> str:
        """All faults in one line; empty without any."""
        found = [f"{text} ({_steps(steps)})" for text, steps in self.steps.items()]
        return "; ".join([*found, *(f"{text} (before {_steps(steps)})" for text, steps in self.breaks.items())])


def vectors(steps: Sequence[Mapping[str, Any]], kind: str, scale: Scale, faults: Faults) -> FloatArray:
    """[time, 34] float64 states or actions in hlm's order; nan where a step has none.

    Args:
        steps: steps of `data.json`.
        kind: "state" or "action".
        scale: of the hands.
        faults: faults are added to it.
    """
    body = np.full((len(steps), OPENHLM_BODY), np.nan)
    for number, step in enumerate(steps):
        body[number] = _numbers(step, f"{kind}_body", OPENHLM_BODY, number, faults)
    openings = scale.opening(_hands(steps, kind, faults))
    for place, side in enumerate(SIDES):
        beyond = (openings[:, place] < -MARGIN) | (openings[:, place] > 1.0 + MARGIN)
        for number in np.flatnonzero(beyond).tolist():
            faults.step(number, f"{kind}_hand_{side} is not an opening from 0 to 1")
    return from_openhlm(body, openings)


def hands(steps: Sequence[Mapping[str, Any]]) -> Hands:
    """The hands of an episode as recorded."""
    unused = Faults()
    return Hands(*(_hands(steps, kind, unused) for kind in Hands._fields))


def _hands(steps: Sequence[Mapping[str, Any]], kind: str, faults: Faults) -> FloatArray:
    """[time, 2] left and right hands as recorded; nan where a step has none."""
    found = np.full((len(steps), len(SIDES)), np.nan)
    for number, step in enumerate(steps):
        for place, side in enumerate(SIDES):
            found[number, place] = _numbers(step, f"{kind}_hand_{side}", 1, number, faults)[0]
    return found


def clocks(steps: Sequence[Mapping[str, Any]], rate_hz: float, faults: Faults) -> dict[str, Stamps]:
    """[time] when images, wrist images, state and action of each step were read, ns on the host's wall clock.

    Clocks that stand still or run backwards, gaps, and inputs that were too old are added to the faults.
    """
    read_ns: dict[str, Stamps] = {name: np.zeros(len(steps), np.int64) for name in CLOCKS}
    for number, step in enumerate(steps):
        for name, key in CLOCKS.items():
            value = step.get(key)
            if isinstance(value, int | float) and 0 < value < 2**43:
                read_ns[name][number] = round(value * 1000) * 1000
            else:
                faults.step(number, f"no {key}")
    known = np.all([stamps > 0 for stamps in read_ns.values()], axis=0)
    instant_ns = instants(read_ns)
    for number in np.flatnonzero(known[1:] & known[:-1]) + 1:
        step_s = (instant_ns[number] - instant_ns[number - 1]) * 1e-9
        if step_s <= 0.0:
            faults.gap(int(number), "the clock does not advance")
        elif step_s > SPLIT_PERIODS / rate_hz:
            faults.gap(int(number), f"gaps in time of more than {1000 * SPLIT_PERIODS / rate_hz:.0f} ms")
    for name, stamps in read_ns.items():
        for number in np.flatnonzero(known & (instant_ns - stamps > STALE_S * 1e9)):
            faults.step(int(number), f"{CLOCKS[name]} is more than {STALE_S} s old")
    return read_ns


def instants(read_ns: Mapping[str, Stamps]) -> Stamps:
    """[time] instant of each step, when the last of its inputs was read, ns."""
    latest: Stamps = np.max(list(read_ns.values()), axis=0)
    return latest


def images(steps: Sequence[Mapping[str, Any]], camera: str, faults: Faults) -> tuple[set[str], Stamps]:
    """Paths of a camera's videos, and [time] the number of each step's image in them; -1 without one."""
    paths, numbers, last = set(), np.full(len(steps), -1, np.int64), 0
    for step, content in enumerate(steps):
        place = content.get(camera)
        path, number = map(place.get, ("video_path", "frame_index")) if isinstance(place, dict) else (None, None)
        # True and False are whole numbers too for Python.
        if not isinstance(path, str) or type(number) is not int or not 0 <= number < IMAGES_LIMIT:
            faults.step(step, f"no image of {camera}")
        elif number < last:
            faults.step(step, f"frame_index of {camera} runs backwards")
        else:
            paths.add(path)
            numbers[step] = last = number
    return paths, numbers


def skipped_images(numbers: Stamps, faults: Faults) -> None:
    """Find gaps in time of steps that follow their images, from [time] the numbers of these; -1 without one."""
    known = numbers >= 0
    for step in np.flatnonzero(known[1:] & known[:-1] & (np.diff(numbers) > SPLIT_PERIODS)) + 1:
        faults.gap(int(step), "images are skipped")


def lost_steps(steps: Sequence[Mapping[str, Any]], faults: Faults) -> None:
    """Find gaps where the recorder lost steps, by their `idx`."""
    for number, (before, step) in enumerate(pairwise(steps), 1):
        first, second = before.get("idx"), step.get("idx")
        if isinstance(first, int) and isinstance(second, int) and second != first + 1:
            faults.gap(number, "steps were lost in recording")


def undo_turns(vectors_34: FloatArray, rate_hz: float) -> tuple[FloatArray, int]:
    """Remove whole turns from the yaw rates of vectors.

    HuMI's exporter differentiates yaw without unwrapping it, so where yaw passes half a turn, the two steps around are
    off by pi times the rate, 94 rad/s. All other values stay the same, to the bit.

    Args:
        vectors_34: [time, 34] vectors.
        rate_hz: steps per second.

    Returns:
        [time, 34] changed vectors, and the number of changed steps.
    """
    jump_rad_s = math.pi * rate_hz
    turns = np.nan_to_num(np.round(vectors_34[:, ROOT_YAW_RATE] / jump_rad_s))
    changed = vectors_34.copy()
    changed[:, ROOT_YAW_RATE] -= turns * jump_rad_s
    return changed, int(np.count_nonzero(turns))


def refilter_yaw_rate(vectors_34: FloatArray, stamp_ns: Stamps, *, humi: bool) -> FloatArray:
    """[time, 34] changed vectors: their yaw rates smoothed as hlm's live filter smooths, which the robot's policy sees.

    OpenHLM's recorder smooths them more, HuMI's exporter not at all: see `hlm.core.yaw_rate`. Both take what another
    program tells them for a yaw: that of an action is already smoothed once, by the streamer, and stays so.

    Args:
        vectors_34: [time, 34] states or actions of consecutive steps, as recorded.
        stamp_ns: [time] instants of the steps, ns.
        humi: whether HuMI's exporter wrote them.
    """
    changed = vectors_34.copy()
    weight = 1.0 if humi else OPENHLM_RECORDER_WEIGHT
    changed[:, ROOT_YAW_RATE] = refiltered(vectors_34[:, ROOT_YAW_RATE], stamp_ns, weight)
    return changed


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value of `data.json` is a number that a float32 can hold; JSON's whole numbers may be of any size."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST


def _numbers(step: Mapping[str, Any], name: str, size: int, number: int, faults: Faults) -> Sequence[float]:
    """The finite numbers that a step has under a name; without them nan, and a fault."""
    value: Any = step.get(name)
    values: list[Any] = value if isinstance(value, list) else [value]
    if value is None:
        faults.step(number, f"{name} is null" if name in step else f"no {name}")
    elif len(values) != size or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
        faults.step(number, f"{name} is not {'one number' if size == 1 else f'{size} numbers'}")
    elif not all(map(is_number, values)):
        faults.step(number, f"{name} is not finite")
    else:
        return values
    return [math.nan] * size


def _steps(numbers: Iterable[int]) -> str:
    found = sorted(set(numbers))
    return f"step{'s' if len(found) > 1 else ''} {ranges(found)}"
