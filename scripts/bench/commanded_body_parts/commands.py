"""Streams of commands: functions of time, some of them drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.inverse_kinematics import PoseTarget
from hlm.core.arrays import FloatArray

type Stream = Callable[[float], BodyCommand]

_DEVICE_HZ = 10.0
# A key that is held repeats itself so often.
_KEYS_HZ = 30.0
_AT_EASE = (np.array([0.25, 0.25, 0.95]), np.array([0.25, -0.25, 0.95]))


class Script(NamedTuple):
    """A stream and how long it lasts.

    Attributes:
        at: the command at a time in s.
        duration_s: until its end.
    """

    at: Stream
    duration_s: float


def walk(velocity: tuple[float, float, float], random: np.random.Generator) -> Script:
    """Walks for ten seconds at [3] ahead, left (m/s) and turn (rad/s), and stops."""
    del random

    def at(time_s: float) -> BodyCommand:
        walks = 1.0 <= time_s < 11.0
        return _walking(np.array(velocity)) if walks else BodyCommand()

    return Script(at, 15.0)


def shelf(random: np.random.Generator) -> Script:
    """Squats to 0.5 m while a hand reaches for a low shelf, and comes up."""
    del random

    def at(time_s: float) -> BodyCommand:
        low = 1.0 <= time_s < 5.0
        grip = target(0.38, -0.15, 0.5) if low else target(0.3, -0.2, 0.95)
        height_m, pitch_rad = (0.5, 0.3) if low else (0.74, 0.0)
        return BodyCommand(pelvis_height_m=height_m, pelvis_pitch_rad=pitch_rad, grips=(None, grip))

    return Script(at, 9.0)


def extremes(random: np.random.Generator) -> Script:
    """Height, lean and waist from end to end of what is allowed, and beyond it, in jumps each 1.5 s."""
    jumps = [random.uniform([0.3, -0.4, -0.4, -1.0, -0.4, -0.5], [0.9, 0.4, 1.0, 1.0, 0.4, 0.5]) for _ in range(40)]

    def at(time_s: float) -> BodyCommand:
        height_m, roll, pitch, *waist = jumps[int(time_s / 1.5)]
        return BodyCommand(
            pelvis_height_m=height_m, pelvis_roll_rad=roll, pelvis_pitch_rad=pitch, waist_rad=np.array(waist)
        )

    return Script(at, 58.0)


def fast_hands(random: np.random.Generator) -> Script:
    """Both hands jump to places within and beyond reach, each 0.7 s; now and then one is let go."""
    places = [[_drawn_grip(random, side) for side in (1.0, -1.0)] for _ in range(100)]

    def at(time_s: float) -> BodyCommand:
        left, right = places[int(time_s / 0.7)]
        return BodyCommand(grips=(left, right))

    return Script(at, 60.0)


def low_keys(random: np.random.Generator) -> Script:
    """Squats as low as it can by keys, and moves the right hand by keys that are pressed, or held and repeat."""
    place_m, places = np.array([0.3, -0.25, 0.55]), []
    while len(places) < 60.0 * _KEYS_HZ:
        way = np.eye(3)[random.integers(3)] * random.choice([-1.0, 1.0])
        held = random.random() < 0.6
        for tick in range(int(random.uniform(0.2, 1.5) * _KEYS_HZ)):
            if held or tick % 8 == 0:
                place_m = np.clip(place_m + 0.01 * way, [0.1, -0.6, 0.15], [0.65, 0.15, 1.0])
            places.append(place_m)

    def at(time_s: float) -> BodyCommand:
        if time_s < 1.0:
            return BodyCommand()
        height_m = max(0.45, 0.74 - 0.02 * np.floor((time_s - 1.0) * 8.0))
        grip = None if time_s < 4.0 else target(*places[int((time_s - 4.0) * _KEYS_HZ)].tolist())
        return BodyCommand(pelvis_height_m=float(height_m), grips=(None, grip))

    return Script(at, 60.0)


def feet(random: np.random.Generator) -> Script:
    """Each foot is lifted, moved and put down, at drawn places."""
    places = random.uniform([-0.3, 0.1, 0.0], [0.35, 0.35, 0.25], size=(10, 3))

    def at(time_s: float) -> BodyCommand:
        number, within_s = divmod(time_s, 6.0)
        x, y, z = places[int(number)]
        if within_s > 4.0:
            return BodyCommand()
        left = int(number) % 2 == 0
        sole = target(float(x), float(y if left else -y), float(z))
        return BodyCommand(soles=(sole, None) if left else (None, sole))

    return Script(at, 60.0)


def starts_and_stops(random: np.random.Generator) -> Script:
    """Walking commands that come, change and go at any time."""
    return _joined(random, hands=False, pelvis=False)


def everything(random: np.random.Generator) -> Script:
    """Walking, height, lean, hands and grippers, all at once."""
    return _joined(random, hands=True, pelvis=True)


def target(x: float, y: float, z: float) -> PoseTarget:
    """A place in the stance frame, m."""
    return PoseTarget(position_in_world_m=np.array([x, y, z]))


def _joined(random: np.random.Generator, *, hands: bool, pelvis: bool) -> Script:
    """Each of them changes at times of its own; sampled as by a slow device."""
    velocities = _changes(random, (0.2, 3.0), lambda: _drawn_velocity(random))
    heights = _changes(random, (0.5, 4.0), lambda: random.uniform([0.4, -0.2, -0.2], [0.8, 0.2, 0.7]))
    lefts = _changes(random, (0.3, 3.0), lambda: _drawn_grip(random, 1.0))
    rights = _changes(random, (0.3, 3.0), lambda: _drawn_grip(random, -1.0))

    def at(time_s: float) -> BodyCommand:
        time_s = np.floor(time_s * _DEVICE_HZ) / _DEVICE_HZ
        height_m, roll, pitch = _now(heights, time_s)
        velocity = _now(velocities, time_s)
        return BodyCommand(
            velocity_m_s=velocity[:2],
            turn_rate_rad_s=float(velocity[2]),
            pelvis_height_m=float(height_m) if pelvis else None,
            pelvis_roll_rad=float(roll) if pelvis else 0.0,
            pelvis_pitch_rad=float(pitch) if pelvis else 0.0,
            grips=(_now(lefts, time_s), _now(rights, time_s)) if hands else (None, None),
            gripper_opening=np.array([time_s % 2.0 < 1.0, time_s % 3.0 < 1.0], dtype=float),
        )

    return Script(at, 60.0)


def _changes[Value](
    random: np.random.Generator, pause_s: tuple[float, float], drawn: Callable[[], Value]
) -> list[tuple[float, Value]]:
    """What is asked from when on."""
    changes, time_s = [(0.0, drawn())], 0.0
    while time_s < 60.0:
        time_s += float(random.uniform(*pause_s))
        changes.append((time_s, drawn()))
    return changes


def _now[Value](changes: Sequence[tuple[float, Value]], time_s: float) -> Value:
    return [value for since_s, value in changes if since_s <= time_s][-1]


def _drawn_velocity(random: np.random.Generator) -> FloatArray:
    """Nothing in a third of the draws, else up to beyond the limits."""
    if random.random() < 0.35:
        return np.zeros(3)
    return random.uniform([-0.4, -0.3, -0.8], [0.5, 0.3, 0.8]) * (random.random(3) < 0.6)


def _drawn_grip(random: np.random.Generator, side: float) -> PoseTarget | None:
    if random.random() < 0.25:
        return None
    x, y, z = random.uniform([0.15, 0.02, 0.55], [0.7, 0.6, 1.4])
    return target(float(x), float(side * y), float(z))


def _walking(velocity: FloatArray) -> BodyCommand:
    return BodyCommand(velocity_m_s=velocity[:2], turn_rate_rad_s=float(velocity[2]))


ROWS: dict[str, Callable[[np.random.Generator], Script]] = {
    "ahead 0.2 m/s": partial(walk, (0.2, 0.0, 0.0)),
    "ahead 0.3 m/s": partial(walk, (0.3, 0.0, 0.0)),
    "back 0.15 m/s": partial(walk, (-0.15, 0.0, 0.0)),
    "left 0.12 m/s": partial(walk, (0.0, 0.12, 0.0)),
    "turn 0.4 rad/s": partial(walk, (0.0, 0.0, 0.4)),
    "low shelf": shelf,
    "lean and height at random": extremes,
    "fast hands at random": fast_hands,
    "low, hand by keys at random": low_keys,
    "feet at random": feet,
    "walks at random": starts_and_stops,
    "all at random": everything,
}


def is_random(row: str) -> bool:
    """Whether a row is drawn."""
    return row.endswith("at random")
