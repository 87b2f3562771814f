"""The seam to tasks: an instruction drawn from a seed, and progress through ordered stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hlm.core.arrays import FloatArray


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskInstance:
    """One instance of a task: a scene and what is asked for in it.

    Attributes:
        seed: the seed it was drawn from; None where a person set the scene up.
        candidates: one instruction for each object that could be asked for.
        candidate: index of the instruction that was given.
        scene: scene number; instances with the same number differ only in the instruction. None means one scene per
            seed.
    """

    seed: int | None
    candidates: tuple[str, ...]
    candidate: int
    scene: int | None = None

    @property
    def instruction(self) -> str:
        """The instruction given to the robot."""
        return self.candidates[self.candidate]


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far an episode has come.

    Attributes:
        stage: number of stages reached so far, in order.
        success: all stages were reached, the goal state holds now, and no wrong object was lifted.
        wrong_object: an object that the instruction does not name was lifted.
        fell: the robot has fallen; the episode is lost.
    """

    stage: int = 0
    success: bool = False
    wrong_object: bool = False
    fell: bool = False


class Task(Protocol):
    """What the control loop may know about a task; nothing here depends on a simulator or a robot.

    Attributes:
        name: unique name, as in datasets and on the command line.
        stages: names of the stages in the order in which they are reached.
        time_limit_s: longest duration of an episode.
    """

    name: str
    stages: tuple[str, ...]
    time_limit_s: float

    def reset(self, seed: int) -> TaskInstance:
        """Start a new episode; the same seed gives the same instance."""
        ...

    def update(self) -> Progress:
        """Evaluate the current state; stages that were reached stay reached."""
        ...

    def privileged(self) -> Mapping[str, FloatArray]:
        """Privileged quantities by name, for auxiliary losses and analysis; a policy never receives them."""
        ...
