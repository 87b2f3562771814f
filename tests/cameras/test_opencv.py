"""OpenCV's cameras: a film in the place of a device, and a device of which the test decides what it does."""

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from conformance.cameras import CamerasConformance
from fakes_camera_servers import COLOURS, film_of, scene

from hlm.cameras import opencv
from hlm.cameras.camera_process import CameraProcess
from hlm.cameras.delivery import DeliveryConfig
from hlm.cameras.opencv import OpenCvCamera, OpenCvConfig
from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import InputError, LostError, MismatchError

CLOCK = MonotonicClock()
PERIOD_NS = NS_PER_S // 30


def config(device, **chosen):
    return OpenCvConfig(name="head", device=str(device), **chosen)


class TestOpenCvCamera(CamerasConformance):
    @pytest.fixture
    def cameras_and_clock(self, film):
        return OpenCvCamera(config(film)), CLOCK


class TestOpenCvCameraInAProcess(CamerasConformance):
    @pytest.fixture
    def cameras_and_clock(self, tmp_path):
        film = film_of(tmp_path / "long.mp4", 600)
        delivery = DeliveryConfig(rate_hz=30.0, nice=0)
        return CameraProcess("head camera", partial(OpenCvCamera, config(film)), ("head",), delivery), CLOCK


class Device:
    """A stand-in for `cv2.VideoCapture` of a V4L2 device: its buffers fill with time, and then the newest are lost."""

    def __init__(self, clock, fails_after=None, stamped=True, size=(48, 64), buffers=4):
        self.clock, self.fails_after, self.stamped, self.size = clock, fails_after, stamped, size
        self.buffers, self.waiting, self.filled = buffers, [], clock.now_ns() // PERIOD_NS - 1
        self.settings, self.grabbed, self.released = {}, -1, False

    def fill(self):
        while (self.filled + 2) * PERIOD_NS <= self.clock.now_ns():
            self.filled += 1
            if len(self.waiting) < self.buffers:
                self.waiting.append(self.filled)

    def isOpened(self):  # noqa: N802
        return True

    def set(self, name, value):
        self.settings[name] = value

    def get(self, name):
        if name == cv2.CAP_PROP_POS_MSEC:
            return (self.grabbed + 1) * PERIOD_NS / 1e6 if self.stamped else -1.0
        return {cv2.CAP_PROP_FRAME_HEIGHT: self.size[0], cv2.CAP_PROP_FRAME_WIDTH: self.size[1]}[name]

    def grab(self):
        self.fill()
        if not self.waiting:
            self.clock.wait_until((self.filled + 2) * PERIOD_NS)
            self.fill()
        self.grabbed = self.waiting.pop(0)
        return self.fails_after is None or self.grabbed < self.fails_after

    def retrieve(self):
        return True, scene(self.grabbed, *self.size)[..., ::-1].copy()

    def release(self):
        self.released = True


class Hand:
    """A clock that the test and the device move."""

    def __init__(self):
        self.ns = 10 * NS_PER_S

    def now_ns(self):
        return self.ns

    def wait_until(self, due_ns):
        self.ns = max(self.ns, due_ns)


@pytest.fixture
def device(monkeypatch):
    """Puts a `Device` where /dev/null is."""

    def make(**chosen):
        hand = Hand()
        made = Device(hand, **chosen)
        monkeypatch.setattr(opencv, "MonotonicClock", lambda: hand)
        monkeypatch.setattr(cv2, "VideoCapture", lambda *_: made)
        return made

    return make


def count_of(frame):
    """Of which `scene` an image is."""
    return int(np.argmax(frame.image.min(axis=(1, 2))))


def test_images_are_rgb(film):
    with OpenCvCamera(config(film)) as camera:
        image = camera.capture()["head"].image
    np.testing.assert_allclose(np.median(image[:, :28].reshape(-1, 3), axis=0), COLOURS[0], atol=12)
    np.testing.assert_allclose(np.median(image[:, 36:].reshape(-1, 3), axis=0), COLOURS[1], atol=12)


def test_a_film_ends_like_a_device_that_is_unplugged(film):
    with OpenCvCamera(config(film)) as camera:
        for _ in range(12):
            camera.capture()
        with pytest.raises(LostError, match=r"camera 'head': .*film\.mp4 stopped delivering images. Is it unplugged"):
            camera.capture()


