"""Whenever a policy is lost, the robot rests, crouches, brakes and sinks, and does not fall on its way there."""

from contextlib import ExitStack

import numpy as np
import pytest

from hlm.cli.deployed_robot import NoCameras
from hlm.cli.sources import EMBODIMENT, scripted_source
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.body import BodyState
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.values import ActionChunk
from hlm.runtime.bodies.lockstep import LockstepBody
from hlm.runtime.chunks.asking import Poll, Status
from hlm.runtime.chunks.playback import steps_between
from hlm.runtime.chunks.schedulers import Asynchronous, ChunkConfig
from hlm.runtime.chunks.source import ChunkSource
from hlm.runtime.station import Station, episode
from hlm.sim.tasks.catalog import make_task

TASK, SEED = "shelf_cup_transfer", 100003
# A request twice a second; what is left of the last chunk is half a second more.
CHUNK, HORIZON = 30, 15
# Hold, crouch, and a margin.
LONGEST_S = 8.0
# What it takes to sink from a crouch.
SINKING_S = 1.0
# Cosine of the tilt.
UPRIGHT = 0.7
# Height of the pelvis at the end of a crouch is 0.22 m.
CROUCHED_M = 0.3


class Reciting:
    """A policy that does what an operator did, and never answers again after so many answers."""

    def __init__(self, vectors, answers):
        self.vectors, self.answers = vectors, answers
        self.first_ns, self.newest = None, Poll()

    def request(self, observation, prefix=None):
        if not self.answers:
            self.newest = Poll(status=Status.WAITING)
            return
        self.answers -= 1
        self.first_ns = observation.stamp_ns if self.first_ns is None else self.first_ns
        start = steps_between(self.first_ns, observation.stamp_ns, STEP_HZ)
        rows = np.minimum(np.arange(start, start + CHUNK), len(self.vectors) - 1)
        self.newest = Poll(chunk=ActionChunk(observation.stamp_ns, STEP_HZ, self.vectors[rows]))

    def poll(self):
        return self.newest


class Room:
    """The task with the tracker behind the safety, and how upright the robot was at each look."""

    def __init__(self, stack, make_source):
        self.task = make_task(TASK, EMBODIMENT)
        self.body = LockstepBody(self.task.robot, WholeBodyTracker(EMBODIMENT), self.task.world, EMBODIMENT)
        station = Station(
            clock=self.task.world,
            body=self.body,
            cameras=NoCameras(),
            embodiment=EMBODIMENT,
            make_source=lambda instance: make_source(self.task, instance),
            task=self.task,
        )
        self.station = stack.enter_context(station)
        self.upright = []

    def steps(self):
        """The steps of an episode, until the body follows no longer."""
        for scored in episode(self.station, self.task.reset(SEED)):
            self.look()
            yield scored

    def wait(self, duration_s, until=lambda: False):
        world = self.task.world
        end_ns = world.now_ns() + round(duration_s * NS_PER_S)
        while world.now_ns() < end_ns and not until():
            self.body.advance(world.now_ns() + NS_PER_S // 20)
            self.look()

    def look(self):
        self.upright.append(self.task.robot.pelvis_uprightness())


@pytest.fixture(scope="module")
def vectors():
    """[step, 34] what the scripted operator asks for in an episode that succeeds, 11 s long."""
    with ExitStack() as stack:
        steps = list(Room(stack, scripted_source).steps())
    assert steps[-1].progress.success
    return np.array([scored.step.reference.vector for scored in steps])


@pytest.mark.slow
@pytest.mark.parametrize("answers", range(22))
def test_a_policy_that_is_lost_at_any_half_second_ends_in_a_crouch_that_brakes(vectors, answers):
    config = ChunkConfig(execution_horizon=HORIZON)
    with ExitStack() as stack:
        source = ChunkSource(Reciting(vectors, answers), Asynchronous(config), config)
        room = Room(stack, lambda task, instance: source)
        steps = list(room.steps())
        assert source.counts.joined == answers
        assert len(steps) >= HORIZON * answers
        assert room.body.status.state is BodyState.HOLDING
        assert room.body.status.fault.startswith("the policy gave no chunk for 2.0 s")
        room.wait(LONGEST_S, until=lambda: room.body.status.braking)
        assert room.body.status.state is BodyState.DAMPING
        assert room.task.robot.pelvis_height_m() < CROUCHED_M
        room.wait(SINKING_S)
        assert min(room.upright) > UPRIGHT
