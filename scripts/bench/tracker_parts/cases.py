"""The table's rows and the cases of each, and which cases are held out."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from tracker_parts.clips import MOTIONS, Clip, Family
from tracker_parts.random_motion import FastArms, RandomReach, RandomWalk
from tracker_parts.real_motion import RealMotion
from tracker_parts.standard_motion import STANDING, StandardMotion
from tracker_parts.stream_faults import BASES, KINDS, FaultyStream
from tracker_parts.streams import Recipe
from tracker_parts.surroundings import Surroundings

from hlm.cli.trackers import WHOLE_BODY
from hlm.core.arrays import FloatArray
from hlm.sim.motions import VELOCITIES

GROUPS: Mapping[str, str] = {
    "a": "real motion",
    "b": "random references",
    "c": "standard motions with noise",
    "d": "stream faults",
    "e": "pushes",
    "f": "payloads",
    "g": "model error, noise, delay",
    "h": "floors",
}
SPEEDS = (0.5, 0.75, 1.0)
FAMILIES: Mapping[Family, str] = {
    "omomo_g1": "OMOMO on the G1",
    "omomo": "OMOMO, our retargeting",
    "everyday": "pybullet, our retargeting",
    "impossible": "impossible (climb, crawl, jump)",
}
_WALKS, _MOVES = tuple(VELOCITIES), ("forward_0.2", "reach", "arms", "squat")
_HELD_OUT_OF = 3


class Source(NamedTuple):
    """A clip and what it asks of the robot.

    Attributes:
        clip: the recording.
        trajectory: [time, 36] `real_motion.clip_trajectory`.
    """

    clip: Clip
    trajectory: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One run of the table.

    Attributes:
        group: letter of `GROUPS`.
        row: its row in the table.
        recipe: makes the stream.
        seed: of the stream.
        around: what the tracker is not told.
        held_out: never used to tune a tracker.
        tracker: name of the tracker.
    """

    group: str
    row: str
    recipe: Recipe
    seed: int
    around: Surroundings
    held_out: bool
    tracker: str = WHOLE_BODY

    @property
    def title(self) -> str:
        """Unique name of the case among those of a tracker; its result has the same."""
        return f"{self.group}/{self.row}/{self.recipe.name}/{self.seed}"

    @property
    def random(self) -> np.random.Generator:
        """The generator of the stream's numbers; no two rows share them."""
        return np.random.default_rng([zlib.crc32(f"{self.group}/{self.row}".encode()), self.seed])


def held_out_seed(seed: int) -> bool:
    """Whether a seed is held out: every third, beginning with 2."""
    return seed % _HELD_OUT_OF == _HELD_OUT_OF - 1


def held_out_clip(name: str) -> bool:
    """Whether a recording is held out: the first, fourth, ... of each list of `clips.MOTIONS`.

    All forms of one motion (on the robot, as a body) share what stands before the `/`, and are held out together.
    """
    motion = name.split("/")[0]
    return any(motion in names[::_HELD_OUT_OF] for names in MOTIONS.values())


def all_cases(sources: list[Source], groups: str, seeds: int) -> list[Case]:
    """The cases of some groups.

    Args:
        sources: of group a.
        groups: letters of `GROUPS`.
        seeds: cases of each row that has chance in it.
    """
    makers: Mapping[str, Callable[[], Iterator[Case]]] = {
        "a": lambda: _real(sources, seeds),
        "b": lambda: _random(seeds),
        "c": lambda: _noisy(seeds),
        "d": lambda: _faulty(seeds),
        "e": lambda: _pushed(seeds),
        "f": lambda: _loaded(seeds),
        "g": lambda: _flawed(seeds),
        "h": lambda: _floors(seeds),
    }
    return [case for group in groups for case in makers[group]()]


def _real(sources: list[Source], seeds: int) -> Iterator[Case]:
    for family, title in FAMILIES.items():
        members = [source for source in sources if source.clip.family == family]
        if not members:
            continue
        for speed in SPEEDS:
            row = f"{title} x {speed:g}"
            if family != "impossible":
                for source in members:
                    for mirror in (False, True):
                        yield _real_case(source, row, speed, seed=int(mirror), window=False)
            for seed in range(seeds):
                yield _real_case(members[seed % len(members)], row, speed, seed=seed, window=True)


def _real_case(source: Source, row: str, speed: float, *, seed: int, window: bool) -> Case:
    recipe = RealMotion(
        name=f"{source.clip.name} {'window' if window else 'whole'}",
        trajectory=source.trajectory,
        speed=speed,
        window=window,
        in_mirror=not window and bool(seed),
    )
    out = held_out_clip(source.clip.name)
    return Case(group="a", row=row, recipe=recipe, seed=seed, around=Surroundings(seed=seed), held_out=out)


