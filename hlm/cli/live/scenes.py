"""The scenes of a recording session in simulation: one after the other, and again where an episode was discarded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hlm.core.task import Task, TaskInstance


class Scenes:
    """Draws the scene of each episode, and words what is asked for in it.

    Args:
        task: draws them.
        first_seed: of the first scene.
        instructions: proposed one after the other, again from the first after the last; empty for the task's own.
    """

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
        """Draw the present scene anew."""
        self.instance = self._task.reset(self._seed)
        if self._said:
            self.say(self._said)
        return self.instance

    def advance(self) -> None:
        """Go on to the next scene, and to the next instruction of the list."""
        self._seed += 1
        self._proposed += 1
        self._said = self.instructions[self._proposed % len(self.instructions)] if self.instructions else ""

    def again(self, seed: int) -> None:
        """Go back to a scene."""
        self._seed = seed

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
