"""Cameras that look at a mirror."""

import numpy as np
import pytest

from hlm.core.shared_ring import SharedRing
from hlm.sim.cameras import SimulatedCameras
from hlm.sim.realtime.mirror import Mirror
from hlm.sim.realtime.mirrored_cameras import MirroredCameras
from hlm.sim.realtime.world_record import WorldRecorder, world_dtype


def test_images_and_stamps_are_those_of_the_world_that_is_mirrored(task, twin_task):
    ring = SharedRing(world_dtype(task.world.model))
    recorder = WorldRecorder(ring)
    recorder.begin(0)
    task.reset(7)
    eyes = SimulatedCameras(twin_task.world, ("head",), 24, 32)
    with MirroredCameras(eyes, Mirror(twin_task.world, ring)) as cameras:
        assert cameras.capture() == {}
        for instant_ns in (40_000_000, 400_000_000):
            task.world.wait_until(instant_ns)
            recorder.record(task.world, "", 0)
            frame = cameras.capture()["head"]
            assert frame.stamp_ns == instant_ns
            with SimulatedCameras(task.world, ("head",), 24, 32) as own:
                np.testing.assert_array_equal(frame.image, own.render("head"))


def test_leaving_frees_what_renders_also_after_an_error(task, twin_task):
    closed = []

    class Eyes:
        def __enter__(self):
            return self

        def __exit__(self, *exception):
            closed.append(exception[0])

    ring = SharedRing(world_dtype(task.world.model))
    with pytest.raises(ZeroDivisionError), MirroredCameras(Eyes(), Mirror(twin_task.world, ring)):
        raise ZeroDivisionError
    assert closed == [ZeroDivisionError]
