"""What the episodes of a recording session are about: scenes that are drawn, or what stands before a robot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from hlm.core.task import Task, TaskInstance

if TYPE_CHECKING:
    from hlm.datasets.schema import EpisodeInfo


class Scenes(Protocol):
    """What is asked for in the next episode, and where.

    Attributes:
        instance: of the next or the open episode.
        drawn: whether each episode has a scene that is drawn anew, with the robot at its start.
    """

    instance: TaskInstance
    drawn: bool

    @property
    def proposals(self) -> tuple[str, ...]:
        """Instructions to choose from."""
        ...

    def draw(self) -> TaskInstance:
        """Draw the present scene."""
        ...

    def advance(self) -> None:
        """Go on after an episode that was kept."""
        ...

    def again(self, info: EpisodeInfo) -> None:
        """Go back to what the last episode that was kept was about: its scene, and the words that were said in it."""
        ...

    def say(self, instruction: str) -> None:
        """Ask for `instruction`."""
        ...


class RealScene:
    """What stands before a robot, which a person puts back by hand; implements `Scenes`.

    Args:
        instructions: proposed one after the other, again from the first after the last; at least one.
    """

    drawn = False

    def __init__(self, instructions: tuple[str, ...]) -> None:
        self._instructions = instructions
        self._proposed = 0
        self.say(instructions[0])

    @property
    def proposals(self) -> tuple[str, ...]:
        """The list."""
        return self._instructions

    def draw(self) -> TaskInstance:
        """Nothing is drawn."""
        return self.instance

    def advance(self) -> None:
        """Propose the next instruction."""
        self._proposed += 1
        self.say(self._instructions[self._proposed % len(self._instructions)])

    def again(self, info: EpisodeInfo) -> None:
        """Ask for the same once more; no scene has a number."""
        self._proposed -= 1
        self.say(info.instruction)

    def say(self, instruction: str) -> None:
        """Ask for `instruction`."""
        self.instance = TaskInstance(seed=None, candidates=(instruction,), candidate=0)


class DrawnScenes:
    """Draws the scene of each episode, and words what is asked for in it; implements `Scenes`.

    Seeds rise from one kept episode to the next, whatever is asked for, so that no scene is recorded for ever.

    Args:
        task: draws them.
        first_seed: of the first scene.
        instructions: proposed one after the other, again from the first after the last; empty for the task's own.
    """

    drawn = True

    def __init__(self, task: Task, first_seed: int, instructions: tuple[str, ...] = ()) -> None:
        self._task = task
        self._seed = first_seed
        self.instructions = instructions
        self._proposed = 0
        self._said = instructions[0] if instructions else ""
        self.instance = task.reset(first_seed)

    @property
    def proposals(self) -> tuple[str, ...]:
        """Instructions to choose from: those of the list, else those that this scene can be asked for."""
        return self.instructions or self.instance.candidates

    def draw(self) -> TaskInstance:
        """Draw the present scene anew; words that mean a seed before it here are said in the next scene."""
        first = self._seed
        self.instance = self._task.reset(self._seed)
        if self._said:
            self.say(self._said)
        if self._seed < first:
            self._seed = self._next_scene
            return self.draw()
        return self.instance

    def advance(self) -> None:
        """Go on to the next scene, and to the next instruction of the list."""
        self._seed = self._next_scene if self._said else self._seed + 1
        self._proposed += 1
        self._said = self.instructions[self._proposed % len(self.instructions)] if self.instructions else ""

    def again(self, info: EpisodeInfo) -> None:
        """Go back to a scene, and to the words that were said in it."""
        self._seed = self._seed if info.seed is None else info.seed
        self._proposed -= 1
        self._said = info.instruction

    @property
    def _next_scene(self) -> int:
        """The first seed after those of this scene, of which each object that can be asked for has one."""
        return self._seed - self.instance.candidate + len(self.instance.candidates)

    def say(self, instruction: str) -> None:
        """Ask for `instruction` in this scene: for the object that it is known to mean here, else in other words."""
        instance = self.instance
        self._said = instruction
        if instruction in instance.candidates and instance.seed is not None:
            self._seed = instance.seed - instance.candidate + instance.candidates.index(instruction)
            self.instance = self._task.reset(self._seed)
            return
        told = list(instance.candidates)
        told[instance.candidate] = instruction
        self.instance = replace(instance, candidates=tuple(told))
