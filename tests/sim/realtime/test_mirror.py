import numpy as np
import pytest

from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.proprioception import measured_state
from hlm.core.shared_ring import SharedRing
from hlm.runtime.bodies.lockstep import LockstepBody
from hlm.runtime.loop import ControlLoop
from hlm.sim.cameras import SimulatedCameras
from hlm.sim.realtime.mirror import Mirror
from hlm.sim.realtime.mirrored_task import MirroredSource, MirroredTask
from hlm.sim.realtime.world_record import WorldRecorder, world_dtype
from hlm.sim.tasks.catalog import make_operator
from hlm.teleop.retargeting import RetargetedSource


class NoCameras:
    """Delivers nothing."""

    def capture(self):
        return {}


@pytest.fixture
def mirrored(task, twin_task):
    """Shows the world of `task` in that of `twin_task` whenever it is asked to; and the mirror."""
    ring = SharedRing(world_dtype(task.world.model))
    recorder, mirror = WorldRecorder(ring), Mirror(twin_task.world, ring)
    recorder.begin(0)
    return lambda: recorder.record(task.world, "", 0), mirror


def test_it_shows_nothing_before_there_is_a_world(twin_task, task):
    assert Mirror(twin_task.world, SharedRing(world_dtype(task.world.model))).refresh() is None


def test_it_shows_state_instant_and_poses(mirrored, task, twin_task):
    show, mirror = mirrored
    task.reset(7)
    twin_task.reset(7)
    task.world.wait_until(100_000_000)
    show()
    assert mirror.refresh().stamp_ns == 100_000_000 == twin_task.world.now_ns()
    np.testing.assert_array_equal(twin_task.world.state(), task.world.state())
    np.testing.assert_allclose(twin_task.world.data.xpos, task.world.data.xpos, atol=1e-12)
    with (
        SimulatedCameras(task.world, ("head",), 24, 32) as own,
        SimulatedCameras(twin_task.world, ("head",), 24, 32) as other,
    ):
        np.testing.assert_array_equal(own.render("head"), other.render("head"))


@pytest.mark.slow
def test_progress_and_privileged_quantities_are_those_of_the_world_itself(mirrored, task, twin_task):
    """A whole scripted episode, whose operator sees the mirror alone."""
    show, mirror = mirrored
    instance = task.reset(100003)
    scored = MirroredTask(twin_task, mirror, lambda seed: show())
    assert scored.reset(100003) == instance
    source = MirroredSource(
        RetargetedSource(make_operator(twin_task, np.random.default_rng([100003, 1])), UNITREE_G1), mirror
    )
    body = LockstepBody(task.robot, WholeBodyTracker(UNITREE_G1), task.world, UNITREE_G1)
    loop, seen = ControlLoop(task.world, body, NoCameras(), UNITREE_G1), []
    body_read = body.read

    def read():
        show()
        return body_read()

    body.read = read
    with body:
        for _ in loop.steps(source, instance.instruction):
            show()
            seen.append((task.update(), scored.update()))
            own, other = task.privileged(), scored.privileged()
            for name, values in own.items():
                np.testing.assert_allclose(other[name], values, atol=1e-9)
    assert seen[-1][0].success
    assert [own for own, _ in seen] == [other for _, other in seen]
    assert measured_state(body_read(), None)[0].shape == (34,)
