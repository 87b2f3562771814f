"""Group d: streams that step, jump, drop out, freeze, stop, glitch or come in bursts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from tracker_parts.standard_motion import StandardMotion
from tracker_parts.streams import Stream

from hlm.control.model import BodyModel
from hlm.core.clock import STEP_HZ
from hlm.core.layout import GRIPPERS

BASES = ("squat", "bend", "reach", "lean", "arms", "forward_0.2", "backward_0.2", "turn_0.4", "fast", "in_place")
_STEP_RAD, _GLITCH_RAD, _GLITCHES = 0.15, 0.5, 5


@dataclass(frozen=True, kw_only=True)
class FaultyStream:
    """A standard motion whose stream has one kind of fault.

    Attributes:
        kind: one of `KINDS`.
        base: the motion.
    """

    kind: str
    base: str

    @property
    def name(self) -> str:
        """What it makes."""
        return f"{self.kind} in {self.base}"

    def make(self, model: BodyModel, random: np.random.Generator) -> Stream:
        """The stream with faults at times that are drawn."""
        other = StandardMotion(name=BASES[random.integers(len(BASES))]).make(model, random)
        return KINDS[self.kind](StandardMotion(name=self.base).make(model, random), other, random)


def step(stream: Stream, other: Stream, random: np.random.Generator) -> Stream:
    """From a moment on every joint is off by a constant, as after a bad calibration."""
    del other
    offset = random.normal(0.0, _STEP_RAD, stream.vectors.shape[1])
    offset[list(GRIPPERS)] = offset[-1] = 0.0
    vectors = stream.vectors.copy()
    vectors[_moment(stream, random) :] += offset
    return _elsewhere(stream, vectors)


def jump(stream: Stream, other: Stream, random: np.random.Generator) -> Stream:
    """From a moment on the stream is another motion's, from the middle of it."""
    begin, end = _moment(stream, random), _moment(other, random)
    vectors = np.concatenate([stream.vectors[:begin], other.vectors[end:]])
    steps = len(vectors)
    height_m = np.concatenate([stream.height_m[:begin], other.height_m[end:]])
    return Stream(
        start=stream.start,
        vectors=vectors,
        arrival_step=np.arange(steps),
        meant=vectors,
        height_m=height_m,
        place_m=np.full((steps, 2), np.nan),
        heading_rad=np.full(steps, np.nan),
    )


def drop_out(stream: Stream, other: Stream, random: np.random.Generator) -> Stream:
    """Three times no reference arrives for 0.1 to 1 s."""
    del other
    arrival = stream.arrival_step.copy()
    for _ in range(3):
        begin = _moment(stream, random)
        arrival[begin : begin + round(random.uniform(0.1, 1.0) * STEP_HZ)] = -1
    return replace(stream, arrival_step=arrival)


def freeze(stream: Stream, other: Stream, random: np.random.Generator) -> Stream:
    """Twice the same reference comes again and again for 0.2 to 1.5 s; then the motion goes on where it is by then."""
    del other
    vectors = stream.vectors.copy()
    for _ in range(2):
        begin = _moment(stream, random)
        vectors[begin : begin + round(random.uniform(0.2, 1.5) * STEP_HZ)] = vectors[begin]
    return replace(stream, vectors=vectors, meant=vectors)


def stop(stream: Stream, other: Stream, random: np.random.Generator) -> Stream:
    """At a moment the stream ends, whatever the body was doing."""
    del other
    begin = _moment(stream, random)
    vectors = stream.vectors.copy()
    vectors[begin:] = vectors[begin - 1]
    arrival = stream.arrival_step.copy()
    arrival[begin:] = -1
    return replace(_elsewhere(stream, vectors), arrival_step=arrival)


def glitch(stream: Stream, other: Stream, random: np.random.Generator) -> Stream:
    """Five references in between are far off."""
    del other
    vectors = stream.vectors.copy()
    for index in random.integers(1, len(vectors), _GLITCHES):
        vectors[index, :-1] += random.normal(0.0, _GLITCH_RAD, vectors.shape[1] - 1)
    vectors[:, list(GRIPPERS)] = stream.vectors[:, list(GRIPPERS)]
    return stream.asking(vectors)


def burst(stream: Stream, other: Stream, random: np.random.Generator) -> Stream:
    """References arrive up to 0.3 s late, several at once, as over a bad network; their order is kept."""
    del other
    late = np.zeros(len(stream.vectors), dtype=int)
    for begin in range(0, len(late), 30):
        length = int(random.integers(3, 10))
        late[begin : begin + length] = np.arange(length, 0, -1)[: len(late[begin : begin + length])]
    arrival = np.maximum.accumulate(np.arange(len(late)) + late)
    return replace(stream, arrival_step=arrival)


KINDS: dict[str, Callable[[Stream, Stream, np.random.Generator], Stream]] = {
    "step": step,
    "jump": jump,
    "drop-out": drop_out,
    "freeze": freeze,
    "stop": stop,
    "glitch": glitch,
    "burst": burst,
}


def _moment(stream: Stream, random: np.random.Generator) -> int:
    """A step in the middle 60 % of a stream."""
    return int(random.uniform(0.2, 0.8) * len(stream.vectors))


def _elsewhere(stream: Stream, vectors: np.ndarray) -> Stream:
    """The stream of vectors that mean themselves, wherever they lead."""
    steps = len(vectors)
    nowhere = np.full((steps, 2), np.nan)
    return replace(
        stream, vectors=vectors, meant=vectors, height_m=nowhere[:, 0], place_m=nowhere, heading_rad=nowhere[:, 1]
    )
