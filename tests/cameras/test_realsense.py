"""A RealSense, against an emulator of the part of its SDK's Python surface that is used (as of version 2.59)."""

import sys
from datetime import UTC, datetime
from enum import Enum
from types import SimpleNamespace

import numpy as np
import pytest
from conformance.cameras import CamerasConformance
from fakes_cameras import noise

from hlm.cameras.realsense import RealSenseCamera, RealSenseConfig
from hlm.core.clock import MonotonicClock
from hlm.core.errors import InputError, LostError, MissingDependencyError

CLOCK = MonotonicClock()
Domain = Enum("timestamp_domain", ["hardware_clock", "system_time", "global_time"])


class Sdk:
    """An SDK with one device, which delivers noise at 100 Hz and uses the memory of its images again."""

    timestamp_domain, stream, format = Domain, SimpleNamespace(color="color"), SimpleNamespace(rgb8="rgb8")

    def __init__(self, domain=Domain.global_time, age_s=0.02, serial="123", fails_after=None):
        self.domain, self.age_s, self.serial, self.fails_after = domain, age_s, serial, fails_after
        self.count, self.running = 0, False

    def config(self):
        asked = SimpleNamespace(serial=None, stream=None)
        asked.enable_device = lambda serial: setattr(asked, "serial", serial)
        asked.enable_stream = lambda *stream: setattr(asked, "stream", stream)
        return asked

    def pipeline(self):
        return self

    def start(self, asked):
        if asked.serial not in (None, self.serial):
            raise RuntimeError("No device connected")
        kind, width, height, coding, _ = asked.stream
        assert (kind, coding) == ("color", "rgb8")
        self.memory, self.running = np.zeros((height, width, 3), np.uint8), True

    def stop(self):
        self.running = False
        if self.count == self.fails_after:
            raise RuntimeError("stop() cannot be called before start()")

    def wait_for_frames(self, timeout_ms):
        self.count += 1
        if self.count == self.fails_after:
            raise RuntimeError(f"Frame didn't arrive within {timeout_ms}")
        CLOCK.wait_until(CLOCK.now_ns() + 10_000_000)
        self.memory[:] = noise(self.count, *self.memory.shape[:2])
        stamp_ms = 1000.0 * (datetime.now(UTC).timestamp() - self.age_s)
        frame = SimpleNamespace(
            get_data=lambda: self.memory,
            get_timestamp=lambda: stamp_ms,
            get_frame_timestamp_domain=lambda: self.domain,
        )
        return SimpleNamespace(get_color_frame=lambda: frame)


@pytest.fixture
def sdk(monkeypatch):
    """Installs an SDK."""

    def install(**chosen):
        made = Sdk(**chosen)
        monkeypatch.setitem(sys.modules, "pyrealsense2", made)
        return made

    return install


def camera(**chosen):
    return RealSenseCamera(RealSenseConfig(name="head", size=(24, 32), **chosen))


class TestRealSenseCamera(CamerasConformance):
    @pytest.fixture
    def cameras_and_clock(self, sdk):
        sdk()
        return camera(), CLOCK


def age_s(frame):
    return (CLOCK.now_ns() - frame.stamp_ns) / 1e9


@pytest.mark.parametrize(
    ("domain", "sent_age_s", "least_s"),
    [
        (Domain.global_time, 0.5, 0.49),
        (Domain.system_time, 0.5, 0.49),
        (Domain.hardware_clock, 0.5, 0.0),
        (Domain.global_time, -3600.0, 0.0),  # the host's clock was set back
        (Domain.global_time, 3600.0, 0.0),
    ],
)
def test_stamps_are_instants_of_capture_where_the_device_knows_them(sdk, domain, sent_age_s, least_s):
    sdk(domain=domain, age_s=sent_age_s)
    with camera() as cameras:
        before_ns = CLOCK.now_ns()
        frame = cameras.capture()["head"]
    assert age_s(frame) >= least_s
    if not least_s:
        assert frame.stamp_ns >= before_ns


def test_an_image_is_not_overwritten_by_the_next(sdk):
    sdk()
    with camera() as cameras:
        first = cameras.capture()["head"].image
        cameras.capture()
    np.testing.assert_array_equal(first, noise(1))


def test_a_device_that_is_not_there_or_leaves_is_one_line(sdk):
    made = sdk(fails_after=3)
    with camera(serial="123") as cameras:
        cameras.capture()
        cameras.capture()
        with pytest.raises(LostError, match="camera 'head': the RealSense stopped delivering images"):
            cameras.capture()
    assert not made.running
    text = r"no RealSense 999 delivers 32 x 24 pixels at 30 Hz \(No device connected\)"
    with pytest.raises(LostError, match=text), camera(serial="999"):
        pass


def test_a_missing_sdk_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'hlm\[realsense\]'"), camera():
        pass


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="cannot deliver 0 images"):
        RealSenseConfig(name="head", rate_hz=0)
