"""What every task offers: a seeded scene, an instruction, and progress through ordered stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hlm.core.arrays import FloatArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One drawn scene.

    Attributes:
        seed: what it was drawn from.
        candidates: an instruction for each object that could be asked for.
        candidate: index of the one that is asked for.
        scene: number of the scene; instances that share it differ only in what is asked for. None: the seed's own.
    """

    seed: int
    candidates: tuple[str, ...]
    candidate: int
    scene: int | None = None

    @property
    def instruction(self) -> str:
        """What the robot is told."""
        return self.candidates[self.candidate]


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far an episode has come.

    Attributes:
        stage: number of ordered stages reached so far.
        success: all stages reached, the end state holds now, and no wrong object was taken.
        wrong_object: an object that the instruction does not name was lifted.
        fell: the robot is down; the episode is lost.
    """

    stage: int = 0
    success: bool = False
    wrong_object: bool = False
    fell: bool = False


class Task(Protocol):
    """A scene that can be drawn again and again from seeds."""

    name: str
    stages: tuple[str, ...]
    time_limit_s: float

    def reset(self, seed: int) -> Instance:
        """Draw the scene of this seed and put the robot into it."""
        ...

    def update(self) -> Progress:
        """Look at the world now; stages that were reached stay reached."""
        ...

    def labels(self) -> Mapping[str, FloatArray]:
        """Privileged quantities for auxiliary losses; a policy never sees them."""
        ...
