import numpy as np
import pytest
from fakes import SteppedClock

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.values import CameraFrame
from hlm.runtime.image_arrivals import ImageArrival, image_arrivals, slot_after_images
from hlm.runtime.loop import ControlLoop, LoopConfig

PERIOD_NS = 1e9 / 30
IMAGE = np.zeros((2, 2, 3), np.uint8)


class Exposed:
    """Cameras whose images come a while after their capture, each with a phase of its own."""

    def __init__(self, clock, **late_ns):
        self._clock = clock
        self._late_ns = late_ns

    def capture(self):
        frames = {}
        for name, late_ns in self._late_ns.items():
            number = int((self._clock.now_ns() - late_ns) // PERIOD_NS)
            if number >= 0:
                frames[name] = CameraFrame(round(number * PERIOD_NS), IMAGE)
        return frames


class Broken:
    def capture(self):
        raise OSError("no such device")


def test_an_arrival_is_when_the_last_of_the_cameras_has_a_new_image():
    clock = SteppedClock(0)
    arrivals = image_arrivals(Exposed(clock, head=3_000_000, wrist=11_000_000), clock, 500_000_000)
    assert len(arrivals) in (13, 14)
    assert (np.diff([arrival.captured_ns for arrival in arrivals]) > 33e6).all()
    arrivals_ns = [arrival.seen_ns for arrival in arrivals]
    assert (np.diff(arrivals_ns) > 32e6).all()
    phases_ns = np.array(arrivals_ns) % PERIOD_NS
    assert (phases_ns >= 11e6).all()
    assert (phases_ns <= 12.1e6).all()
    assert clock.now_ns() == 500_000_000


@pytest.mark.parametrize("cameras", [Broken(), Exposed(SteppedClock(0))])
def test_cameras_that_fail_or_show_nothing_have_no_arrivals(cameras):
    assert image_arrivals(cameras, SteppedClock(0), 50_000_000) == []


@pytest.mark.parametrize("first_ms", [0.2, 17.0, 33.0])
def test_slots_come_after_nine_tenths_of_the_images_and_soon(first_ms):
    generator = np.random.default_rng(5)
    late_ms = generator.exponential(1.0, 60)
    late_ms[30] = 12.0  # one that was much too late moves nothing
    arrivals_ms = first_ms + PERIOD_NS * 1e-6 * np.arange(60) + late_ms
    now_ns = round(1e6 * arrivals_ms[-1]) + 5_000_000
    slot_ns = slot_after_images([ImageArrival(0, round(1e6 * arrival)) for arrival in arrivals_ms], now_ns, 30.0)
    assert now_ns < slot_ns <= now_ns + PERIOD_NS + 1
    waits_ms = (slot_ns * 1e-6 - first_ms - late_ms) % (PERIOD_NS * 1e-6)
    assert (waits_ms < 4.0).mean() > 0.85


def test_an_image_that_comes_in_a_moment_is_waited_for():
    assert slot_after_images([ImageArrival(0, 90)], 10, 30.0) == 90


def test_without_images_a_grid_begins_at_once():
    assert slot_after_images([], 77, 30.0) == 77


def test_a_loop_looks_right_after_images_come(make_rig, make_source):
    rig = make_rig()
    cameras = Exposed(rig.clock, head=3_000_000)
    config = LoopConfig(settle_s=0.3, after_images=True)
    steps = list(ControlLoop(rig.clock, rig.body, cameras, UNITREE_G1, config).steps(make_source(20), "wave"))
    assert len(steps) == 20
    assert all(0.003 <= step.age_s["image_head"] <= 0.0045 for step in steps)