def _random(seeds: int) -> Iterator[Case]:
    for recipe in (RandomReach(balanced=True), RandomReach(balanced=False), FastArms(), RandomWalk()):
        yield from _seeded("b", recipe.name, [recipe], seeds)


def _noisy(seeds: int) -> Iterator[Case]:
    for noise_rad in (0.01, 0.02, 0.04):
        for title, names in (("standing", STANDING), ("walking", _WALKS)):
            recipes = [StandardMotion(name=name, noise_rad=noise_rad) for name in names]
            yield from _seeded("c", f"{title}, {noise_rad:g} rad", recipes, seeds)


def _faulty(seeds: int) -> Iterator[Case]:
    for kind in KINDS:
        yield from _seeded("d", kind, [FaultyStream(kind=kind, base=base) for base in BASES], seeds)


def _pushed(seeds: int) -> Iterator[Case]:
    situations = {
        "standing": ("hold_stand", (2.0, 4.0)),
        "squatting": ("hold_squat", (3.5, 6.0)),
        "reaching": ("hold_reach", (4.0, 6.5)),
        "walking": ("forward_0.2", (2.5, 7.0)),
    }
    for push_n in (50.0, 100.0, 150.0):
        for title, (name, (earliest_s, latest_s)) in situations.items():
            row = f"{push_n:g} N {title}"
            for case in _seeded("e", row, [StandardMotion(name=name)], seeds):
                drawn = case.random
                # From all sides, whatever the number of seeds: the golden ratio fills a circle evenly.
                angle = 2.0 * np.pi * ((case.seed * 0.5 * (np.sqrt(5.0) - 1.0)) % 1.0)
                when_s = float(drawn.uniform(earliest_s, latest_s))
                yield _in(case, Surroundings(push_n=push_n, push_s=when_s, push_rad=float(angle), seed=case.seed))


def _loaded(seeds: int) -> Iterator[Case]:
    for payload in ((0.0, 1.0), (0.0, 2.0), (1.0, 1.0), (2.0, 2.0)):
        row = f"{payload[0]:g} + {payload[1]:g} kg"
        for case in _seeded("f", row, [StandardMotion(name=name, noise_rad=0.005) for name in _MOVES], seeds):
            hands = payload if case.seed % 2 else payload[::-1]
            yield _in(case, Surroundings(payload_kg=(hands[0], hands[1]), seed=case.seed))


def _flawed(seeds: int) -> Iterator[Case]:
    flaws = {
        "masses 5 %": Surroundings(mass_error=0.05),
        "friction 0.5": Surroundings(friction=0.5),
        "motors 90 %": Surroundings(motor_strength=0.9),
        "sensor noise": Surroundings(sensor_noise=1.0),
        "delay 10 ms": Surroundings(delay_s=0.01),
        "delay 20 ms": Surroundings(delay_s=0.02),
        "all, 10 ms": Surroundings(mass_error=0.05, friction=0.5, motor_strength=0.9, sensor_noise=1.0, delay_s=0.01),
    }
    for row, around in flaws.items():
        for case in _seeded("g", row, [StandardMotion(name=name, noise_rad=0.005) for name in _MOVES], seeds):
            yield _in(case, replace(around, seed=case.seed))


def _floors(seeds: int) -> Iterator[Case]:
    names = (*_MOVES, "backward_0.2", "turn_0.4", "sideways_0.1")
    for row, slope_deg, bumps_m in (
        ("slope 1 deg", 1.0, 0.0),
        ("slope 2 deg", 2.0, 0.0),
        ("slope 3 deg", 3.0, 0.0),
        ("uneven by 1 cm", 0.0, 0.01),
    ):
        for case in _seeded("h", row, [StandardMotion(name=name, noise_rad=0.005) for name in names], seeds):
            direction = float(case.random.uniform(0.0, 2.0 * np.pi))
            around = Surroundings(
                slope_rad=float(np.radians(slope_deg)), slope_direction_rad=direction, bumps_m=bumps_m, seed=case.seed
            )
            yield _in(case, around)


def _seeded(group: str, row: str, recipes: Sequence[Recipe], seeds: int) -> Iterator[Case]:
    """Cases of a row whose recipes take turns; with any number that 3 does not divide, each meets held-out seeds."""
    for seed in range(seeds):
        recipe = recipes[seed % len(recipes)]
        around = Surroundings(seed=seed)
        yield Case(group=group, row=row, recipe=recipe, seed=seed, around=around, held_out=held_out_seed(seed))


def _in(case: Case, around: Surroundings) -> Case:
    return replace(case, around=around)