@pytest.mark.parametrize(
    ("device", "error", "text"),
    [
        ("/dev/video98", LostError, "camera 'head': there is no /dev/video98. Cameras on this machine: "),
        ("98", LostError, "there is no /dev/video98"),
        ("text", LostError, "text does not open as a camera. Another program may use it"),
        ("/dev/null", LostError, "/dev/null does not open as a camera"),
    ],
)
def test_a_device_that_does_not_open_is_one_line(tmp_path, device, error, text, capfd):
    (tmp_path / "text").write_text("no film", encoding="utf-8")
    path = tmp_path / "text" if device == "text" else device
    with pytest.raises(error, match=text), OpenCvCamera(config(path)):
        pass


@pytest.mark.parametrize(
    ("number", "text"),
    [(13, "Join the group that may: sudo usermod"), (16, "Another program uses it"), (19, "in again")],
)
def test_a_device_that_may_not_be_opened_says_what_to_do(monkeypatch, number, text):
    def refuse(path, flags):
        raise OSError(number, "refused", str(path))

    monkeypatch.setattr(opencv.os, "open", refuse)
    with pytest.raises(LostError, match=rf"camera 'head': /dev/null cannot be opened \(refused\)\. .*{text}"):
        OpenCvCamera(config("/dev/null")).__enter__()


def test_another_size_than_asked_for_is_one_line(film, device):
    with OpenCvCamera(config(film, size=(48, 64))) as camera:
        camera.capture()
    text = "delivers 64 x 48 pixels, and 640 x 480 were asked for. `v4l2-ctl"
    with pytest.raises(MismatchError, match=text), OpenCvCamera(config(film, size=(480, 640))) as camera:
        camera.capture()
    made = device()
    with pytest.raises(MismatchError, match=text), OpenCvCamera(config("/dev/null", size=(480, 640))):
        pass
    assert made.released


def test_a_device_is_set_to_what_was_asked_for(device):
    made = device()
    with OpenCvCamera(config("/dev/null", size=(48, 64), rate_hz=60.0, fourcc="YUYV")):
        pass
    assert made.settings == {
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"YUYV"),
        cv2.CAP_PROP_FRAME_HEIGHT: 48,
        cv2.CAP_PROP_FRAME_WIDTH: 64,
        cv2.CAP_PROP_FPS: 60.0,
        cv2.CAP_PROP_BUFFERSIZE: 2,
    }
    assert made.released


@pytest.mark.parametrize("stamped", [True, False])
@pytest.mark.parametrize("buffers", [1, 2, 4])
def test_images_that_waited_are_dropped_and_stamps_are_the_drivers_where_it_has_some(device, stamped, buffers):
    made = device(stamped=stamped, buffers=buffers)
    with OpenCvCamera(config("/dev/null")) as camera:
        for pause_periods in (0.0, 0.5, 0.93, 1.4, 2.67, 4.51, 20.2, 0.1):
            made.clock.ns += round(pause_periods * PERIOD_NS)
            frame = camera.capture()["head"]
            # The newest one; without the driver's stamps it may be the one before.
            assert made.clock.now_ns() - (made.grabbed + 1) * PERIOD_NS < PERIOD_NS * (1 if stamped else 2)
            expected_ns = (made.grabbed + 1) * PERIOD_NS if stamped else made.clock.now_ns()
            assert abs(frame.stamp_ns - expected_ns) < 1000
            assert count_of(frame) == made.grabbed % 48


def test_a_device_that_is_unplugged_is_one_line(device):
    made = device(fails_after=305)
    with OpenCvCamera(config("/dev/null")) as camera, pytest.raises(LostError, match="/dev/null stopped delivering"):
        for _ in range(20):
            camera.capture()
    assert made.released


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ({"device": ""}, "needs a device"),
        ({"device": "0", "fourcc": "MJPEG"}, "four letters"),
        ({"device": "0", "rate_hz": 0.0}, "more than 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(chosen, text):
    with pytest.raises(InputError, match=text):
        OpenCvConfig(name="head", **chosen)


def test_a_number_is_a_device():
    assert Path(config("2").device) == Path("/dev/video2")
