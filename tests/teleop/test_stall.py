"""A task that has come as far as it is told, and a clock of steps."""

import pytest
from conformance.reference_sources import observation

from hlm.core.errors import InputError
from hlm.core.task import Progress
from hlm.teleop.stall import Stall

PATIENCE = 30
"""Steps of a second."""


class ToldTask:
    stages = ("reach", "grasp", "place")

    def __init__(self):
        self.progress = Progress()

    def update(self):
        return self.progress


def stalled(script, steps=100, ready=lambda step: True, **changes):
    """[step] whether an episode has stalled whose progress at each step is `script(step)`."""
    task, now = ToldTask(), [0]
    stall, said = Stall(task, 1.0, lambda: ready(now[0]), **changes), []
    for step in range(steps):
        task.progress, now[0] = script(step), step
        said.append(stall(observation(step)))
    return said


def test_it_has_stalled_from_the_first_step_after_the_patience():
    assert stalled(lambda step: Progress()) == [False] * PATIENCE + [True] * (100 - PATIENCE)


def test_each_stage_gives_it_the_whole_time_again():
    said = stalled(lambda step: Progress(stage=int(step >= 20)))
    assert said.index(True) == 20 + PATIENCE


def test_what_has_stalled_stays_so_when_whoever_took_over_gets_on():
    said = stalled(lambda step: Progress(stage=0 if step < 40 else min((step - 40) // 5, 3)))
    assert said == [False] * PATIENCE + [True] * (100 - PATIENCE)


def test_nobody_takes_over_before_they_are_ready():
    said = stalled(lambda step: Progress(), ready=lambda step: step in (50, 51))
    assert said.index(True) == 50
    assert all(said[50:])


@pytest.mark.parametrize(
    "progress", [Progress(fell=True), Progress(stage=1, wrong_object=True), Progress(stage=3, success=True)]
)
def test_what_is_lost_or_done_does_not_stall(progress):
    assert not any(stalled(lambda step: progress))


def test_a_patience_of_nothing_is_refused():
    with pytest.raises(InputError, match="has stalled must be positive, got 0 s"):
        Stall(ToldTask(), 0.0)


def test_until_the_next_stage_the_policy_has_the_robot_again_and_may_stall_again():
    said = stalled(lambda step: Progress(stage=int(step >= 40)), until_stage=True)
    assert said == [False] * PATIENCE + [True] * 10 + [False] * PATIENCE + [True] * 30
